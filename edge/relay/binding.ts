// One session at one relay as a node sees it: asked for, bound, kept, lost, and asked for again.
//
//   asking    HELLO is out                     CHALLENGE → binding
//   binding   BIND is out                      BOUND → proving
//   proving   REFRESH to the session port      REFRESHED → bound
//   bound     REFRESH every 25 s               no answer to three, or a refusal → asking, with a growing pause
//   pausing   nothing is out                   time → asking
//   calling   CALL is out, where this node     CALLED → proving; a refusal, or no answer → asking
//             has a session with the relay

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf } from '../../shared/address/endpoint.ts'
import { sameBytes } from '../../shared/bytes.ts'
import type { Timer } from '../../shared/effects.ts'
import { type Binding, type BindingOptions, refusalWords } from './bound.ts'
import { pairKey } from './calls.ts'
import {
  bindSignedBytes,
  type CallKind,
  encodeBind,
  encodeCall,
  encodeHello,
  encodeTouch,
  nonceBytes,
  type RelayFrame,
  type TouchKind,
  touchName,
} from './frames.ts'
import { createHomeCalls, type Home, type Offer } from './home-calls.ts'
import { createExchange, type Exchange, mac, macHolds } from './secrets.ts'

const REFRESH_MS = 25_000
/** Share of the above by which refreshes of many sessions drift apart. */
const JITTER = 0.1
/** From a frame to its repetition; the third stays unanswered for as long, too. */
const ANSWER_MS = 1_000
const TRIES_MAX = 3
const PAUSE_MS_MIN = 1_000
const PAUSE_MS_MAX = 60_000
/** Without a capability a relay need not be asked. */
const CAPABILITY_MS = 500

type State =
  | { readonly name: 'asking'; readonly nonce: Uint8Array }
  | { readonly name: 'binding'; readonly nonce: Uint8Array; readonly exchange: Exchange; readonly relayKey: Uint8Array }
  | { readonly name: 'calling' }
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
  /** Of the relay's last WANTED. */
  heard: number
}

type FrameOf<K extends RelayFrame['kind']> = Extract<RelayFrame, { readonly kind: K }>
type TouchFrame = Extract<RelayFrame, { readonly kind: TouchKind }>
type CalledFrame = Extract<RelayFrame, { readonly kind: CallKind }>

export function createBinding(options: BindingOptions): Binding {
  const { at, clock, entropy, events, log, peer, relay, self, send, signer } = options
  let state: State = { name: 'pausing' }
  let session: Session | undefined
  /** What the owner knows, and uses. */
  let told: Pick<Session, 'endpoint' | 'observed'> | undefined
  let trouble: string | undefined
  let failures = 0
  let timer: Timer | undefined
  const calls = createHomeCalls()

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
    prove({ port, key, observed })
  }

  const prove = ({ key, observed, port }: Offer): void => {
    const endpoint = formatEndpoint(hostOf(at) as Address, port)
    session = { port, key, endpoint, observed, counter: 0, heard: 0 }
    state = { name: 'proving' }
    insist(
      () => {
        touch('refresh')
        events.onProving?.(endpoint)
      },
      () => pause(`the relay’s session port ${port} does not answer`),
    )
  }

  /** Half the way of a bind, where the relay knows this node already. */
  const begin = (): void => {
    if (options.offer !== undefined) return prove(options.offer)
    const home = options.home?.()
    if (home === undefined) return ask()
    state = { name: 'calling' }
    after(ANSWER_MS, ask)
    home.call(peer, (offer) => {
      if (state.name !== 'calling') return
      if (offer === undefined) ask()
      else prove(offer)
    })
  }

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
    after(REFRESH_MS * (1 + JITTER * (2 * entropy.fraction() - 1)), refresh)
    if (state.name === 'bound') return
    state = { name: 'bound' }
    trouble = undefined
    failures = 0
    const { endpoint, observed } = session
    if (told?.endpoint === endpoint && told.observed === observed) return
    told = { endpoint, observed }
    events.onBound(endpoint, observed)
  }

  const call: Home['call'] = (other, answered) => {
    if (session === undefined) return answered(undefined)
    const { endpoint, key, port } = session
    session.counter += 1
    calls.add(touchName(session), answered)
    const frame = encodeCall({ port, counter: session.counter, peer: other }, (covered) => mac(key, covered))
    return send(frame, endpoint)
  }

  const onCalled = (frame: CalledFrame): void => {
    if (session?.port !== frame.port || !macHolds(session.key, frame.covered, frame.mac)) return
    const key = pairKey(session.key, frame.covered)
    const offer = frame.pairPort === 0 ? undefined : { port: frame.pairPort, key, observed: session.observed }
    if (frame.kind === 'called') return calls.answer(touchName(frame), offer)
    if (frame.counter <= session.heard) return
    session.heard = frame.counter
    options.onWanted?.(frame.peer, offer)
  }

  const onRefused = ({ about, why }: FrameOf<'refused'>): void => {
    calls.answer(about, undefined)
    const kept = state.name === 'bound' || state.name === 'proving'
    if (kept && session !== undefined && sameBytes(about, touchName(session))) {
      if (why !== 'moved' && why !== 'unknown-session') return pause(refusalWords[why])
      // Traffic goes on meanwhile; only a new bind proves who this node is and where.
      trouble = refusalWords[why]
      return ask()
    }
    if (state.name === 'binding' && sameBytes(about, state.nonce)) pause(refusalWords[why])
  }

  const binding: Binding = {
    relay,
    at,
    peer,
    endpoint: () => told?.endpoint,
    place: () => told?.endpoint ?? session?.endpoint,
    hears: (source) => source === at || source === session?.endpoint,
    trouble: () => trouble,
    receive(frame) {
      if (frame.kind === 'challenge') onChallenge(frame)
      else if (frame.kind === 'bound') onBound(frame)
      else if (frame.kind === 'refreshed') onRefreshed(frame)
      else if (frame.kind === 'called' || frame.kind === 'wanted') onCalled(frame)
      else if (frame.kind === 'refused') onRefused(frame)
    },
    accept(offer) {
      if (state.name !== 'released') prove(offer)
    },
    home: () => (peer === relay && told !== undefined && session !== undefined ? { call } : undefined),
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
  begin()
  return binding
}
