// How long an override may still live, whatever happens to the clock. Two bounds, and the first one reached ends it: the wall
// clock, never taken for earlier than what is known to have passed; and the time it has been in force, counted without any
// clock. That time is paid for in advance, on the disk: a device whose power is cut again and again, with a clock that begins
// in 1970 each time, gains nothing by it.

import type { Override } from '../../shared/override/override.ts'

export type Life = Pick<Override, 'madeAt' | 'expiresAt'>

/** Time in force of an override, milliseconds. */
export interface Lease {
  /** Of earlier runs of the agent: all that they had paid for. */
  readonly spentMs: number
  /** Monotonic time at which this run began to count. */
  readonly since: number
}

const SLICES = 60
const SLICE_MS_MIN = 1_000
/** What a power cut may cost of the longest override; shorter would wear the flash. */
const SLICE_MS_MAX = 10 * 60_000

function lifeMs({ expiresAt, madeAt }: Life): number {
  return expiresAt - madeAt
}

/** Paid for at once. */
export function sliceMs(life: Life): number {
  return Math.min(SLICE_MS_MAX, Math.max(SLICE_MS_MIN, Math.ceil(lifeMs(life) / SLICES)))
}

export function usedMs({ since, spentMs }: Lease, monotonic: number): number {
  return spentMs + Math.max(0, monotonic - since)
}

/** Milliseconds until it ends at the latest; 0 or less: it has ended. `now`: the latest time known to have passed. */
export function leftMs(life: Life, lease: Lease, now: number, monotonic: number): number {
  return Math.min(life.expiresAt - now, lifeMs(life) - usedMs(lease, monotonic))
}
