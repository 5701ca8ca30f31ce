// One timer, and it rings when the earliest moment comes.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { createAlarm } from './alarm.ts'

function rig(next: readonly number[] = []) {
  const clock = new FakeClock()
  const rings: number[] = []
  const rest = [...next]
  const alarm = createAlarm(clock, (now) => {
    rings.push(now)
    return rest.shift() ?? Number.POSITIVE_INFINITY
  })
  return { alarm, clock, rings }
}

test('rings at the earliest moment that was asked for, once', () => {
  const { alarm, clock, rings } = rig()
  for (const at of [500, 200, 900, 200]) alarm.at(at)
  clock.advance(1_000)
  assert.equal(rings, [200])
  assert.is(clock.untilNext(), Number.POSITIVE_INFINITY)
})

test('whoever rings says when to ring again', () => {
  const { alarm, clock, rings } = rig([300, 310])
  alarm.at(100)
  clock.advance(1_000)
  assert.equal(rings, [100, 300, 310])
})

test('a moment that has passed comes at once, and after the rest of this one', () => {
  const { alarm, clock, rings } = rig()
  clock.advance(100)
  alarm.at(20)
  assert.equal(rings, [])
  clock.advance(0)
  assert.equal(rings, [100])
})

test('never is no moment', () => {
  const { alarm, clock, rings } = rig()
  alarm.at(Number.POSITIVE_INFINITY)
  assert.is(clock.untilNext(), Number.POSITIVE_INFINITY)
  clock.advance(1_000)
  assert.equal(rings, [])
})

test('a moment asked for while it rings counts, and a cancelled one does not', () => {
  const clock = new FakeClock()
  const rings: number[] = []
  const alarm = createAlarm(clock, (now) => {
    rings.push(now)
    if (rings.length === 1) alarm.at(150)
    return now < 400 ? 400 : Number.POSITIVE_INFINITY
  })
  alarm.at(100)
  clock.advance(200)
  assert.equal(rings, [100, 150])
  alarm.cancel()
  clock.advance(1_000)
  assert.equal(rings, [100, 150])
  alarm.at(1_300)
  clock.advance(200)
  assert.equal(rings, [100, 150, 1_300], 'and may be set anew')
})

test('cancelled while it rings, it stays silent', () => {
  const clock = new FakeClock()
  let rings = 0
  const alarm = createAlarm(clock, () => {
    rings += 1
    alarm.cancel()
    return 200
  })
  alarm.at(100)
  clock.advance(1_000)
  assert.is(rings, 1)
})

test.run()
