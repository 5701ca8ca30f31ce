// A UDP relay: answers the words of frames.ts, keeps the table of sessions, and leaves the packets to the kernel.
//
// What is cheap to ask is cheap to refuse: without a cookie nothing is verified, without a MAC nothing is touched, and
// whoever is not known gets silence.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { toHex } from '../../shared/bytes.ts'
import type { Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { relayBindsPerSecondMax, relayBindsPerSourceMax, relaySourcesMax } from '../../shared/limits.ts'
import { createRate } from '../echo/rate.ts'
import { type AdmissionOptions, admit, isRemoved } from './admission.ts'
import { type BinderOptions, createBinder, sessionLifeMs } from './binder.ts'
import { cookieLifeMs, createCookies } from './cookie.ts'
import type { Carried } from './forwarder.ts'
import {
  encodeBound,
  encodeChallenge,
  encodeRefused,
  encodeTouch,
  parseRelayFrame,
  type Refusal,
  type RelayFrame,
  type TouchKind,
  touchName,
} from './frames.ts'
import { createExchange, mac, macHolds } from './secrets.ts'
import { createSessions, type End, type PortRange, type Session, type Side } from './sessions.ts'

export interface RelayOptions extends Omit<BinderOptions, 'sessions'>, AdmissionOptions {
  readonly self: NodeId
  readonly range: PortRange
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
  /** Ends that are gone, or whose node was removed, are taken away. Done by itself every few seconds. */
  sweep(): void
  metrics(): Promise<RelayMetrics>
}

type BindFrame = Extract<RelayFrame, { readonly kind: 'bind' }>
type TouchFrame = Extract<RelayFrame, { readonly kind: TouchKind }>

const SWEEP_MS = 5_000
const ALL = 'all'

export function createRelay(options: RelayOptions): Relay {
  const { clock, entropy, forwarder, log, self } = options
  const sessions = createSessions(options.range)
  const binder = createBinder({ ...options, sessions })
  const exchange = createExchange()
  const cookies = createCookies(entropy.bytes(32), clock)
  const bindRate = { perSecond: relayBindsPerSecondMax, burst: relayBindsPerSecondMax, sourcesMax: 1 }
  const sourceRate = { perSecond: relayBindsPerSourceMax, burst: relayBindsPerSourceMax, sourcesMax: relaySourcesMax }
  const mayBind = createRate(clock, bindRate)
  const mayBindFrom = createRate(clock, sourceRate)
  const mayMove = createRate(clock, sourceRate)
  /** Highest bind counter of each node, while a cookie it came with may still hold. */
  const counters = new Map<NodeId, { readonly counter: number; readonly until: number }>()
  /** Nonces of binds under way. */
  const binding = new Set<string>()
  const refused = new Map<string, number>()
  const counts = { challenged: 0, bound: 0, refreshed: 0 }
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

  const isReplay = (node: NodeId, counter: number): boolean => {
    const now = clock.monotonic()
    const last = counters.get(node)
    if (last !== undefined && last.until > now && counter <= last.counter) return true
    counters.set(node, { counter, until: now + cookieLifeMs })
    return false
  }

  /** The end that this very bind made: its answer was lost on the way. */
  const repeated = (nonce: string, source: Endpoint): Uint8Array | undefined => {
    for (const session of sessions.withSource(source)) {
      const end = session.ends.find((one) => one?.source === source)
      if (end?.credentials?.nonce === nonce) return end.credentials.answer
    }
    return undefined
  }

  const bindAdmitted = async (frame: BindFrame, source: Endpoint): Promise<Uint8Array | Refusal> => {
    const admitted = admit(options, exchange.publicKey, frame)
    if (typeof admitted === 'string') return admitted
    const { epoch, node, revision } = admitted.capability
    if (isReplay(node, frame.counter)) return 'replayed'
    const { nonce, peer } = frame
    const key = exchange.agree(frame.key, { relay: self, node, peer })
    const lifetimeS = sessionLifeMs / 1_000
    let bound = new Uint8Array(0)
    const session = await binder.bind({
      node,
      peer,
      source,
      credentials(port) {
        bound = new Uint8Array(
          encodeBound({ nonce, port, lifetimeS, observed: source }, (covered) => mac(key, covered)),
        )
        return { key, nonce: toHex(nonce), answer: bound, version: { epoch, revision }, counter: 0 }
      },
    })
    return typeof session === 'string' ? session : bound
  }

  const onBind = async (frame: BindFrame, source: Endpoint, askedBytes: number): Promise<void> => {
    if (!cookies.holds(source, frame.cookie)) return note('silence-cookie')
    if (frame.relay !== self) return note('silence-other-relay')
    const nonce = toHex(frame.nonce)
    const before = repeated(nonce, source)
    if (before !== undefined) return answer(before, source, askedBytes)
    // It came twice because its answer takes long; the answer is on its way.
    if (binding.has(nonce)) return
    const host = source.slice(0, source.lastIndexOf(':'))
    if (!mayBindFrom(host) || !mayBind(ALL)) return refuse(frame.nonce, 'busy', source, askedBytes)
    binding.add(nonce)
    const result = await bindAdmitted(frame, source).finally(() => binding.delete(nonce))
    if (typeof result === 'string') return refuse(frame.nonce, result, source, askedBytes)
    counts.bound += 1
    answer(result, source, askedBytes)
  }

  const holds = ({ covered, mac: claimed }: TouchFrame, end: End | undefined): boolean =>
    end?.credentials !== undefined && macHolds(end.credentials.key, covered, claimed)

  /** A REFRESH that is authentic but comes from elsewhere: the end has moved, and proves its new place by a bind. */
  const onStranger = (frame: TouchFrame, session: Session, source: Endpoint, askedBytes: number): void => {
    if (!mayMove(ALL)) return note('silence-busy')
    const end = session.ends.find((one) => holds(frame, one))
    if (end?.credentials === undefined) return note('silence-source')
    if (frame.counter <= end.credentials.counter) return note('silence-replay')
    end.credentials.counter = frame.counter
    refuse(touchName(frame), 'moved', source, askedBytes)
  }

  const onTouch = (frame: TouchFrame, source: Endpoint, askedBytes: number): void => {
    const session = sessions.at(frame.port)
    if (session === undefined) return note('silence-session')
    const side = session.ends.findIndex((end) => end?.source === source)
    const end = session.ends[side]
    if (end === undefined) return onStranger(frame, session, source, askedBytes)
    if (end.credentials === undefined) return refuse(touchName(frame), 'unknown-session', source, askedBytes)
    if (!holds(frame, end)) return note('silence-mac')
    if (frame.counter <= end.credentials.counter) return note('silence-replay')
    const { key } = end.credentials
    end.credentials.counter = frame.counter
    if (frame.kind === 'unbind') return binder.release(session, side as Side)
    end.expiresAt = clock.monotonic() + sessionLifeMs
    counts.refreshed += 1
    answer(
      encodeTouch('refreshed', frame, (covered) => mac(key, covered)),
      source,
      askedBytes,
    )
  }

  const sweep = (): void => {
    const now = clock.monotonic()
    const members = options.members()
    for (const session of sessions.all()) {
      for (const [side, end] of session.ends.entries()) {
        if (end === undefined) continue
        const { credentials, node } = end
        const removed = credentials !== undefined && isRemoved(members, node, undefined, credentials.version)
        if (removed || end.expiresAt <= now) binder.release(session, side as Side)
      }
    }
    for (const [node, { until }] of counters) if (until <= now) counters.delete(node)
  }

  const sweepOn = (): void => {
    sweep()
    timer = clock.after(SWEEP_MS, sweepOn)
  }

  return {
    async start() {
      for (const forward of await forwarder.start()) await binder.adopt(forward)
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
      } else if (frame.kind === 'refresh' || frame.kind === 'unbind') onTouch(frame, source, bytes.length)
      else note('silence-junk')
    },
    receiveAt: (port, bytes, source) => binder.stray(port, bytes, source),
    sweep,
    async metrics() {
      const [carried, dropped] = await Promise.all([forwarder.carried(), forwarder.dropped()])
      const list = [...sessions.all()].map(({ ends, nodes, port }) => {
        return { port, nodes, complete: ends.every((end) => end !== undefined), ...carried.get(port) }
      })
      return { sessions: list, ...counts, refused: Object.fromEntries(refused), dropped }
    },
  }
}
