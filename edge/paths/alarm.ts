// One timer for many moments: rings at the earliest that was asked for.

import type { Clock, Timer } from '../../shared/effects.ts'

export interface Alarm {
  /** Rings at the monotonic time `at`, or earlier where that was asked for. */
  at(at: number): void
  cancel(): void
}

/** `ring` says when it wants to ring again. */
export function createAlarm(clock: Clock, ring: (now: number) => number): Alarm {
  let timer: Timer | undefined
  let dueAt = Number.POSITIVE_INFINITY
  let cancelled = false

  const set = (at: number): void => {
    if (at >= dueAt) return
    timer?.cancel()
    dueAt = at
    timer = clock.after(Math.max(0, at - clock.monotonic()), () => {
      dueAt = Number.POSITIVE_INFINITY
      cancelled = false
      const next = ring(clock.monotonic())
      // What rings may end the whole thing.
      if (!cancelled) set(next)
    })
  }

  return {
    at: set,
    cancel() {
      timer?.cancel()
      dueAt = Number.POSITIVE_INFINITY
      cancelled = true
    },
  }
}
