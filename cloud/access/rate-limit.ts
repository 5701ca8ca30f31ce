// Token buckets by key, in a table of bounded size: a flood of new keys forgets old ones, never grows.

import type { Clock } from '../../shared/effects.ts'
import { rateKeysMax } from '../../shared/limits.ts'

export interface RateLimit {
  /** Takes one from the bucket of `key`; false if it is empty. */
  take(key: string): boolean
  /** True if `take` would fail now. */
  exhausted(key: string): boolean
}

interface Bucket {
  level: number
  at: number
}

/** A full bucket holds one minute's allowance. */
export function createRateLimit(clock: Clock, perMinute: number, keysMax = rateKeysMax): RateLimit {
  const buckets = new Map<string, Bucket>()
  const perMs = perMinute / 60_000

  const refilled = (key: string): Bucket => {
    const now = clock.monotonic()
    const held = buckets.get(key)
    if (held === undefined) return { level: perMinute, at: now }
    return { level: Math.min(perMinute, held.level + (now - held.at) * perMs), at: now }
  }

  return {
    take(key) {
      const bucket = refilled(key)
      const granted = bucket.level >= 1
      if (granted) bucket.level -= 1
      // Deleting first moves the key to the end, so the first key is always the least recently used.
      buckets.delete(key)
      if (buckets.size >= keysMax)
        for (const oldest of buckets.keys()) {
          buckets.delete(oldest)
          break
        }
      buckets.set(key, bucket)
      return granted
    },
    exhausted: (key) => refilled(key).level < 1,
  }
}
