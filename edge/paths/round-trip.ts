// What is known of a path's round trips: time by RFC 6298 §2, loss as a moving average, and what both say about patience.

import { FIRST_PATIENCE_MS } from './pacing.ts'

export interface RoundTrip {
  /** Smoothed; below 0 before the first sample. */
  rttMs: number
  varMs: number
  /** Share of probes without an answer, 0 to 1; those since the last answer don't count yet. */
  loss: number
}

/** Clocks and timers of small devices are no finer. */
const GRANULARITY_MS = 10
const LOSS_GAIN = 1 / 64
/** A path that loses packets may look dead by chance once in so many bursts. */
const FALSE_ALARM = 1e-5
const MISSES_MIN = 3
const MISSES_MAX = 8
/**
 * Patience with any path. Longer ones exist (LTE whose buffers are full), but then a probe is as good as lost; and round trips
 * that were measured while this machine was busy must not hide for long that nothing comes back.
 */
const PATIENCE_MS_MAX = 3_000

export function newRoundTrip(): RoundTrip {
  return { rttMs: -1, varMs: 0, loss: 0 }
}

export function noteRtt(trip: RoundTrip, sampleMs: number): void {
  if (trip.rttMs < 0) {
    trip.rttMs = sampleMs
    trip.varMs = sampleMs / 2
    return
  }
  trip.varMs += (Math.abs(trip.rttMs - sampleMs) - trip.varMs) / 4
  trip.rttMs += (sampleMs - trip.rttMs) / 8
}

export function noteLoss(trip: RoundTrip, lost: boolean): void {
  trip.loss += ((lost ? 1 : 0) - trip.loss) * LOSS_GAIN
}

/** Loss as people want to see it: probes out since the last answer count at once. */
export function lossWith(trip: RoundTrip, misses: number): number {
  return 1 - (1 - trip.loss) * (1 - LOSS_GAIN) ** misses
}

/** Time after which an answer is overdue (RTO of RFC 6298, bounded). */
export function patienceMs(trip: RoundTrip, floorMs: number): number {
  if (trip.rttMs < 0) return FIRST_PATIENCE_MS
  const timeoutMs = trip.rttMs + Math.max(GRANULARITY_MS, 4 * trip.varMs)
  return Math.min(PATIENCE_MS_MAX, Math.max(floorMs, timeoutMs))
}

/** Misses in a row after which the path is dead: three, and more where single losses are usual. */
export function missesToDie(trip: RoundTrip): number {
  if (trip.loss <= 0) return MISSES_MIN
  const needed = Math.ceil(Math.log(FALSE_ALARM) / Math.log(Math.min(trip.loss, 0.9)))
  return Math.min(MISSES_MAX, Math.max(MISSES_MIN, needed))
}
