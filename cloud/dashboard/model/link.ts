// How the page stands with its hub.

export interface Link {
  readonly state: 'connecting' | 'live' | 'down'
  /** Of this state, milliseconds since the Unix epoch by the browser's clock. */
  readonly since: number
  /** Why it is down, in words. */
  readonly why?: string
}

/** A stream that is silent for longer than two heartbeats of the hub is a stream that broke without a word, milliseconds. */
export const silenceMsMax = 45_000
const FIRST_TRY_MS = 500
const TRY_MS_MAX = 15_000

/** Before the next try to reach the hub; `tries` is 0 after the first failure. `fraction` in [0, 1) spreads a crowd. */
export function retryMs(tries: number, fraction: number): number {
  const whole = Math.min(TRY_MS_MAX, FIRST_TRY_MS * 2 ** Math.min(tries, 10))
  return whole / 2 + (whole / 2) * fraction
}
