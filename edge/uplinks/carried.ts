// The most that an uplink was seen to carry out, in the last one to two weeks: what it can carry at least. It is never loaded for
// the sake of knowing. Pure.

import { bandwidthStepsMbps } from '../../shared/wire/uplink-quality.ts'

export interface Carried {
  /** Start of the present week of looking, milliseconds since the Unix epoch, and the most in it and in the one before. */
  readonly since: number
  readonly mbps: number
  readonly beforeMbps: number
}

export const nothingCarried: Carried = { since: 0, mbps: 0, beforeMbps: 0 }

const WEEK_MS = 7 * 86_400_000
/** Shorter than this, a burst fills queues that are not the uplink's. */
const SPAN_MS_MIN = 5_000
const BITS_PER_BYTE = 8

/** Megabits per second of bytes in so many milliseconds; 0 where that is too short to tell. */
export function rateMbps(bytes: number, spanMs: number): number {
  return spanMs < SPAN_MS_MIN || bytes <= 0 ? 0 : (bytes * BITS_PER_BYTE) / (spanMs * 1_000)
}

/** `now` in milliseconds since the Unix epoch; a clock that was set begins a week anew. */
export function noteCarried(before: Carried, mbps: number, now: number): Carried {
  const isOver = now < before.since || now - before.since >= WEEK_MS
  const base = isOver ? { since: now, mbps: 0, beforeMbps: before.mbps } : before
  return mbps <= base.mbps ? base : { ...base, mbps }
}

/** The greatest step that is carried for sure; undefined below the least of them. */
export function carriedStep(mbps: number): number | undefined {
  return bandwidthStepsMbps.findLast((step) => step <= mbps)
}

export function mostCarried({ beforeMbps, mbps }: Carried): number {
  return Math.max(mbps, beforeMbps)
}
