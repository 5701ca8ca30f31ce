// Which runs: one seed, a range of seeds, or the ones that once found something.

import { HoldfastError } from '../../shared/errors.ts'

export interface Choice {
  readonly seed: number
  readonly steps: number
  readonly nodes: number
}

/** A range is an afternoon at most. */
const SEEDS_MAX = 100_000

/**
 * Runs that found a fault of the product or of a check, and what. A new kind of event deals the same seed another hand, so the
 * fault also gets a test of its own beside the code that had it.
 */
export const found: readonly (Choice & { readonly what: string })[] = [
  { seed: 5, steps: 150, nodes: 5, what: 'a restart on a full disk, taken for a step back to an older policy' },
  { seed: 33, steps: 400, nodes: 6, what: 'the same' },
  { seed: 53, steps: 400, nodes: 6, what: 'the same' },
  { seed: 59, steps: 400, nodes: 6, what: 'a damaged set under a rotated signing key: an older one took its place' },
  { seed: 64, steps: 400, nodes: 6, what: 'the same' },
  { seed: 14, steps: 200, nodes: 5, what: 'a damaged set on a full disk, taken for the agent’s own work' },
  { seed: 185, steps: 200, nodes: 5, what: 'a forged head that a broker retains: nobody asked the hub itself' },
  { seed: 192, steps: 200, nodes: 5, what: 'the hub’s hello cancelled the request that a refused head had caused' },
  { seed: 4, steps: 150, nodes: 5, what: 'a store that lost its set and kept the case about it' },
  { seed: 29, steps: 150, nodes: 5, what: 'a try that a canary put off, taken for one that is still to come' },
  { seed: 48, steps: 250, nodes: 5, what: 'a disk that took the last good set, and not the set that followed' },
  { seed: 31_334, steps: 100, nodes: 4, what: 'a node let in again that waited for a canary, without a peer to ask' },
  { seed: 32_099, steps: 100, nodes: 4, what: 'a damaged key record: nothing told any more how far the set had been' },
  {
    seed: 35_763,
    steps: 100,
    nodes: 4,
    what: 'power lost before the root was pinned, then its link damaged: an older set took the place',
  },
  { seed: 47_418, steps: 100, nodes: 4, what: 'a newer revision forgotten when the one before it was blamed' },
  { seed: 381, steps: 200, nodes: 5, what: 'a broker that shows neither a head nor the hub: nobody asked' },
]

/** `7` or `1..500`, both ends included. */
export function parseSeeds(text: string): readonly number[] {
  const match = /^(\d{1,10})(?:\.\.(\d{1,10}))?$/.exec(text)
  const first = Number(match?.[1])
  const last = Number(match?.[2] ?? match?.[1])
  const fits = match !== null && first > 0 && last >= first && last - first < SEEDS_MAX
  if (!fits) throw new HoldfastError('usage', `--seeds takes a range such as 1..500, of at most ${SEEDS_MAX} seeds`)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
