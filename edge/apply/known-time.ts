// The newest time that is known to have passed, kept over restarts for clocks that forget. A clock that was wrong may have been
// ahead as well, and what was kept then must not pull the right time up with it for ever. Two things speak against it: the
// hub's signature, which says when the newest intent was made, and whoever sets the clock back while this node looks.

import type { Clock, Log } from '../../shared/effects.ts'
import type { Keepsakes } from '../store/keepsakes.ts'

export interface KnownTimeOptions {
  readonly clock: Clock
  readonly keep: Pick<Keepsakes, 'floor' | 'raiseFloor' | 'setFloor'>
  readonly log: Log
  /** When the intent that is held was signed, by the hub's clock; undefined where none is held. */
  readonly signedAt: () => number | undefined
}

export interface KnownTime {
  /** Milliseconds since the Unix epoch. */
  floor(): number
  /** Once a turn: the clock may have been set. */
  look(): void
  /** Now and then: writes down that time has passed. */
  keep(): void
}

/** No network goes without a change for so long; a clock that is so far ahead of the newest one is wrong. */
const AHEAD_MS_MAX = 10 * 365 * 86_400_000
/** Time servers slew what is less. */
const STEP_MS = 10_000

export function createKnownTime({ clock, keep, log, signedAt }: KnownTimeOptions): KnownTime {
  const offset = (): number => clock.now() - clock.monotonic()
  let before = offset()

  const isCredible = (at: number): boolean => at <= (signedAt() ?? Number.POSITIVE_INFINITY) + AHEAD_MS_MAX

  const floor = (): number => {
    const kept = keep.floor()
    return Math.max(signedAt() ?? 0, isCredible(kept) ? kept : 0)
  }

  const lower = (why: string): void => {
    const [from, to] = [keep.floor(), Math.max(signedAt() ?? 0, isCredible(clock.now()) ? clock.now() : 0)]
    log.warn('the time that was kept is given up', { why, from, to })
    keep.setFloor(to)
  }

  return {
    floor,
    look() {
      const now = offset()
      const stepped = now < before - STEP_MS
      before = now
      // Back before the newest intent no clock can be right.
      if (!stepped || clock.now() < (signedAt() ?? 0)) return
      if (keep.floor() > clock.now() + STEP_MS) lower('the clock was set back')
    },
    keep() {
      if (!isCredible(keep.floor())) lower('it is years after the newest intent')
      const at = Math.max(clock.now(), signedAt() ?? 0)
      if (isCredible(at)) keep.raiseFloor(at)
    },
  }
}
