// The path engine: carries frames and time to the controllers and their decisions to WireGuard. It decides nothing.
//
// It stands beside the loop, because a dead path can't wait for the next turn: the loop tells it who the peers are and
// what became known of them, and keeps its hands off their endpoints.

import type { Address } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { fromBase64 } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log, Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import type { PeerEntry } from '../report/peers.ts'
import { createCandidateBook } from './candidate-book.ts'
import { createPeerPaths } from './controller.ts'
import type { FrameSocket, WireguardDoor } from './doors.ts'
import type { EndpointBook, EndpointInput } from './endpoint-book.ts'
import type { Names } from './names.ts'
import type { Pace, PathAction, PathEvent, PathView, PeerPaths } from './path.ts'
import { createReflexive, type Mapping } from './reflexive.ts'
import type { PathTalk } from './talk.ts'
import { createTraffic } from './traffic.ts'

export interface PathEngineOptions {
  readonly wgKey: WgKey
  readonly talk: PathTalk
  readonly socket: FrameSocket
  readonly wireguard: WireguardDoor
  readonly names: Names
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly metered: boolean
  readonly pace: () => Pace
  /** Sends one packet through the tunnel, so that the peer's WireGuard follows. */
  readonly nudge: (address: Address) => void
  /** The path of a peer changed. */
  readonly onChange: () => void
}

export interface PathEngine extends EndpointBook {
  /** Resolves true if this host shares WireGuard's port with us; else the engine stays still. */
  start(): Promise<boolean>
  stop(): Promise<void>
  view(node: NodeId): PathView | undefined
  mapping(): Mapping
  /** The relay behind an endpoint. */
  viaOf(endpoint: Endpoint): NodeId | undefined
}

interface Pair {
  readonly node: NodeId
  readonly paths: PeerPaths
  entry: PeerEntry
  roamed: Endpoint | undefined
  handshakeAt: number
  dueAt: number
}

/** Of two keys the lower decides, byte by byte. */
function isLower(a: WgKey, b: WgKey): boolean {
  return Buffer.compare(fromBase64(a), fromBase64(b)) < 0
}

export function createPathEngine(options: PathEngineOptions): PathEngine {
  const { clock, entropy, log, socket, talk, wireguard } = options
  const pairs = new Map<NodeId, Pair>()
  const byKey = new Map<WgKey, Pair>()
  /** Endpoints for peers that WireGuard has none for; the others are turned by `point`. */
  const chosen = new Map<NodeId, Endpoint>()
  const candidates = createCandidateBook(options.names)
  const reflexive = createReflexive()
  const pending = new Map<WgKey, Endpoint>()
  let own: ReadonlySet<string> = new Set()
  let localText = ''
  let revision = 0
  let pointing = false
  let timer: Timer | undefined
  let timerAt = Number.POSITIVE_INFINITY
  let running = false

  const point = async (): Promise<void> => {
    if (pointing) return
    pointing = true
    while (pending.size > 0) {
      const batch = new Map(pending)
      pending.clear()
      try {
        await wireguard.point(batch)
        for (const wgKey of batch.keys()) {
          const address = byKey.get(wgKey)?.entry.member.addresses[0]
          if (address !== undefined) options.nudge(address)
        }
      } catch (error) {
        log.warn('WireGuard took no endpoint', { why: describeError(error) })
      }
    }
    pointing = false
  }

  const use = (pair: Pair, action: PathAction & { type: 'use' }): void => {
    const { name, wgKey } = pair.entry.member
    log.info('path', { peer: name, kind: action.kind, endpoint: action.endpoint, why: action.why })
    pending.set(wgKey, action.endpoint)
    chosen.set(pair.node, action.endpoint)
    revision += 1
    void point()
    options.onChange()
  }

  const call = (pair: Pair): void => {
    const ways = pair.paths.view().candidates.filter(({ inUse, state }) => inUse || state === 'valid')
    for (const { endpoint } of ways) socket.send(talk.call(pair.entry.member.wgKey), endpoint)
  }

  const perform = (pair: Pair, actions: readonly PathAction[]): void => {
    for (const action of actions) {
      switch (action.type) {
        case 'probe':
          socket.send(talk.ping(pair.entry.member.wgKey, action.probe, action.endpoint), action.endpoint, action.ttl)
          break
        case 'use':
          use(pair, action)
          break
        case 'call':
          call(pair)
          break
        case 'relays':
          break
      }
    }
  }

  const tell = (pair: Pair, event: PathEvent): void => {
    perform(pair, pair.paths.handle(event, clock.monotonic()))
    pair.dueAt = pair.paths.dueAt()
    arm(pair.dueAt)
  }

  const arm = (at: number): void => {
    if (!running || at >= timerAt) return
    timer?.cancel()
    timerAt = at
    timer = clock.after(Math.max(0, at - clock.monotonic()), ring)
  }

  const ring = (): void => {
    timerAt = Number.POSITIVE_INFINITY
    const now = clock.monotonic()
    let next = Number.POSITIVE_INFINITY
    for (const pair of pairs.values()) {
      if (pair.dueAt <= now) {
        perform(pair, pair.paths.handle({ type: 'time' }, now))
        pair.dueAt = pair.paths.dueAt()
      }
      next = Math.min(next, pair.dueAt)
    }
    arm(next)
  }

  const receive = (bytes: Uint8Array, from: Endpoint): void => {
    const heard = talk.receive(bytes, from)
    const pair = heard === undefined ? undefined : byKey.get(heard.peer)
    if (heard === undefined || pair === undefined) return
    switch (heard.type) {
      case 'ping':
        socket.send(heard.reply, from)
        tell(pair, { type: 'asked', endpoint: from })
        break
      case 'pong':
        if (!candidates.isLocal(from) && candidates.viaOf(from) === undefined) {
          reflexive.note(from, heard.seenAs, clock.monotonic())
        }
        pair.entry.rttMs = heard.rttMs
        tell(pair, { type: 'answered', endpoint: from, probe: heard.probe, rttMs: heard.rttMs })
        break
      case 'call':
        tell(pair, { type: 'called' })
        break
    }
  }

  /** Takes in what WireGuard shows of one peer. */
  const look = (pair: Pair, endpoint: Endpoint | undefined, handshakeAt: number): void => {
    if (endpoint !== undefined) chosen.delete(pair.node)
    if (endpoint !== pair.roamed) {
      pair.roamed = endpoint
      tell(pair, { type: 'roamed', endpoint })
    }
    if (handshakeAt !== pair.handshakeAt) {
      pair.handshakeAt = handshakeAt
      tell(pair, { type: 'handshake', at: clock.monotonic() - Math.max(0, clock.now() - handshakeAt) })
    }
  }

  const traffic = createTraffic({
    clock,
    log,
    wireguard,
    onPeer(peer, payload) {
      const pair = byKey.get(peer.wgKey)
      if (pair === undefined) return
      look(pair, peer.endpoint, peer.handshakeAt)
      if (payload) tell(pair, { type: 'traffic' })
    },
  })

  const setPairs = (entries: readonly PeerEntry[]): void => {
    const present = new Set(entries.map(({ member }) => member.wgKey))
    for (const [wgKey, { node }] of byKey) {
      if (present.has(wgKey)) continue
      byKey.delete(wgKey)
      pending.delete(wgKey)
      pairs.delete(node)
      chosen.delete(node)
    }
    for (const entry of entries) {
      const { nodeId: node, wgKey } = entry.member
      const known = byKey.get(wgKey)
      if (known !== undefined) {
        known.entry = entry
        continue
      }
      const paths = createPeerPaths({
        decides: isLower(options.wgKey, wgKey),
        pace: options.pace(),
        metered: options.metered,
        random: () => entropy.fraction(),
        startedAt: clock.monotonic(),
      })
      const pair: Pair = { node, paths, entry, roamed: undefined, handshakeAt: 0, dueAt: Number.POSITIVE_INFINITY }
      pairs.set(node, pair)
      byKey.set(wgKey, pair)
    }
    talk.setPeers([...byKey.keys()])
  }

  const setLocal = (input: EndpointInput): void => {
    const text = input.local.map(({ address, cidr }) => `${address} ${cidr}`).join()
    if (text === localText) return
    const first = localText === ''
    localText = text
    own = new Set(input.local.map(({ address }) => address as string))
    if (first) return
    reflexive.forget()
    for (const pair of pairs.values()) tell(pair, { type: 'network-changed' })
  }

  return {
    chosen,
    revision: () => revision,
    update(input) {
      const news = candidates.update(input)
      if (news) setPairs(input.entries)
      setLocal(input)
      for (const entry of input.entries) {
        const pair = byKey.get(entry.member.wgKey)
        if (pair === undefined) continue
        look(pair, entry.endpoint, entry.handshakeAt)
        const list = candidates.news(entry)
        if (list !== undefined) tell(pair, { type: 'candidates', list })
      }
    },
    async start() {
      running = await socket.open(receive)
      if (running) traffic.start()
      return running
    },
    async stop() {
      running = false
      timer?.cancel()
      traffic.stop()
      await socket.close()
    },
    view: (node) => pairs.get(node)?.paths.view(),
    mapping: () => reflexive.mapping(own),
    viaOf: (endpoint) => candidates.viaOf(endpoint),
  }
}
