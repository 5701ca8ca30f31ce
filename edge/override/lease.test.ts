// An override ends: whatever the clock does, however often the power is cut.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { overrideDurationMsMax, overrideDurationMsMin } from '../../shared/limits.ts'
import { leftMs, sliceMs, usedMs } from './lease.ts'

const MADE = 1_800_000_000_000
const life = (durationMs: number) => ({ madeAt: MADE, expiresAt: MADE + durationMs })

test('by the clock it ends when it should, and sooner where the clock leapt', () => {
  const lease = { spentMs: 0, since: 100 }
  assert.is(leftMs(life(60_000), lease, MADE, 100), 60_000)
  assert.is(leftMs(life(60_000), lease, MADE + 20_000, 20_100), 40_000)
  assert.ok(leftMs(life(60_000), lease, MADE + 86_400_000, 200) <= 0)
})

test('a clock that stands still or goes back gives it nothing', () => {
  const lease = { spentMs: 0, since: 0 }
  assert.is(leftMs(life(60_000), lease, MADE, 59_000), 1_000)
  assert.ok(leftMs(life(60_000), lease, MADE - 1e12, 60_000) <= 0)
})

test('time of earlier runs counts', () => {
  assert.is(usedMs({ spentMs: 5_000, since: 1_000 }, 3_000), 7_000)
  assert.is(leftMs(life(60_000), { spentMs: 59_000, since: 0 }, 0, 0), 1_000)
})

test('a slice is small against the whole, and no smaller than flash can bear', () => {
  assert.is(sliceMs(life(20_000)), 1_000)
  assert.is(sliceMs(life(4 * 3_600_000)), 4 * 60_000)
  assert.is(sliceMs(life(overrideDurationMsMax)), 10 * 60_000)
})

test('however often the power is cut and whatever clock it wakes with, it is in force no longer than it was given', () => {
  const duration = fc.integer({ min: overrideDurationMsMin, max: overrideDurationMsMax })
  const runs = fc.array(fc.record({ ms: fc.integer({ min: 0, max: overrideDurationMsMax }), wall: fc.nat() }), {
    maxLength: 200,
  })
  fc.assert(
    fc.property(duration, runs, (durationMs, list) => {
      const one = life(durationMs)
      let paidMs = 0
      let inForceMs = 0
      for (const { ms, wall } of list) {
        const lease = { spentMs: paidMs, since: 0 }
        let at = 0
        // As the book does: judge, pay for the next slice, wait for the first of both, until the power goes.
        while (at < ms && leftMs(one, lease, wall, at) > 0) {
          if (usedMs(lease, at) >= paidMs) paidMs = usedMs(lease, at) + sliceMs(one)
          const wait = Math.min(leftMs(one, lease, wall, at), paidMs - usedMs(lease, at), ms - at)
          at += wait
          inForceMs += wait
        }
      }
      assert.ok(inForceMs <= durationMs)
    }),
    { numRuns: 60 },
  )
})

test.run()
