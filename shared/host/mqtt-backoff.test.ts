// The back-off of state.md, checked at its edges.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nextDelayMs } from './mqtt-backoff.ts'

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('after a stable link everybody comes back within 30 s, spread evenly', () => {
  fc.assert(
    fc.property(fraction, fc.nat(100), (at, failures) => {
      assert.is(nextDelayMs({ failures: failures + 1, stableMs: 600_000 }, at), at * 30_000)
    }),
  )
})

test('else the wait doubles from 1 s to 5 min and never beyond', () => {
  const longest = (failures: number): number => nextDelayMs({ failures, stableMs: 0 }, 1)
  assert.equal([1, 2, 3, 9, 10, 1_000].map(longest), [1_000, 2_000, 4_000, 256_000, 300_000, 300_000])
  assert.is(nextDelayMs({ failures: 5, stableMs: 599_999 }, 0), 0)
})

test.run()
