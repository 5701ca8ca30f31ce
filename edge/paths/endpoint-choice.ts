// Where to look for a peer. WireGuard keeps one endpoint per peer and never goes back by itself, so while nobody answers
// the candidates take turns; once somebody answers, WireGuard's own roaming is left alone.
//
// Two nodes behind NATs with endpoint-independent mapping meet as soon as both try the other's mapped endpoint within the
// half minute that a NAT remembers an unanswered packet; turns of six seconds see to that.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { ObservedPeer } from '../plan/observed.ts'

/** WireGuard renews a session after 120 s and gives it up after 180 s (REKEY_AFTER_TIME, REJECT_AFTER_TIME). */
const ALIVE_MS = 150_000
/** One try: WireGuard repeats an unanswered handshake after 5 s (REKEY_TIMEOUT). */
const TURN_MS = 6_000

/** What is remembered of the search for one peer. */
export interface Search {
  readonly turn: number
  /** Monotonic milliseconds. */
  readonly turnedAt: number
}

export interface ChoiceInput {
  /** In order of preference, without repetition. */
  readonly candidates: readonly Endpoint[]
  readonly observed: Pick<ObservedPeer, 'handshakeAt' | 'endpoint'> | undefined
  readonly search: Search | undefined
  /** Wall clock, milliseconds since the Unix epoch, as the handshake's. */
  readonly now: number
  readonly monotonic: number
}

export interface Choice {
  /** Absent: leave WireGuard's endpoint as it is. */
  readonly endpoint?: Endpoint
  /** Absent: the search is over. */
  readonly search?: Search
}

export function isAlive(handshakeAt: number, now: number): boolean {
  return handshakeAt > 0 && now - handshakeAt < ALIVE_MS
}

export function chooseEndpoint(input: ChoiceInput): Choice {
  const { candidates, observed, search, now, monotonic } = input
  if (candidates.length === 0 || (observed !== undefined && isAlive(observed.handshakeAt, now))) return {}
  if (search === undefined) {
    return { endpoint: candidates[0] as Endpoint, search: { turn: 0, turnedAt: monotonic } }
  }
  const over = monotonic - search.turnedAt >= TURN_MS
  const next = over ? { turn: search.turn + 1, turnedAt: monotonic } : search
  return { endpoint: candidates[next.turn % candidates.length] as Endpoint, search: next }
}
