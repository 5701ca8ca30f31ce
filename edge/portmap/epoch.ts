// Whether a router forgot what it knew: it counts seconds from the moment its table was empty (RFC 6887 §8.5, RFC 6886 §3.6).

export interface EpochSight {
  /** What the router said. */
  readonly epochS: number
  /** When we heard it, monotonic milliseconds. */
  readonly atMs: number
}

/** Clocks of routers run up to a sixteenth wrong, and answers take a moment. */
const SLACK_S = 2
const SKEW = 16

export function hasForgotten(before: EpochSight, now: EpochSight): boolean {
  const ours = (now.atMs - before.atMs) / 1_000
  const theirs = now.epochS - before.epochS
  if (theirs < -1) return true
  return ours + SLACK_S < theirs - theirs / SKEW || theirs + SLACK_S < ours - ours / SKEW
}
