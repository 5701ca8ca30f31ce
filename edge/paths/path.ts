// The words of the path engine: a candidate is a place where a peer may answer, a path is a candidate that did.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'

/** From the best to the last resort. */
export type PathKind = 'lan' | 'direct' | 'relay' | 'tls'

/** Who says that the peer may be there; the order is the order of trying. */
export type CandidateSource = 'lan' | 'last-good' | 'public' | 'portmap' | 'mapped' | 'observed' | 'asked' | 'relay'

export interface PathCandidate {
  readonly endpoint: Endpoint
  readonly kind: PathKind
  readonly source: CandidateSource
  /** The relay in between; only with kind `relay` or `tls`. */
  readonly via?: NodeId
}

/** How quickly a dead path must be noticed. */
export type Pace = 'fast' | 'normal' | 'frugal'

/** Where a peer was heard. */
export interface Place {
  readonly endpoint: Endpoint
  /** The relay whose port that is. */
  readonly via?: NodeId
  /** On the link of a physical interface of this host. */
  readonly onLink?: boolean
}

/** What comes in. Times are monotonic milliseconds and stand beside the event. */
export type PathEvent =
  /** The whole list, in order of preference; those gone are forgotten unless in use. */
  | { readonly type: 'candidates'; readonly list: readonly PathCandidate[] }
  /** An authenticated answer to the probe `probe` that was sent to `endpoint`, from that very endpoint. */
  | { readonly type: 'answered'; readonly endpoint: Endpoint; readonly probe: number; readonly rttMs: number }
  /** The peer's authenticated probe came in from `endpoint`: that way is open in one direction at least. */
  | ({ readonly type: 'asked' } & Place)
  /** The peer asks for a joint attempt at once, by a way that works (relay, tunnel, hub). */
  | { readonly type: 'called' }
  /** WireGuard wants to talk with the peer that rests. */
  | { readonly type: 'woken' }
  /** Payload passed WireGuard in either direction since the last look. */
  | { readonly type: 'traffic' }
  /** What WireGuard holds: it follows the peer's authenticated packets by itself (roaming). */
  | ({ readonly type: 'roamed' } & (Place | { readonly endpoint: undefined }))
  /** WireGuard completed a handshake with the peer at this time: somebody answers where it points. */
  | { readonly type: 'handshake'; readonly at: number }
  /** Own links or addresses changed: what was known of paths is doubtful, and hold-downs are void. */
  | { readonly type: 'network-changed' }
  /**
   * This node looks otherwise from outside: ways that failed may open now. `moved`: by another address, so that hold-downs
   * are void as with another uplink.
   */
  | { readonly type: 'outlook-changed'; readonly moved: boolean }
  /** What the network wishes of this peer, or what the link costs, is another. */
  | { readonly type: 'pace'; readonly pace: Pace; readonly metered: boolean }
  /** Time has come: `dueAt()` is reached. */
  | { readonly type: 'time' }

/** What is to be done, in order. */
export type PathAction =
  /** Send a probe. A low `ttl` opens the own NAT without reaching the peer's. */
  | { readonly type: 'probe'; readonly endpoint: Endpoint; readonly probe: number; readonly ttl?: number }
  /**
   * Point WireGuard at the endpoint, then send one packet through the tunnel so that the peer follows. `quiet`: no payload
   * waits here, so the packet, which costs a handshake, may be spared. `leaves` still works, and the peer's packets on their way
   * would make WireGuard roam back to it: for some round trips they should seem to come from `endpoint`.
   */
  | {
      readonly type: 'use'
      readonly endpoint: Endpoint
      readonly kind: PathKind
      readonly why: string
      readonly quiet?: true
      readonly leaves?: Endpoint
    }
  /** Send one packet through the tunnel, so that the peer follows and WireGuard shakes hands if it must. */
  | { readonly type: 'nudge' }
  /** Ask the peer to probe now, by a way that works. */
  | { readonly type: 'call' }
  /** The last way that worked is dead: perhaps this node comes from elsewhere now, and relays drop what they don't know. */
  | { readonly type: 'lost' }
  /** Nobody waits, and WireGuard's session is over: it may be pointed where its next word is noticed. */
  | { readonly type: 'park' }
  /** The pair wants its relays bound, or no longer. */
  | { readonly type: 'relays'; readonly wanted: boolean }

export type CandidateState = 'untried' | 'probing' | 'valid' | 'failed' | 'held-down'

/** One candidate as `holdfast paths` shows it. */
export interface CandidateView extends PathCandidate {
  readonly state: CandidateState
  readonly inUse: boolean
  readonly rttMs?: number
  /** Share of the last probes without an answer, 0 to 1. */
  readonly loss?: number
  /** Monotonic milliseconds. */
  readonly lastAnswerAt?: number
  readonly lastProbeAt?: number
  readonly heldUntil?: number
  /** Why it is in this state, in words for people. */
  readonly reason: string
}

export interface PathView {
  readonly mode: 'idle' | Pace
  /** This end decides which path the pair uses. */
  readonly decides: boolean
  readonly inUse?: PathCandidate
  readonly candidates: readonly CandidateView[]
  /** Newest last; bounded. */
  readonly history: readonly { readonly at: number; readonly what: string }[]
}

/** Paths to one peer: events in, actions out; no clock, no randomness and no I/O of its own. */
export interface PeerPaths {
  handle(event: PathEvent, nowMs: number): readonly PathAction[]
  /** Monotonic milliseconds of the next `time` event it wants; Infinity for none. */
  dueAt(): number
  /** As of `nowMs`; without it, as of the last event. */
  view(nowMs?: number): PathView
  /** The way to the peer if it answers, or did when somebody last cared. */
  way(): PathCandidate | undefined
  /** The ways are watched: somebody waits for the pair, or did within minutes. */
  isAwake(nowMs: number): boolean
  /** Somebody waits for the pair, its path is dead, and no other answers. */
  isSilent(nowMs: number): boolean
  /** Payload flows, or did lately: what lies between is kept open even without this process. */
  isWarm(nowMs: number): boolean
}
