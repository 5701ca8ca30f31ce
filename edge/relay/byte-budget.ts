// Bytes per second, with a tenth of a second's worth at once.

import type { Clock } from '../../shared/effects.ts'

/** Takes bytes out of the budget; false where it does not hold as many. */
export type ByteBudget = (bytes: number) => boolean

/** Least burst: a message of the largest size passes at any rate. */
const BURST_BYTES_MIN = 1 << 16

export function createByteBudget(clock: Clock, bytesPerSecond: number): ByteBudget {
  const burst = Math.max(BURST_BYTES_MIN, bytesPerSecond / 10)
  let left = burst
  let at = clock.monotonic()
  return (bytes) => {
    const now = clock.monotonic()
    left = Math.min(burst, left + ((now - at) / 1_000) * bytesPerSecond)
    at = now
    if (bytes > left) return false
    left -= bytes
    return true
  }
}
