// Lines over time: inside their box, broken where nothing was measured, and rates that no restart makes negative.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { niceMax, plotOf, rates, type Sample } from './plot.ts'

test('the top of an axis is round, and never below what is drawn', () => {
  assert.equal(
    [0, Number.MIN_VALUE, 0.3, 1, 1.2, 4, 7, 99, 100, 101].map(niceMax),
    [1, 1, 0.5, 1, 2, 5, 10, 100, 100, 200],
  )
})

test('lines stay in their box and have gaps where nothing was measured', () => {
  const value = fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined })
  fc.assert(
    fc.property(fc.array(value, { maxLength: 50 }), (values) => {
      const samples: readonly Sample[] = values.map((one, at) => ({ at: at * 1_000, value: one }))
      const { dots, lines } = plotOf(samples, 300, 60)
      const points = [...lines.join('').matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => ({
        x: Number(x),
        y: Number(y),
      }))
      for (const { x, y } of [...points, ...dots]) assert.ok(x >= 0 && x <= 300 && y >= 0 && y <= 60, `${x} ${y}`)
      assert.is(points.length + dots.length, values.filter((one) => one !== undefined).length)
    }),
  )
})

test('a counter that begins anew has no rate for a moment', () => {
  const samples = [0, 100, 400, 50, undefined, 80].map((value, at) => ({ at: at * 10_000, value }))
  assert.equal(
    rates(samples).map(({ value }) => value),
    [10, 30, undefined, undefined, undefined],
  )
})

test.run()
