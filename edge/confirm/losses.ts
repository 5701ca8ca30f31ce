// What is lost in a watch, from look to look, and under which set it was: one that comes in the middle of a watch is not blamed
// before what it broke had as long to come back. Pure; times are monotonic milliseconds.

import type { Broken } from './broken.ts'

export interface Lost extends Broken {
  /** When it was first seen to be. */
  readonly at: number
  /** For how long the set under which it was lost is on trial. */
  readonly underMs: number
  /** For how long it has been lost, as far as it was looked at. */
  readonly lastedMs: number
}

export const noLosses: readonly Lost[] = []

export interface Watch {
  readonly now: number
  /** When what is followed now was first followed. */
  readonly followedAt: number
  /** Since the watch began. */
  readonly elapsedMs: number
}

/** `losses`: those of the look before. */
export function noteLosses(
  losses: readonly Lost[],
  broken: readonly Broken[],
  { elapsedMs, followedAt, now }: Watch,
): readonly Lost[] {
  return broken.map((lost) => {
    const at = losses.find(({ check, due }) => check === lost.check && due === lost.due)?.at ?? now
    return { ...lost, at, underMs: at < followedAt ? elapsedMs : now - followedAt, lastedMs: now - at }
  })
}
