// How long to wait before the next try, after state.md: uniform 0–30 s after a link that had been stable, because then
// the hub went away for everybody at once; else full-jitter exponential from 1 s to 5 min (Brooker, 2015).

/** A link that lasted this long was stable. */
const STABLE_MS = 10 * 60_000
const SPREAD_MS = 30_000
const FIRST_MS = 1_000
const LAST_MS = 5 * 60_000

export interface BackoffState {
  /** Tries that failed since the link was last up, this one included. */
  readonly failures: number
  /** How long the link that just ended had been up; 0 if this try never came up. */
  readonly stableMs: number
}

/** Milliseconds; `fraction` is uniform in [0, 1). */
export function nextDelayMs(state: BackoffState, fraction: number): number {
  if (state.stableMs >= STABLE_MS) return fraction * SPREAD_MS
  return fraction * Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(state.failures - 1, 20))
}
