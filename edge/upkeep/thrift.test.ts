// A budget that lasts costs nothing, one that does not is stretched in a stated order, and nothing flaps.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Thrift, thriftOf } from './thrift.ts'

const BUDGET = 2_000_000

test('levels by what was spent at noon', () => {
  for (const [spent, before, level] of [
    [0, 0, 0],
    [1_000_000, 0, 0],
    [1_040_000, 0, 0],
    [1_100_000, 0, 1],
    [910_000, 1, 1],
    [890_000, 1, 0],
    [1_200_000, 0, 2],
    [1_010_000, 2, 2],
    [990_000, 2, 1],
    [850_000, 2, 0],
    [9_000_000, 0, 2],
  ] as const) {
    assert.is(thriftOf({ budget: BUDGET, elapsed: 0.5, spent }, before), level, `${spent} after ${before}`)
  }
})

test('a start is no reason to be sparing, and no budget never is one', () => {
  assert.is(thriftOf({ budget: BUDGET, elapsed: 0, spent: 90_000 }, 0), 0)
  assert.is(thriftOf({ budget: undefined, elapsed: 0.9, spent: 1e12 }, 0), 0)
  assert.is(thriftOf({ budget: BUDGET, elapsed: 1, spent: 1_900_000 }, 0), 0)
})

const level = fc.constantFrom<Thrift>(0, 1, 2)
const share = fc.double({ min: 0, max: 1, noNaN: true })

test('who spends more is never less sparing, and asking again changes nothing', () => {
  fc.assert(
    fc.property(level, share, fc.nat(4_000_000), fc.nat(1_000_000), (before, elapsed, spent, more) => {
      const now = thriftOf({ budget: BUDGET, elapsed, spent }, before)
      assert.ok(thriftOf({ budget: BUDGET, elapsed, spent: spent + more }, before) >= now)
      assert.is(thriftOf({ budget: BUDGET, elapsed, spent }, now), now)
    }),
  )
})

/** A day in minutes of a node whose costs per minute follow from its level. */
function daySpent(costs: Readonly<Record<Thrift, number>>): number {
  let [spent, now]: [number, Thrift] = [0, 0]
  for (let minute = 0; minute < 1_440; minute++) {
    now = thriftOf({ budget: BUDGET, elapsed: minute / 1_440, spent }, now)
    spent += costs[now]
  }
  return spent
}

test('the budget is kept wherever the sparest level fits into it', () => {
  const fair = BUDGET / 1_440
  const costs = fc.tuple(
    fc.double({ min: 0, max: 0.8, noNaN: true }),
    fc.double({ min: 0, max: 2, noNaN: true }),
    fc.double({ min: 0, max: 2, noNaN: true }),
  )
  fc.assert(
    fc.property(costs, ([least, more, most]) => {
      const spent = daySpent({ 2: least * fair, 1: (least + more) * fair, 0: (least + more + most) * fair })
      assert.ok(spent <= BUDGET * 1.02, `${spent}`)
    }),
  )
})

test.run()
