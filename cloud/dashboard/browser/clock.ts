// The one file that asks the browser for time and randomness.

import type { Clock } from '../../../shared/effects.ts'

export const browserClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
}

/** Uniform in [0, 1): so that a thousand browsers do not come back at once. */
export const browserFraction = (): number => Math.random()
