// WireGuard follows the peer's authenticated packets by itself. The end that follows takes that as the choice of the other; the
// deciding end turns back if its own choice works, but not for ever: the peer may know something it can't see.

import { type Endpoint, isLoopback } from '../../shared/address/endpoint.ts'
import { text } from './candidate-text.ts'
import { compareKinds, INSIST_MAX, INSIST_MS, SETTLE_MS } from './pacing.ts'
import { currentOf, ensureTrack, isAwake, type Pair, pacingOf, settleOn, tell, use } from './pair.ts'
import type { PathAction, PathCandidate, PathEvent, Place } from './path.ts'
import { isSuspect, type Track } from './track.ts'
import { hold, holdLeft, tryAsked } from './tries.ts'

type Roamed = Extract<PathEvent, { readonly type: 'roamed' }>

/** When a difference between WireGuard and us counts; Infinity if there is none. */
export function roamCountsAt(pair: Pair): number {
  if (pair.wireguardAt === undefined || pair.wireguardAt === pair.inUse?.endpoint) return Number.POSITIVE_INFINITY
  return pair.inUse === undefined ? Number.NEGATIVE_INFINITY : pair.usedAt + SETTLE_MS
}

export function noteRoam(pair: Pair, place: Roamed, now: number, out: PathAction[]): void {
  const { endpoint } = place
  pair.wireguardAt = endpoint
  pair.roamedTo = endpoint === undefined ? undefined : place
  if (endpoint !== undefined && !pair.resting) pair.parked = false
  if (endpoint === undefined) {
    if (pair.inUse !== undefined) use(pair, pair.inUse, 'WireGuard lost the endpoint', now, out)
    return
  }
  if (endpoint === pair.inUse?.endpoint) return
  pair.lifeAt = now
}

/** Settles a difference between WireGuard's endpoint and the path in use. */
export function followRoam(pair: Pair, now: number, out: PathAction[]): void {
  const endpoint = pair.wireguardAt
  if (endpoint === undefined || now < roamCountsAt(pair)) return
  const to = candidateAt(pair, endpoint)
  const current = currentOf(pair)
  const better = current !== undefined && isBetter(pair, current, to, now)
  if (better && pair.decides) {
    pair.insisted = pair.insisted.filter((at) => now - at < INSIST_MS)
    if (pair.insisted.length < INSIST_MAX) {
      pair.insisted.push(now)
      tell(pair, now, `the peer came by ${text(to)}; back to ${text(current.candidate)}, which works`)
      use(pair, current.candidate, `${text(current.candidate)} works and is at least as good`, now, out)
      return
    }
    hold(current, now)
  } else if (pair.decides && current !== undefined && isFailing(pair, current, now)) holdLeft(pair, current, now)
  tell(pair, now, `in use: the peer comes by ${text(to)}`)
  settleOn(pair, to, now)
  pair.handshakeAt = now
  const track = ensureTrack(pair, to)
  if (isAwake(pair, now) && track.phase !== 'valid') tryAsked(pair, track, now)
}

/** The peer was merely the first to notice. */
function isFailing(pair: Pair, current: Track, now: number): boolean {
  return current.answers > 0 ? isSuspect(current, pacingOf(pair), now) : pair.deadSince < Number.POSITIVE_INFINITY
}

function isBetter(pair: Pair, current: Track, to: PathCandidate, now: number): boolean {
  if (current.phase !== 'valid' || isSuspect(current, pacingOf(pair), now)) return false
  return isAwake(pair, now) && compareKinds(current.candidate.kind, to.kind) <= 0
}

function candidateAt(pair: Pair, endpoint: Endpoint): PathCandidate {
  const known = pair.tracks.get(endpoint)?.candidate ?? pair.list.find((one) => one.endpoint === endpoint)
  return known ?? askedCandidate(pair.roamedTo?.endpoint === endpoint ? pair.roamedTo : { endpoint })
}

/** A place where the peer was heard and that nobody named. */
export function askedCandidate({ endpoint, onLink = false, via }: Place): PathCandidate {
  if (via === undefined) return { endpoint, kind: onLink ? 'lan' : 'direct', source: 'asked' }
  return { endpoint, kind: isLoopback(endpoint) ? 'tls' : 'relay', source: 'asked', via }
}
