// Which path the pair uses. Of what works the best, and never one that is not proven while another one is.

import { isIpv6 } from '../../shared/address/endpoint.ts'
import { text } from './candidate-text.ts'
import { ALIVE_MS, compareKinds, FASTER_ANSWERS, GUESS_MS, SILENCE_OF_ALL_MS, VALID_ANSWERS } from './pacing.ts'
import { currentOf, type Pair, pacingOf, standingOf, tell, use } from './pair.ts'
import type { PathAction, PathCandidate } from './path.ts'
import { patienceMs } from './round-trip.ts'
import { readyTracks } from './standby.ts'
import { endpointOf, type Track } from './track.ts'
import { holdLeft, isHeld, tryAll } from './tries.ts'

/** The end that follows waits so long for the deciding one where nothing is broken. */
const FOLLOWER_PATIENCE_MS = 1_000
const FASTER_SHARE = 0.8
const FASTER_MS = 10

/** True if `track` has clearly the shorter round trips of two paths of one kind. */
export function isClearlyFaster(track: Track, current: Track): boolean {
  if (track.candidate.kind !== current.candidate.kind) return false
  const [a, b] = [track.trip.rttMs, current.trip.rttMs]
  return a < b * FASTER_SHARE && b - a > FASTER_MS
}

/** IPv6 first where both work: no NAT can lose its mapping. The margin is less than what IPv4 would be turned back to for. */
function isNewerAndAsFast({ candidate, trip }: Track, current: Track): boolean {
  const { endpoint, kind } = candidate
  if (kind !== 'direct' || current.candidate.kind !== kind) return false
  if (!isIpv6(endpoint) || isIpv6(endpointOf(current))) return false
  return trip.rttMs <= current.trip.rttMs + FASTER_MS / 2
}

export function choose(pair: Pair, now: number, out: PathAction[]): void {
  switch (standingOf(pair, now)) {
    case 'works':
      if (pair.decides) improve(pair, now, out)
      break
    case 'unmeasured':
      measure(pair, now, out)
      break
    case 'silent':
      replace(pair, now, out)
      break
  }
}

function improve(pair: Pair, now: number, out: PathAction[]): void {
  const current = currentOf(pair)
  if (current === undefined) return
  const usable = readyTracks(pair).filter((track) => !isHeld(track, now))
  const [best] = usable
  if (best === undefined) return
  if (compareKinds(best.candidate.kind, current.candidate.kind) < 0) {
    turnTo(
      pair,
      best.candidate,
      `${text(best.candidate)} is proven and better than ${text(current.candidate)}`,
      now,
      out,
    )
    return
  }
  const newer = usable.find((track) => isNewerAndAsFast(track, current))
  if (newer !== undefined) {
    turnTo(pair, newer.candidate, `${text(newer.candidate)} is proven, and IPv6`, now, out)
    return
  }
  const faster = usable.find((track) => track.faster >= FASTER_ANSWERS && isClearlyFaster(track, current))
  if (faster === undefined) return
  const times = `${Math.round(faster.trip.rttMs)} ms instead of ${Math.round(current.trip.rttMs)} ms`
  turnTo(pair, faster.candidate, `${text(faster.candidate)} is faster: ${times}`, now, out)
}

/** When this end may leave a path that only WireGuard's handshakes show to work; the peer may just have come by it. */
export function measuredTurnAt(pair: Pair, best: Track): number {
  return pair.decides ? best.validAt : Math.max(best.validAt, pair.usedAt) + FOLLOWER_PATIENCE_MS
}

/** The best of those that answered since: what was proven before may have died with the path that was left. */
export function measuredBest(pair: Pair, now: number): Track | undefined {
  return readyTracks(pair).find((track) => !isHeld(track, now) && track.lastAnswerAt >= pair.usedAt)
}

function measure(pair: Pair, now: number, out: PathAction[]): void {
  const best = measuredBest(pair, now)
  if (best === undefined || now < measuredTurnAt(pair, best)) return
  turnTo(pair, best.candidate, `${text(best.candidate)} is proven, the path before answers no probes`, now, out)
}

/** When this end may act on a dead path: the one that follows leaves the other as long again as it took to notice. */
export function actsAt(pair: Pair): number {
  if (pair.diedAt === Number.POSITIVE_INFINITY) return Number.NEGATIVE_INFINITY
  return pair.decides ? pair.diedAt : 2 * pair.diedAt - pair.deadSince
}

/** When the path in use fell silent; in the past for ever if it never spoke. */
function silentSince(pair: Pair): number {
  return pair.deadSince === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : pair.deadSince
}

function replace(pair: Pair, now: number, out: PathAction[]): void {
  const ready = readyTracks(pair)
  const fresh = ready.filter((track) => track.lastAnswerAt >= silentSince(pair))
  const best = bestOf(pair, fresh, now)
  // Those that have not answered since are asked right now; they answer, or die as well.
  if (best === undefined && ready.length > 0) return
  const next = best ?? answering(pair)
  if (next !== undefined) {
    if (now >= actsAt(pair) && !mayReturn(pair, now)) leave(pair, next, now, out)
    return
  }
  if (pair.searchedAt < silentSince(pair)) {
    pair.searchedAt = now
    tryAll(pair, now)
  }
  guess(pair, now, out)
}

/**
 * The best of `fresh`, one that is held down only if there is no other. The end that follows takes, of several as good,
 * the one that the other was last heard on: it probably uses it by now.
 */
function bestOf(pair: Pair, fresh: readonly Track[], now: number): Track | undefined {
  const first = fresh.find((track) => !isHeld(track, now)) ?? fresh[0]
  if (first === undefined || pair.decides) return first
  return fresh
    .filter((track) => track.candidate.kind === first.candidate.kind && isHeld(track, now) === isHeld(first, now))
    .reduce((a, b) => (b.askedAt > a.askedAt ? b : a), first)
}

/** The best of those that answered at least once since the silence began. */
function answering(pair: Pair): Track | undefined {
  let best: Track | undefined
  for (const track of pair.tracks.values()) {
    if (track.answers === 0 || track.lastAnswerAt < silentSince(pair)) continue
    if (best === undefined || compareKinds(track.candidate.kind, best.candidate.kind) < 0) best = track
  }
  return best
}

/**
 * After a silence of all, the peer may just have started anew, and WireGuard's payload never stopped: the path in use gets one
 * more probe before another is taken.
 */
function mayReturn(pair: Pair, now: number): boolean {
  const current = currentOf(pair)
  if (current === undefined || pair.diedAt === Number.POSITIVE_INFINITY) return false
  if (now - pair.diedAt < SILENCE_OF_ALL_MS) return false
  if (pair.chanceUntil === Number.POSITIVE_INFINITY) {
    pair.chanceUntil = now + patienceMs(current.trip, pacingOf(pair).floorMs)
    current.lastSentAt = Number.NEGATIVE_INFINITY
  }
  return now < pair.chanceUntil
}

function leave(pair: Pair, next: Track, now: number, out: PathAction[]): void {
  const failed = currentOf(pair)
  const dead = pair.deadSince < Number.POSITIVE_INFINITY && failed !== undefined
  const proof = next.answers >= VALID_ANSWERS ? 'is proven' : 'answered'
  const before = dead ? `, ${text(failed.candidate)} is dead` : ''
  if (dead) holdLeft(pair, failed, now)
  next.heldUntil = Number.NEGATIVE_INFINITY
  turnTo(pair, next.candidate, `${text(next.candidate)} ${proof}${before}`, now, out)
  // Others as good as the lost one may still work.
  tryAll(pair, now)
}

function turnTo(pair: Pair, candidate: PathCandidate, why: string, now: number, out: PathAction[]): void {
  tell(pair, now, `in use: ${why}`)
  use(pair, candidate, why, now, out)
}

/** When WireGuard may be pointed at another candidate by chance. */
export function guessAt(pair: Pair): number {
  if (pair.inUse === undefined) return pair.guessFrom
  return Math.max(pair.usedAt + GUESS_MS, pair.lifeAt + ALIVE_MS)
}

/** While nobody answers, WireGuard itself tries one after the other. */
export function guess(pair: Pair, now: number, out: PathAction[]): void {
  // Where it is parked, its word goes out by every way there is.
  if ((pair.parked && pair.inUse !== undefined) || now < guessAt(pair)) return
  const at = pair.list.findIndex(({ endpoint }) => endpoint === pair.inUse?.endpoint)
  const next = pair.list[(at + 1) % pair.list.length]
  if (next === undefined || next.endpoint === pair.inUse?.endpoint) return
  if (at < 0) tell(pair, now, `nothing answers yet: WireGuard tries ${pair.list.length} candidates in turn`)
  const why = `nothing answers yet: candidate ${at + 2 > pair.list.length ? 1 : at + 2} of ${pair.list.length}`
  use(pair, next, why, now, out)
}

/** True if `track` is the path in use. */
export function isCurrent(pair: Pair, track: Track): boolean {
  return endpointOf(track) === pair.inUse?.endpoint
}
