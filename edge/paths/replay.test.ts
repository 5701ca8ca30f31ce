// The window against a list of everything seen: each counter once, none that is older than the window.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createReplayWindow } from './replay.ts'

/** Counters that mostly rise, with steps back, repetitions and leaps. */
const walk = fc.array(fc.oneof(fc.integer({ min: -70, max: 70 }), fc.constantFrom(0, 1, 63, 64, 65, 1_000)), {
  maxLength: 200,
})

test('a counter is admitted once, and only within 64 of the newest', () => {
  fc.assert(
    fc.property(walk, (steps) => {
      const window = createReplayWindow()
      const seen = new Set<number>()
      let at = 100
      let newest = -1
      for (const step of steps) {
        at = Math.max(0, at + step)
        const expected = !seen.has(at) && at > newest - 64
        assert.is(window.admit(BigInt(at)), expected, `${at} after ${newest}`)
        seen.add(at)
        newest = Math.max(newest, at)
      }
    }),
  )
})

test('the last counter there is closes the window behind itself', () => {
  const window = createReplayWindow()
  const last = 2n ** 64n - 1n
  assert.ok(window.admit(0n))
  assert.ok(window.admit(last))
  assert.not.ok(window.admit(last))
  assert.not.ok(window.admit(0n))
  assert.ok(window.admit(last - 63n))
})

test.run()
