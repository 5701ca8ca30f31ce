// The path engine: carries frames and time to the controllers and their decisions to WireGuard. It decides nothing.
//
// It stands beside the loop, because a dead path can't wait for the next turn: the loop tells it who the peers are and
// what became known of them, and keeps its hands off their endpoints.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import type { PeerEntry } from '../report/peers.ts'
import { createAlarm } from './alarm.ts'
import { createAnew } from './anew.ts'
import { createPeerPaths } from './controller.ts'
import type { EndpointInput } from './endpoint-book.ts'
import { hush, isLost, openWays, type Pair, pointAnew } from './engine-pair.ts'
import { createEngineViews } from './engine-views.ts'
import { createGreeting } from './greeting.ts'
import { createHearing } from './hearing.ts'
import { createKeyTeller } from './key-teller.ts'
import type { PathAction, PathEvent } from './path.ts'
import type { PathEngine, PathEngineOptions } from './path-engine.ts'
import { createPointer } from './pointer.ts'
import { createRest } from './rest.ts'
import { createTraffic, type TrafficOptions } from './traffic.ts'
import { createWays } from './ways.ts'

export function createPathEngine(options: PathEngineOptions): PathEngine {
  const { clock, entropy, log, sizes, socket, talk, wireguard } = options
  const [pairs, byKey] = [new Map<NodeId, Pair>(), new Map<WgKey, Pair>()]
  /** Endpoints for peers that WireGuard has none for; the others are turned by `point`. */
  const [chosen, quiet] = [new Map<NodeId, Endpoint>(), new Set<NodeId>()]
  const ways = createWays({
    ...options,
    onRelays: (peer) => refresh(peer),
    onWanted: (peer) => refresh(peer, true),
    onProving(peer, endpoint) {
      const pair = pairs.get(peer)
      rest.flush(pair, endpoint)
      // What failed while nobody was bound there may work from now on.
      if (pair !== undefined) tell(pair, { type: 'asked', endpoint })
    },
  })
  const { candidates, relays } = ways
  const [greet, keys] = [createGreeting(clock, talk, socket), createKeyTeller(clock, talk, socket, byKey)]
  const pointer = createPointer(wireguard, options.nudge, log)
  const rest = createRest({ ...options, pointer, byKey, onWoken: (pair) => tell(pair, { type: 'woken' }) })
  let [own, localText]: [ReadonlySet<string>, string | undefined] = [new Set(), undefined]
  let [revision, running, pace, thrift] = [0, false, options.pace(), options.thrift?.()]

  const use = (pair: Pair, action: PathAction & { type: 'use' }): void => {
    const { addresses, name, wgKey } = pair.entry.member
    log.info('path', { peer: name, kind: action.kind, endpoint: action.endpoint, why: action.why })
    const nudge = action.quiet === true ? undefined : addresses[0]
    pointer.point({ wgKey, endpoint: action.endpoint, leaves: action.leaves, nudge })
    chosen.set(pair.node, action.endpoint)
    revision += 1
    options.onChange()
  }

  const call = (pair: Pair): void => {
    const { wgKey } = pair.entry.member
    for (const endpoint of openWays(pair)) socket.send(talk.call(wgKey, ways.outside(own).mapped[0]), endpoint)
  }

  const perform = (pair: Pair, actions: readonly PathAction[]): void => {
    for (const action of actions) {
      switch (action.type) {
        case 'probe':
          socket.send(talk.ping(pair.entry.member.wgKey, action.probe, action.endpoint), action.endpoint, action.ttl)
          keys.along(pair.entry.member.wgKey, action.endpoint)
          break
        case 'use':
          use(pair, action)
          break
        case 'nudge': {
          const [address] = pair.entry.member.addresses
          if (address !== undefined) options.nudge(address)
          break
        }
        case 'call':
          call(pair)
          if (isLost(pair)) ways.seek(pair.node)
          break
        case 'lost':
          ways.seek(pair.node)
          // What goes through it may go through another.
          options.onChange()
          break
        case 'park':
          chosen.delete(pair.node)
          rest.park(pair)
          break
        case 'relays':
          relays.want(pair.node, action.wanted)
          break
      }
    }
  }

  const tell = (pair: Pair, event: PathEvent): void => {
    perform(pair, pair.paths.handle(event, clock.monotonic()))
    pair.dueAt = pair.paths.dueAt()
    if (running) alarm.at(pair.dueAt)
  }

  const alarm = createAlarm(clock, (now) => {
    let next = Number.POSITIVE_INFINITY
    for (const pair of pairs.values()) {
      if (pair.dueAt <= now) {
        perform(pair, pair.paths.handle({ type: 'time' }, now))
        pair.dueAt = pair.paths.dueAt()
      }
      next = Math.min(next, pair.dueAt)
    }
    return next
  })

  const anew = createAnew({ ...options, call })
  const receive = createHearing({ ...options, ...ways, anew, byKey, greet, rest, tell })

  /** Looks anew where the peer may be, and tells it if that is another list. */
  const inform = (pair: Pair): void => {
    const list = candidates.news(pair.entry)
    if (list === undefined) return
    tell(pair, { type: 'candidates', list })
    rest.offer(pair)
  }
  /** The relays of a peer changed. `called`: it waits at one of them for this node. */
  const refresh = (node: NodeId, called = false): void => {
    candidates.touch(node)
    const pair = pairs.get(node)
    if (pair === undefined) return
    inform(pair)
    if (called) tell(pair, { type: 'called' })
  }

  /** Takes in what WireGuard shows of one peer. */
  const look = (pair: Pair, endpoint: Endpoint | undefined, handshakeAt: number): void => {
    if (endpoint !== undefined) chosen.delete(pair.node)
    // At every look: between two, WireGuard may have gone and come back.
    if (!rest.isParking(endpoint))
      tell(pair, { type: 'roamed', ...(endpoint === undefined ? { endpoint } : candidates.place(endpoint)) })
    if (handshakeAt !== pair.handshakeAt) {
      pair.handshakeAt = handshakeAt
      tell(pair, { type: 'handshake', at: clock.monotonic() - Math.max(0, clock.now() - handshakeAt) })
    }
  }

  const noteTraffic: TrafficOptions['onPeer'] = (peer, payload) => {
    const pair = byKey.get(peer.wgKey)
    if (pair === undefined) return
    look(pair, peer.endpoint, peer.handshakeAt)
    if (payload) tell(pair, { type: 'traffic' })
    sizes?.look(peer, payload)
  }
  const traffic = createTraffic({ ...options, onPeer: noteTraffic })

  const setPairs = (entries: readonly PeerEntry[]): void => {
    const present = new Map(entries.map(({ member }) => [member.nodeId, member.wgKey]))
    for (const [wgKey, pair] of byKey) {
      const { node } = pair
      const now = present.get(node)
      if (now === wgKey) continue
      // First of all, so that nothing that follows from its leaving is done for it.
      byKey.delete(wgKey)
      pointer.forget(wgKey)
      // The very same device at the very same places: only its key is another.
      if (now !== undefined) {
        byKey.set(now, pair)
        rest.rename(wgKey, now)
        continue
      }
      pairs.delete(node)
      chosen.delete(node)
      quiet.delete(node)
      anew.forget(node)
      rest.forget(wgKey)
      relays.want(node, false)
    }
    const now = clock.monotonic()
    for (const entry of entries) {
      const { nodeId: node, wgKey } = entry.member
      const known = byKey.get(wgKey)
      if (known !== undefined) {
        known.entry = entry
        continue
      }
      const waker = rest.expect(entry)
      const paths = createPeerPaths({
        decides: options.self < node,
        pace,
        metered: options.metered,
        random: () => entropy.fraction(),
        startedAt: now,
        parked: waker !== undefined,
      })
      if (waker !== undefined) chosen.set(node, waker)
      const pair: Pair = { node, paths, entry, startedAt: now, handshakeAt: 0, dueAt: Number.POSITIVE_INFINITY }
      pairs.set(node, pair)
      byKey.set(wgKey, pair)
    }
    talk.setPeers([...byKey.keys()])
    sizes?.setPeers(entries.map(({ member }) => member))
  }

  const checkAll = (): void => {
    ways.networkChanged()
    sizes?.networkChanged()
    for (const pair of pairs.values()) tell(pair, { type: 'network-changed' })
  }

  const setLocal = (input: EndpointInput): void => {
    const text = input.local.map(({ address, cidr }) => `${address} ${cidr}`).join()
    if (text === localText) return
    const first = localText === undefined
    localText = text
    own = new Set(input.local.map(({ address }) => address as string))
    if (!first) checkAll()
  }

  return {
    chosen,
    uplinkChanged() {
      checkAll()
      pointAnew(pairs.values(), pointer)
    },
    tellKey: () => (running ? keys.tellAll() : undefined),
    isQuiet: (node) => quiet.has(node),
    revision: () => revision,
    update(input) {
      const news = candidates.update(input)
      if (news) {
        setPairs(input.entries)
        ways.setScene(options.relayScene())
      }
      setLocal(input)
      const sight = ways.newSight(own)
      if (sight !== undefined) for (const pair of pairs.values()) tell(pair, { type: 'outlook-changed', ...sight })
      if (options.pace() !== pace) {
        pace = options.pace()
        for (const pair of pairs.values()) tell(pair, { type: 'pace', pace, metered: options.metered })
      }
      if (options.thrift?.() !== thrift) ways.spare()
      thrift = options.thrift?.()
      for (const entry of input.entries) {
        const pair = byKey.get(entry.member.wgKey)
        if (pair === undefined) continue
        look(pair, entry.wireguardAt, entry.handshakeAt)
        anew.look(pair, entry)
        inform(pair)
        if (hush(quiet, pair, clock.monotonic(), ways.findsUs(pair.node, pair.paths.way()))) revision += 1
      }
    },
    async start() {
      running = await socket.open(receive)
      if (running) {
        await rest.start()
        traffic.start()
      } else rest.stop([])
      return running
    },
    async stop() {
      running = false
      alarm.cancel()
      keys.stop()
      traffic.stop()
      sizes?.stop()
      rest.stop(pairs.values())
      ways.close()
      await socket.close()
    },
    ...createEngineViews(clock, pairs, ways, rest, () => own),
  }
}
