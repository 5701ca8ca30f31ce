// One machine's view of the simulated time: its own wall clock, and timers that die with it.

import type { FakeClock } from '../../shared/effects.fake.ts'
import type { Clock, Timer } from '../../shared/effects.ts'

export interface NodeClock extends Clock {
  /** Moves this machine's wall clock away from the true time. */
  skew(byMs: number): void
  /** Timers that wait now: a bound to check. */
  waiting(): number
  /** The machine crashed: none of its timers will run. */
  kill(): void
  dead(): boolean
}

export function createNodeClock(base: FakeClock): NodeClock {
  let skewMs = 0
  let dead = false
  const timers = new Set<Timer>()
  return {
    now: () => base.now() + skewMs,
    monotonic: () => base.monotonic(),
    after(delayMs, run) {
      if (dead) return { cancel: () => undefined }
      const timer = base.after(delayMs, () => {
        timers.delete(timer)
        run()
      })
      timers.add(timer)
      return {
        cancel() {
          timer.cancel()
          timers.delete(timer)
        },
      }
    },
    skew(byMs) {
      skewMs = byMs
    },
    waiting: () => timers.size,
    dead: () => dead,
    kill() {
      dead = true
      for (const timer of timers) timer.cancel()
      timers.clear()
    },
  }
}
