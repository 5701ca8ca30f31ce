// What is kept of the time through clocks that are behind, ahead, set right and set wrong.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { createHealth } from '../report/health.ts'
import { createKeepsakes } from '../store/keepsakes.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { createKnownTime } from './known-time.ts'

const SIGNED = Date.UTC(2026, 0, 1)
const NOW = Date.UTC(2026, 5, 1)
const IN_2080 = Date.UTC(2080, 0, 1)
const HOUR_MS = 3_600_000

function setUp(at: number, signed: number = SIGNED) {
  const clock = new FakeClock(at)
  const store = new MemoryStore()
  const log = memoryLog()
  const keep = createKeepsakes(store, clock, createHealth({ clock }), log)
  const state: { signed: number | undefined } = { signed }
  const begin = () => createKnownTime({ clock, keep, log, signedAt: () => state.signed })
  return { begin, clock, keep, state, stored: () => Number(store.get('time-floor') ?? 0) }
}

test('it follows the clock, and a clock that forgets does not lower it', () => {
  const { begin, clock, stored } = setUp(NOW)
  begin().keep()
  assert.is(stored(), NOW)
  clock.setWall(0)
  const again = begin()
  again.look()
  again.keep()
  assert.equal([again.floor(), stored()], [NOW, NOW])
})

test('a clock in 2080 leaves nothing behind', () => {
  const { begin, clock, keep, stored } = setUp(IN_2080)
  const time = begin()
  time.keep()
  assert.equal([time.floor(), stored()], [SIGNED, 0])
  // Of an earlier version.
  keep.raiseFloor(IN_2080)
  assert.is(time.floor(), SIGNED)
  clock.setWall(NOW)
  begin().keep()
  assert.is(stored(), NOW)
})

test('whoever sets the clock back while it runs is believed, to no earlier than the newest intent', () => {
  const { begin, clock, stored } = setUp(NOW + 1_000 * 24 * HOUR_MS)
  const time = begin()
  time.keep()
  clock.setWall(NOW)
  time.look()
  assert.equal([time.floor(), stored()], [NOW, NOW])
  clock.setWall(SIGNED - HOUR_MS)
  time.look()
  assert.is(stored(), NOW)
})

test('what time servers slew is no step', () => {
  const { begin, clock, stored } = setUp(NOW)
  const time = begin()
  time.keep()
  clock.setWall(NOW - 5_000)
  time.look()
  assert.is(stored(), NOW)
})

test('a hub that was in 2080 as well holds nobody there, once it signs with a clock that is right', () => {
  const { begin, clock, state, stored } = setUp(IN_2080, IN_2080)
  const time = begin()
  time.keep()
  assert.is(stored(), IN_2080)
  state.signed = NOW
  clock.setWall(NOW + HOUR_MS)
  assert.is(time.floor(), NOW)
  time.look()
  time.keep()
  assert.equal([time.floor(), stored()], [NOW + HOUR_MS, NOW + HOUR_MS])
})

test('without any intent the clock is all there is', () => {
  const { begin, state, stored } = setUp(IN_2080)
  state.signed = undefined
  const time = begin()
  time.keep()
  assert.equal([time.floor(), stored()], [IN_2080, IN_2080])
})

test.run()
