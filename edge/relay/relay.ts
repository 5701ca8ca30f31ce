// A UDP relay: answers the words of frames.ts, keeps the table of sessions, and leaves the packets to the kernel.
//
// What is cheap to ask is cheap to refuse: without a cookie nothing is verified, without a MAC nothing is touched, and
// whoever is not known gets silence.

import { type Endpoint, hostOf } from '../../shared/address/endpoint.ts'
import type { Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { relayBindsPerSecondMax, relayBindsPerSourceMax, relaySourcesMax } from '../../shared/limits.ts'
import { noVersion } from '../../shared/record/head.ts'
import { createRate } from '../echo/rate.ts'
import { type AdmissionOptions, admit, isForbidden, isRemoved } from './admission.ts'
import { createBindMemory } from './bind-memory.ts'
import { type BinderOptions, createBinder, sessionLifeMs } from './binder.ts'
import { createCalls } from './calls.ts'
import { createCookies } from './cookie.ts'
import type { Carried } from './forwarder.ts'
import {
  bindSignedBytes,
  encodeBound,
  encodeChallenge,
  encodeRefused,
  encodeTouch,
  isRelayFrame,
  parseRelayFrame,
  type Refusal,
  type RelayFrame,
  type TouchKind,
  touchName,
} from './frames.ts'
import { createExchange, mac, macHolds } from './secrets.ts'
import { createSessions, type End, type PortRange, type Session, type Side, sideOf } from './sessions.ts'

export interface RelayOptions extends Omit<BinderOptions, 'sessions'>, AdmissionOptions {
  readonly self: NodeId
  readonly range: PortRange
  /** Told of each bind: `node` waits at its session port for the peer, which may be here by TLS. */
  readonly onBind?: ((node: NodeId, peer: NodeId) => void) | undefined
  /** From the relay port. */
  readonly send: (bytes: Uint8Array, to: Endpoint) => void
}

export interface RelaySessionMetrics extends Partial<Carried> {
  readonly port: number
  readonly nodes: readonly [NodeId, NodeId]
  /** Both ends are bound. */
  readonly complete: boolean
}

export interface RelayMetrics {
  readonly sessions: readonly RelaySessionMetrics[]
  readonly challenged: number
  readonly bound: number
  readonly refreshed: number
  /** By reason: those told to the asker, and `silence-…`, which were told to nobody. */
  readonly refused: Readonly<Record<string, number>>
  /** Junk that the kernel kept from the process, packets. */
  readonly dropped: number
}

export interface Relay {
  /** Takes over the sessions that an earlier process left; throws where the kernel can't carry packets. */
  start(): Promise<void>
  /** Stops talking; the kernel forwards on. */
  stop(): void
  /** A datagram that came to the relay port. */
  receive(bytes: Uint8Array, source: Endpoint): void
  /** A datagram that came to a session port and that the kernel did not forward. */
  receiveAt(port: number, bytes: Uint8Array, source: Endpoint): void
  /** A packet of a node that is here by TLS: to the other end, if that is bound. */
  carry(from: NodeId, to: NodeId, bytes: Uint8Array): void
  /** The node is here by TLS now: what its peer sends it no longer goes where it was bound before. */
  turnToTls(node: NodeId, peer: NodeId): void
  /** Ends that are gone, or whose node was removed, are taken away. Done by itself every few seconds. */
  sweep(): void
  metrics(): Promise<RelayMetrics>
}

type BindFrame = Extract<RelayFrame, { readonly kind: 'bind' }>
type TouchFrame = Extract<RelayFrame, { readonly kind: TouchKind | 'call' }>

type CallFrame = Extract<RelayFrame, { readonly kind: 'call' }>

const SWEEP_MS = 5_000
const BIND_RATE = { perSecond: relayBindsPerSecondMax, burst: relayBindsPerSecondMax, sourcesMax: 1 }
const SOURCE_RATE = { perSecond: relayBindsPerSourceMax, burst: relayBindsPerSourceMax, sourcesMax: relaySourcesMax }
const ALL = 'all'

/** A node's session with the relay itself. */
function isHome({ nodes }: Session, relay: NodeId): boolean {
  return nodes.includes(relay)
}

/** Words that come to session ports. */
function isKept(frame: RelayFrame): frame is TouchFrame {
  return frame.kind === 'refresh' || frame.kind === 'unbind' || frame.kind === 'call'
}

export function createRelay(options: RelayOptions): Relay {
  const { clock, entropy, forwarder, log, self } = options
  const sessions = createSessions(options.range)
  const binder = createBinder({ ...options, sessions })
  const exchange = createExchange()
  const cookies = createCookies(entropy.bytes(32), clock)
  const mayBind = createRate(clock, BIND_RATE)
  const mayBindFrom = createRate(clock, SOURCE_RATE)
  const mayMove = createRate(clock, BIND_RATE)
  const memory = createBindMemory(clock)
  const refused = new Map<string, number>()
  const counts = { challenged: 0, bound: 0, refreshed: 0 }
  const calls = createCalls({ self, sessions, binder, send: (...words) => options.ports.send(...words) })
  let timer: Timer | undefined

  const note = (why: string): void => void refused.set(why, (refused.get(why) ?? 0) + 1)

  /** Never more bytes than were asked with. */
  const answer = (bytes: Uint8Array, to: Endpoint, askedBytes: number): void => {
    if (bytes.length <= askedBytes) options.send(bytes, to)
  }

  const refuse = (about: Uint8Array, why: Refusal, to: Endpoint, askedBytes: number): void => {
    note(why)
    answer(encodeRefused(about, why), to, askedBytes)
  }

  /** REFRESH, REFRESHED and their refusals go through the session port; all are shorter than a REFRESH. */
  const answerAt = (port: number, bytes: Uint8Array, to: Endpoint): void => options.ports.send(port, bytes, to)

  const refuseTouch = (frame: TouchFrame, why: Refusal, to: Endpoint): void => {
    note(why)
    answerAt(frame.port, encodeRefused(touchName(frame), why), to)
  }

  const bindAdmitted = async (frame: BindFrame, source: Endpoint): Promise<Uint8Array | Refusal> => {
    const admitted = admit(options, { ...frame, signed: bindSignedBytes(exchange.publicKey, frame.covered) })
    if (typeof admitted === 'string') return admitted
    const { epoch, node, revision } = admitted.capability
    if (memory.isReplay(node, frame.counter)) return 'replayed'
    if (isForbidden(options.members(), node, frame.peer)) return 'forbidden'
    const { nonce, peer } = frame
    const key = exchange.agree(frame.key, { relay: self, node, peer })
    const credentials = { key, counter: 0 }
    const session = await binder.bind({ node, peer, source, version: { epoch, revision }, credentials })
    if (typeof session === 'string') return session
    const { port } = session
    counts.bound += 1
    if (peer !== self) options.onBind?.(node, peer)
    return encodeBound({ nonce, port, lifetimeS: sessionLifeMs / 1_000, observed: source }, (covered) =>
      mac(key, covered),
    )
  }

  const onBind = async (frame: BindFrame, source: Endpoint, askedBytes: number): Promise<void> => {
    if (!cookies.holds(source, frame.cookie)) return note('silence-cookie')
    if (frame.relay !== self) return note('silence-other-relay')
    const host = hostOf(source)
    const result = await memory.once<Refusal>(frame.nonce, source, async () =>
      mayBindFrom(host) && mayBind(ALL) ? bindAdmitted(frame, source) : 'busy',
    )
    // Undefined: it came twice because its answer takes long; the answer is on its way.
    if (typeof result === 'string') refuse(frame.nonce, result, source, askedBytes)
    else if (result !== undefined) answer(result, source, askedBytes)
  }

  const holds = ({ covered, mac: claimed }: TouchFrame, end: End | undefined): boolean =>
    end?.credentials !== undefined && macHolds(end.credentials.key, covered, claimed)

  const called = async (frame: CallFrame, session: Session, source: Endpoint): Promise<void> => {
    const from = session.ends.find((end) => end?.source === source)?.node
    if (from !== undefined && isForbidden(options.members(), from, frame.peer))
      return refuseTouch(frame, 'forbidden', source)
    const why = isHome(session, self) && mayBindFrom(hostOf(source)) ? await calls.take(session, frame, source) : 'busy'
    if (why !== undefined) return refuseTouch(frame, why, source)
    // Who is here by TLS hears of it there.
    if (from !== undefined) options.onBind?.(from, frame.peer)
  }

  const refreshed = async (frame: TouchFrame, session: Session, side: Side, source: Endpoint): Promise<void> => {
    const end = session.ends[side]
    if (end?.credentials === undefined) return
    const { key } = end.credentials
    end.expiresAt = clock.monotonic() + sessionLifeMs
    const first = end.source === undefined
    if (end.source !== source && !(await binder.confirm(session, side, source)))
      return refuseTouch(frame, 'failed', source)
    if (first && isHome(session, self)) calls.found(end.node)
    counts.refreshed += 1
    answerAt(
      frame.port,
      encodeTouch('refreshed', frame, (covered) => mac(key, covered)),
      source,
    )
  }

  /**
   * From where the end was heard last, or from another port of the address it proved: NATs give one port per destination,
   * and give others after a while. From another address it has moved, and proves that one by a bind.
   */
  const onTouch = (frame: TouchFrame, session: Session, source: Endpoint): void => {
    const known = session.ends.find((end) => end?.source === source)
    if (known !== undefined && known.credentials === undefined) return refuseTouch(frame, 'unknown-session', source)
    if (known === undefined && !mayMove(ALL)) return note('silence-busy')
    const side = session.ends.findIndex((end) => holds(frame, end))
    const end = session.ends[side]
    if (end?.credentials === undefined) return note('silence-mac')
    if (frame.counter <= end.credentials.counter) return note('silence-replay')
    end.credentials.counter = frame.counter
    if (end.host !== hostOf(source)) return refuseTouch(frame, 'moved', source)
    if (frame.kind === 'unbind') return binder.release(session, side as Side)
    if (frame.kind === 'call') {
      called(frame, session, source).catch((error: unknown) => {
        log.warn('a relay call ended early', { reason: describeError(error) })
      })
      return undefined
    }
    refreshed(frame, session, side as Side, source).catch((error: unknown) => {
      log.warn('a relay session was not refreshed', { reason: describeError(error) })
    })
  }

  const sweep = (): void => {
    const now = clock.monotonic()
    const members = options.members()
    for (const session of sessions.all()) {
      const forbidden = isForbidden(members, ...session.nodes)
      for (const [side, end] of session.ends.entries()) {
        if (end === undefined) continue
        const removed = isRemoved(members, end.node, end.version)
        if (removed || forbidden || end.expiresAt <= now) binder.release(session, side as Side)
      }
    }
    memory.sweep()
  }

  const sweepOn = (): void => {
    sweep()
    timer = clock.after(SWEEP_MS, sweepOn)
  }

  return {
    async start() {
      // Of an end that this set does not have, a newer one may know better: it binds again with its capability, and is let in.
      const version = options.members()?.version ?? noVersion
      for (const forward of await forwarder.start()) await binder.adopt(forward, version)
      if (sessions.size > 0) log.info('relay sessions taken over', { sessions: sessions.size })
      sweepOn()
    },
    stop() {
      timer?.cancel()
      timer = undefined
    },
    receive(bytes, source) {
      const frame = parseRelayFrame(bytes)
      if (frame === undefined) return note('silence-junk')
      if (frame.kind === 'hello') {
        counts.challenged += 1
        answer(encodeChallenge(frame.nonce, cookies.make(source), exchange.publicKey), source, bytes.length)
      } else if (frame.kind === 'bind') {
        onBind(frame, source, bytes.length).catch((error: unknown) => {
          note('failed')
          log.warn('a relay bind ended early', { reason: describeError(error) })
        })
      } else note('silence-junk')
    },
    receiveAt(port, bytes, source) {
      if (!isRelayFrame(bytes)) return binder.stray(port, bytes, source)
      const session = sessions.at(port)
      const frame = parseRelayFrame(bytes)
      if (session === undefined || frame === undefined || !isKept(frame) || frame.port !== port) {
        return note('silence-junk')
      }
      onTouch(frame, session, source)
    },
    carry(from, to, bytes) {
      const session = sessions.of(from, to)
      const end = session?.ends[sideOf(session, to)]
      if (session !== undefined && end?.source !== undefined) options.ports.send(session.port, bytes, end.source)
    },
    turnToTls(node, peer) {
      const session = sessions.of(node, peer)
      if (session === undefined) return
      const { held } = session
      if (held !== undefined && session.nodes[held.from] === peer) {
        session.held = undefined
        options.elsewhere?.(peer, node, held.bytes)
      }
      const side = sideOf(session, node)
      if (session.ends[side] !== undefined) binder.release(session, side)
    },
    sweep,
    async metrics() {
      const [carried, dropped] = await Promise.all([forwarder.carried(), forwarder.dropped()])
      const list = [...sessions.all()].map(({ ends, nodes, port }) => {
        return { port, nodes, complete: ends.every((end) => end?.source !== undefined), ...carried.get(port) }
      })
      return { sessions: list, ...counts, refused: Object.fromEntries(refused), dropped }
    },
  }
}
