// A token bucket per source: what one member asks must not cost the others their answers.

import type { Clock } from '../../shared/effects.ts'

interface Bucket {
  tokens: number
  at: number
}

export interface RateOptions {
  readonly perSecond: number
  readonly burst: number
  /** Sources remembered; the table is emptied beyond, which at worst hands out fresh bursts. */
  readonly sourcesMax: number
}

/** Returns whether one more from `source` is within the rate. */
export function createRate(clock: Clock, options: RateOptions): (source: string) => boolean {
  const buckets = new Map<string, Bucket>()
  return (source) => {
    const now = clock.monotonic()
    const held = buckets.get(source)
    if (held === undefined && buckets.size >= options.sourcesMax) buckets.clear()
    const bucket = held ?? { tokens: options.burst, at: now }
    bucket.tokens = Math.min(options.burst, bucket.tokens + ((now - bucket.at) / 1_000) * options.perSecond)
    bucket.at = now
    buckets.set(source, bucket)
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }
}
