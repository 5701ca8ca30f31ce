// Which candidates are worth a round of tries, and when: at once when something is new, later and later when it was in vain.

import {
  ASKED_MS,
  compareKinds,
  FORGIVEN_MS,
  HOLD_MS,
  isRelayed,
  JITTER,
  PUNCH_TTL,
  RETRY_MS,
  RETRY_MS_MAX,
  SILENCE_OF_ALL_MS,
} from './pacing.ts'
import { currentOf, ensureTracks, type Pair, standingOf } from './pair.ts'
import type { CandidateSource, PathCandidate } from './path.ts'
import { endpointOf, isTrying, rest, startTries, type Track } from './track.ts'

/** Places at a NAT of the peer's, whose mapping an early word of ours may spoil. */
const MAPPINGS: ReadonlySet<CandidateSource> = new Set(['mapped', 'observed', 'last-good'])

function isMapping({ kind, source }: PathCandidate): boolean {
  return kind === 'direct' && MAPPINGS.has(source)
}

/**
 * Ways that only open when both ends try together. That an address is public says nothing of a firewall in front of it, and
 * most of IPv6 stands behind one; where the peer asked from, or what its router forwards, is open already.
 */
function isPunched(candidate: PathCandidate): boolean {
  return isMapping(candidate) || (candidate.kind === 'direct' && candidate.source === 'public')
}

/** Hops of the next try, where it must not reach the peer. */
export function tryTtl(track: Track): number | undefined {
  return isTrying(track) && track.step === 0 && isMapping(track.candidate) ? PUNCH_TTL : undefined
}

export function isHeld(track: Track, now: number): boolean {
  return now < track.heldUntil
}

function hasStandby(pair: Pair): boolean {
  for (const track of pair.tracks.values()) {
    if (track.phase === 'valid' && endpointOf(track) !== pair.inUse?.endpoint) return true
  }
  return false
}

/** True if a round of tries of this candidate could improve matters. */
function isWanted(pair: Pair, track: Track, now: number): boolean {
  if (track.answers > 0 || isTrying(track)) return false
  const standing = standingOf(pair, now)
  // Nothing works: what failed before is as good as anything.
  if (standing === 'silent' || pair.inUse === undefined) return true
  if (isHeld(track, now)) return false
  if (standing === 'unmeasured' || compareKinds(track.candidate.kind, pair.inUse.kind) < 0) return true
  return !track.setAside && !hasStandby(pair)
}

export function begin(pair: Pair, track: Track, now: number, step = 0): void {
  startTries(track, now, step)
  const better = pair.inUse === undefined || compareKinds(track.candidate.kind, pair.inUse.kind) < 0
  if (isPunched(track.candidate) && (better || standingOf(pair, now) !== 'works')) pair.callWanted = true
}

/** Tries everything that is worth it. */
export function tryAll(pair: Pair, now: number): void {
  ensureTracks(pair)
  const wanted = [...pair.tracks.values()].filter((track) => isWanted(pair, track, now))
  for (const track of wanted) begin(pair, track, now)
  pair.retryAt = Number.POSITIVE_INFINITY
}

/** Something came to be known that failed tries knew nothing of: all begin anew, and at the shortest distance. */
export function tryAnew(pair: Pair, now: number): void {
  pair.retryMs = 0
  tryAll(pair, now)
}

/** Tries of a round that only its beginning overlaps with the peer's are as good as made alone. */
const JOINED_STEPS = 3

/** The first way is open, so that both ends can be told when to try: what failed alone is tried together. */
export function tryTogether(pair: Pair, now: number): void {
  pair.retryMs = 0
  for (const track of pair.tracks.values()) {
    if (!isPunched(track.candidate) || isHeld(track, now)) continue
    const begun = isTrying(track) && track.step <= JOINED_STEPS
    if (track.answers === 0 && !begun) begin(pair, track, now)
    else if (begun) pair.callWanted = true
  }
}

/** True if no other than this one is proven. */
export function isFirstWay(pair: Pair, track: Track): boolean {
  if (!isRelayed(track.candidate.kind)) return false
  for (const other of pair.tracks.values()) if (other !== track && other.phase === 'valid') return false
  return true
}

/** As `tryAll`, for an end whose peer already tries; what is held down may be tried, though not used. */
export function joinTries(pair: Pair, now: number): void {
  ensureTracks(pair)
  for (const track of pair.tracks.values()) {
    const open = track.answers === 0 && !isTrying(track) && isHeld(track, now)
    if (open || isWanted(pair, track, now)) startTries(track, now)
  }
  pair.retryAt = Number.POSITIVE_INFINITY
}

/** What the peer does there may have opened the way: RFC 8445 §7.3.1.4. */
export function tryAsked(pair: Pair, track: Track, now: number): void {
  if (isTrying(track)) {
    if (now - track.lastSentAt > 50) track.nextTryAt = Math.min(track.nextTryAt, now)
    return
  }
  const fresh = track.phase === 'untried' && !track.setAside
  if (fresh || isWanted(pair, track, now)) startTries(track, now, 1)
}

/** Ends hold-downs that are over, and begins the rounds of tries that are due. */
export function retry(pair: Pair, now: number): void {
  for (const track of pair.tracks.values()) {
    if (!Number.isFinite(track.heldUntil) || isHeld(track, now)) continue
    track.heldUntil = Number.NEGATIVE_INFINITY
    // Whatever answers came meanwhile are too old to switch by, and a round that the peer called for is half over.
    if (endpointOf(track) !== pair.inUse?.endpoint) rest(track, 'untried')
    if (isWanted(pair, track, now)) begin(pair, track, now)
  }
  const all = [...pair.tracks.values()]
  if (all.some(isTrying)) return
  if (!all.some((track) => isWanted(pair, track, now))) {
    pair.retryAt = Number.POSITIVE_INFINITY
    pair.retryMs = 0
  } else if (pair.retryAt === Number.POSITIVE_INFINITY) {
    pair.retryMs = Math.min(RETRY_MS_MAX, Math.max(RETRY_MS, 2 * pair.retryMs))
    pair.retryAt = now + pair.retryMs * (1 - JITTER * pair.random())
  } else if (now >= pair.retryAt) tryAll(pair, now)
}

/** A path that failed in use must not be switched back to for a while, longer each time. */
export function hold(track: Track, now: number): void {
  track.holdMs = Math.min(RETRY_MS_MAX, Math.max(HOLD_MS, 2 * track.holdMs))
  track.heldUntil = now + track.holdMs
}

/**
 * As `hold`, for a path that was in use and is left because it failed; not where all fell silent with it. By another way out
 * than before it is as good as never tried: holding it down would keep the pair from meeting there.
 */
export function holdLeft(pair: Pair, track: Track, now: number): void {
  const alone = pair.diedAt === Number.POSITIVE_INFINITY || now - pair.diedAt < SILENCE_OF_ALL_MS
  if (alone && track.answeredSentAt >= pair.changedAt) hold(track, now)
}

/** What was held against paths is void. */
export function forgive(pair: Pair): void {
  for (const track of pair.tracks.values()) {
    track.heldUntil = Number.NEGATIVE_INFINITY
    track.holdMs = 0
  }
  pair.retryMs = 0
  pair.retryAt = Number.POSITIVE_INFINITY
}

/** A path that served well for long starts with a clean sheet. */
export function forgiveCurrent(pair: Pair, now: number): void {
  const track = currentOf(pair)
  if (track !== undefined && track.holdMs > 0 && now - pair.usedAt >= FORGIVEN_MS) track.holdMs = 0
}

/** Forgets endpoints that the peer asked from long ago. */
export function forgetAsked(pair: Pair, now: number): void {
  for (const [endpoint, track] of pair.tracks) {
    if (track.listed || endpoint === pair.inUse?.endpoint || track.answers > 0) continue
    if (now - Math.max(track.askedAt, track.lastAnswerAt) >= ASKED_MS) pair.tracks.delete(endpoint)
  }
}
