// When each candidate is probed next, and the sending of what is due, within the bounds of a peer.

import { pathProbesPerSecondMax, pathTriesPerSecondMax } from '../../shared/limits.ts'
import { isCurrent } from './choice.ts'
import { JITTER, RESTART_MS, TRY_GAPS_MS, VALID_ANSWERS } from './pacing.ts'
import { currentOf, type Pair, pacingOf } from './pair.ts'
import type { PathAction } from './path.ts'
import { freeAt, noteTime } from './rate-window.ts'
import { endpointOf, gapMs, isTrying, noteSent, overdueAt, type Track } from './track.ts'
import { tryTtl } from './tries.ts'

/** Answers of a path on probation are followed by the next probe at once, but never two in the same instant. */
const PROBATION_GAP_MS = 5

/** Since when the path in use owes an answer; Infinity while it owes none. */
function troubledSince(pair: Pair, now: number): number {
  const current = currentOf(pair)
  if (current === undefined) return Number.POSITIVE_INFINITY
  if (pair.deadSince < Number.POSITIVE_INFINITY) return pair.deadSince
  if (current.answers === 0) return pair.usedAt
  if (current.misses > 0) return current.silentSince
  if (now < overdueAt(current, pacingOf(pair))) return Number.POSITIVE_INFINITY
  const owed = current.flights.find(({ sentAt }) => sentAt > current.answeredSentAt)
  return owed?.sentAt ?? Number.POSITIVE_INFINITY
}

/** When the candidate is to be probed, bounds aside. */
function wishedAt(pair: Pair, track: Track, trouble: number): number {
  const pacing = pacingOf(pair)
  if (isTrying(track)) return track.step < TRY_GAPS_MS.length ? track.nextTryAt : Number.POSITIVE_INFINITY
  const current = isCurrent(pair, track)
  if (track.answers === 0) {
    const next = track.lastSentAt + pacing.intervalMs
    return current && track.phase === 'failed' && next - track.lastAnswerAt < RESTART_MS
      ? next
      : Number.POSITIVE_INFINITY
  }
  const burstAt = track.lastSentAt + gapMs(track, pacing)
  if (track.doubted || track.misses > 0) return burstAt
  const repeatAt = Math.max(burstAt, overdueAt(track, pacing))
  if (track.answers < VALID_ANSWERS) {
    if (repeatAt < Number.POSITIVE_INFINITY) return repeatAt
    return Math.max(track.lastAnswerAt, track.lastSentAt + PROBATION_GAP_MS)
  }
  if (!current && trouble < Number.POSITIVE_INFINITY && track.lastAnswerAt < trouble) return burstAt
  const intervalMs = current ? pacing.intervalMs : pacing.standbyMs
  return Math.min(repeatAt, Math.max(burstAt, track.lastSentAt + intervalMs * (1 - track.early)))
}

function probeAt(pair: Pair, track: Track, trouble: number): number {
  const at = Math.max(wishedAt(pair, track, trouble), freeAt(pair.probeTimes, pathProbesPerSecondMax))
  return isTrying(track) ? Math.max(at, freeAt(pair.tryTimes, pathTriesPerSecondMax)) : at
}

/** When the next probe is due. */
export function nextProbeAt(pair: Pair, now: number): number {
  const trouble = troubledSince(pair, now)
  let next = Number.POSITIVE_INFINITY
  for (const track of pair.tracks.values()) next = Math.min(next, probeAt(pair, track, trouble))
  return next
}

/** Sends what is due, the path in use first. */
export function sendDue(pair: Pair, now: number, out: PathAction[]): void {
  const trouble = troubledSince(pair, now)
  const current = currentOf(pair)
  if (current !== undefined && now >= probeAt(pair, current, trouble)) send(pair, current, now, out)
  for (const track of pair.tracks.values()) {
    if (track !== current && now >= probeAt(pair, track, trouble)) send(pair, track, now, out)
  }
}

function send(pair: Pair, track: Track, now: number, out: PathAction[]): void {
  const probe = pair.nextProbe
  const ttl = tryTtl(track)
  pair.nextProbe = (probe + 1) >>> 0
  if (isTrying(track)) noteTime(pair.tryTimes, pathTriesPerSecondMax, now)
  noteTime(pair.probeTimes, pathProbesPerSecondMax, now)
  noteSent(track, probe, now, JITTER * pair.random())
  out.push({ type: 'probe', endpoint: endpointOf(track), probe, ...(ttl === undefined ? {} : { ttl }) })
}
