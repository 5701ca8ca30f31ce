// One session at one relay as a node sees it: asked for, bound, kept, lost, and asked for again.
//
//   asking    HELLO is out                     CHALLENGE → binding
//   binding   BIND is out                      BOUND → proving
//   proving   REFRESH to the session port      REFRESHED → bound
//   bound     REFRESH every 25 s               no answer to three, or a refusal → asking, with a growing pause
//   pausing   nothing is out                   time → asking

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf } from '../../shared/address/endpoint.ts'
import { sameBytes } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log, Signer, Timer } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import {
  bindSignedBytes,
  encodeBind,
  encodeHello,
  encodeTouch,
  nonceBytes,
  type Refusal,
  type RelayFrame,
  type TouchKind,
  touchName,
} from './frames.ts'
import { createExchange, type Exchange, mac, macHolds } from './secrets.ts'

export interface RelayClientOptions {
  readonly self: NodeId
  /** The device key. */
  readonly signer: Signer
  /** The capability to show; undefined while there is none. */
  readonly capability: () => Uint8Array | undefined
  /** From the socket that shares WireGuard's port. */
  readonly send: (bytes: Uint8Array, to: Endpoint) => void
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface RelayEvents {
  /** The session's endpoint, to point WireGuard at, and where the relay sees this node. Again where either changed. */
  readonly onBound: (endpoint: Endpoint, observed: Endpoint) => void
  /** The relay does not keep the session any longer, or does not answer. It is asked on. */
  readonly onLost: (why: string) => void
}

export interface BindingOptions extends RelayClientOptions {
  readonly relay: NodeId
  readonly at: Endpoint
  readonly peer: NodeId
  readonly nextCounter: () => number
  readonly events: RelayEvents
  readonly onReleased: (binding: Binding) => void
}

export interface Binding {
  readonly relay: NodeId
  readonly at: Endpoint
  readonly peer: NodeId
  /** Where the peer is reached; undefined unless bound. */
  endpoint(): Endpoint | undefined
  /** Whether frames from `source` are for it: the relay port, or the session port. */
  hears(source: Endpoint): boolean
  /** What stands in the way, in words; undefined if nothing does. */
  trouble(): string | undefined
  receive(frame: RelayFrame): void
  /** Binds again; what is bound stays in use meanwhile. */
  renew(): void
  /** Tells the relay and ends. */
  release(): void
}

const REFRESH_MS = 25_000
/** Share of the above by which refreshes of many sessions drift apart. */
const JITTER = 0.1
/** From a frame to its repetition; the third stays unanswered for as long, too. */
const ANSWER_MS = 1_000
const TRIES_MAX = 3
const PAUSE_MS_MIN = 1_000
const PAUSE_MS_MAX = 60_000
/** Without a capability a relay need not be asked. */
const CAPABILITY_MS = 5_000

/** What each refusal means to people. */
const WORDS: Readonly<Record<Refusal, string>> = {
  'unknown-session': 'the relay does not know the session any more',
  moved: 'this node comes from another address now',
  busy: 'the relay has too much to do',
  untrusted: 'the relay does not trust this node’s capability',
  expired: 'this node’s capability is expired',
  removed: 'the relay knows this node as removed from the network',
  replayed: 'the relay took the bind for a repetition',
  'other-family': 'the peer is bound over the other IP version',
  full: 'the relay has no free session',
  'too-many': 'the relay gives this node no more sessions',
  failed: 'the relay’s kernel refused the session',
}

type State =
  | { readonly name: 'asking'; readonly nonce: Uint8Array }
  | { readonly name: 'binding'; readonly nonce: Uint8Array; readonly exchange: Exchange; readonly relayKey: Uint8Array }
  | { readonly name: 'proving' }
  | { readonly name: 'bound' }
  | { readonly name: 'pausing' }
  | { readonly name: 'released' }

interface Session {
  readonly port: number
  readonly key: Uint8Array
  readonly endpoint: Endpoint
  readonly observed: Endpoint
  counter: number
}

type FrameOf<K extends RelayFrame['kind']> = Extract<RelayFrame, { readonly kind: K }>
type TouchFrame = Extract<RelayFrame, { readonly kind: TouchKind }>

export function createBinding(options: BindingOptions): Binding {
  const { at, clock, entropy, events, log, peer, relay, self, send, signer } = options
  let state: State = { name: 'pausing' }
  let session: Session | undefined
  /** What the owner knows, and uses. */
  let told: Pick<Session, 'endpoint' | 'observed'> | undefined
  let trouble: string | undefined
  let failures = 0
  let timer: Timer | undefined

  const after = (ms: number, run: () => void): void => {
    timer?.cancel()
    timer = clock.after(ms, run)
  }

  /** Sends until it is answered or was sent three times. */
  const insist = (say: () => void, failed: () => void): void => {
    let tries = 0
    const again = (): void => {
      tries += 1
      if (tries > TRIES_MAX) return failed()
      after(ANSWER_MS, again)
      say()
    }
    again()
  }

  const lose = (why: string): void => {
    trouble = why
    session = undefined
    if (told === undefined) return
    told = undefined
    log.debug('a relay session is lost', { relay, why })
    events.onLost(why)
  }

  const pause = (why: string): void => {
    lose(why)
    state = { name: 'pausing' }
    const ceilingMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** failures)
    failures += 1
    after(PAUSE_MS_MIN / 2 + entropy.fraction() * ceilingMs, ask)
  }

  const ask = (): void => {
    if (options.capability() === undefined) {
      trouble = 'this node has no capability for relays yet'
      state = { name: 'pausing' }
      return after(CAPABILITY_MS, ask)
    }
    const nonce = entropy.bytes(nonceBytes)
    state = { name: 'asking', nonce }
    insist(
      () => send(encodeHello(nonce), at),
      () => pause('the relay does not answer'),
    )
  }

  const onChallenge = ({ cookie, key: relayKey, nonce: asked }: FrameOf<'challenge'>): void => {
    const capability = options.capability()
    if (state.name !== 'asking' || !sameBytes(asked, state.nonce) || capability === undefined) return
    const exchange = createExchange()
    const nonce = entropy.bytes(nonceBytes)
    const bind = { nonce, cookie, relay, peer, counter: options.nextCounter(), key: exchange.publicKey, capability }
    const frame = encodeBind(bind, (covered) => signer.sign(bindSignedBytes(relayKey, covered)))
    state = { name: 'binding', nonce, exchange, relayKey }
    insist(
      () => send(frame, at),
      () => pause('the relay does not answer a bind'),
    )
  }

  const onBound = ({ covered, mac: claimed, nonce, observed, port }: FrameOf<'bound'>): void => {
    if (state.name !== 'binding' || !sameBytes(nonce, state.nonce)) return
    const key = state.exchange.agree(state.relayKey, { relay, node: self, peer })
    if (!macHolds(key, covered, claimed)) return
    const endpoint = formatEndpoint(hostOf(at) as Address, port)
    session = { port, key, endpoint, observed, counter: 0 }
    state = { name: 'proving' }
    insist(
      () => touch('refresh'),
      () => pause(`the relay’s session port ${port} does not answer`),
    )
  }

  const planRefresh = (): void => after(REFRESH_MS * (1 + JITTER * (2 * entropy.fraction() - 1)), refresh)

  const touch = (kind: 'refresh' | 'unbind'): void => {
    if (session === undefined) return
    const { key, port } = session
    session.counter += 1
    send(
      encodeTouch(kind, { port, counter: session.counter }, (covered) => mac(key, covered)),
      session.endpoint,
    )
  }

  const refresh = (): void =>
    insist(
      () => touch('refresh'),
      () => pause('the relay does not answer'),
    )

  const onRefreshed = ({ covered, counter, mac: claimed, port }: TouchFrame): void => {
    if (state.name !== 'proving' && state.name !== 'bound') return
    if (session?.port !== port || session.counter !== counter || !macHolds(session.key, covered, claimed)) return
    planRefresh()
    if (state.name === 'bound') return
    state = { name: 'bound' }
    trouble = undefined
    failures = 0
    const { endpoint, observed } = session
    if (told?.endpoint === endpoint && told.observed === observed) return
    told = { endpoint, observed }
    events.onBound(endpoint, observed)
  }

  const onRefused = ({ about, why }: FrameOf<'refused'>): void => {
    const kept = state.name === 'bound' || state.name === 'proving'
    if (kept && session !== undefined && sameBytes(about, touchName(session))) {
      if (why !== 'moved' && why !== 'unknown-session') return pause(WORDS[why])
      // Traffic goes on meanwhile; only a new bind proves who this node is and where.
      trouble = WORDS[why]
      return ask()
    }
    if (state.name === 'binding' && sameBytes(about, state.nonce)) pause(WORDS[why])
  }

  const binding: Binding = {
    relay,
    at,
    peer,
    endpoint: () => told?.endpoint,
    hears: (source) => source === at || source === session?.endpoint,
    trouble: () => trouble,
    receive(frame) {
      if (frame.kind === 'challenge') onChallenge(frame)
      else if (frame.kind === 'bound') onBound(frame)
      else if (frame.kind === 'refreshed') onRefreshed(frame)
      else if (frame.kind === 'refused') onRefused(frame)
    },
    renew() {
      if (state.name === 'released') return
      failures = 0
      ask()
    },
    release() {
      if (state.name === 'released') return
      timer?.cancel()
      touch('unbind')
      session = undefined
      told = undefined
      state = { name: 'released' }
      options.onReleased(binding)
    },
  }
  ask()
  return binding
}
