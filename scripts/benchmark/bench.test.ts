// Figures are only as good as the arithmetic behind them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { asTable, median, overBounds, quantile, summarise } from './bench.ts'

test('medians and quantiles of odd, even and single series', () => {
  assert.is(median([3, 1, 2]), 2)
  assert.is(median([4, 1, 3, 2]), 2.5)
  assert.is(median([7]), 7)
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
  assert.is(quantile(hundred, 0.5), 50)
  assert.is(quantile(hundred, 0.99), 99)
  assert.is(quantile([5], 0.99), 5)
  assert.ok(Number.isNaN(quantile([], 0.5)))
})

test('one outlier does not move the figure', () => {
  assert.equal(summarise([{ gapMs: 10 }, { gapMs: 12 }, { gapMs: 900 }]), { gapMs: 12 })
  assert.equal(summarise([{ a: 1 }, { a: 3, b: 0.1234 }]), { a: 2, b: 0.12 })
})

test('the table names the figure, its value and its budget', () => {
  const report = { name: 'x', machine: { cpu: 'c', cores: 2, kernel: 'k' }, runs: 3, figures: { gapMs: 12 } }
  assert.match(asTable(report, { gapMs: '≤ 400' }), /gapMs +12 +≤ 400\n$/)
})

test('a figure over its bound is told of, one that is missing too; at the bound is within', () => {
  const report = { name: 'x', machine: {}, runs: 1, figures: { sizeMiB: 12, startMs: 300 } }
  assert.equal(overBounds(report, { sizeMiB: 12, startMs: 300 }), [])
  assert.equal(overBounds(report), [])
  assert.is(overBounds(report, { sizeMiB: 11, startMs: 299, other: 1 }).length, 3)
  assert.match(overBounds(report, { sizeMiB: 11 })[0] ?? '', 'sizeMiB is 12, and at most 11')
})

test.run()
