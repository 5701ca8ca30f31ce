// Turns come one at a time, soon when woken, every four seconds otherwise, and rarely while they fail.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { createLoop } from './loop.ts'

function rig() {
  const clock = new FakeClock()
  const at: number[] = []
  const self = { fine: true, broken: false, errors: 0, tookMs: 0, during: (): void => undefined, running: 0, most: 0 }
  const loop = createLoop({
    clock,
    turn: async () => {
      at.push(clock.monotonic())
      self.running += 1
      self.most = Math.max(self.most, self.running)
      self.during()
      if (self.tookMs > 0) {
        await new Promise<void>((resolve) => void clock.after(self.tookMs, resolve))
      }
      self.running -= 1
      if (self.broken) throw new TypeError('broken')
      return self.fine
    },
    onError: () => {
      self.errors += 1
    },
  })
  return { clock, at, self, loop }
}

test('ticks every four seconds', async () => {
  const { clock, at, loop } = rig()
  await loop.start()
  await clock.advanceAsync(12_500)
  assert.equal(at, [0, 4_000, 8_000, 12_000])
})

test('new intent is taken up at once, a kernel event in a moment', async () => {
  const { clock, at, loop } = rig()
  await loop.start()
  await clock.advanceAsync(1_000)
  loop.wake('intent')
  await clock.advanceAsync(1_000)
  loop.wake('event')
  loop.wake('event')
  await clock.advanceAsync(1_000)
  assert.equal(at, [0, 1_000, 2_050])
})

test('turns never overlap, and a wake in the middle of one brings another', async () => {
  const { clock, at, self, loop } = rig()
  await loop.start()
  self.tookMs = 300
  loop.wake('intent')
  await clock.advanceAsync(100)
  loop.wake('intent')
  loop.wake('event')
  await clock.advanceAsync(1_000)
  assert.equal(at, [0, 0, 300])
  assert.is(self.most, 1)
})

test('a program that undoes every change gets two turns a second, not more', async () => {
  const { clock, at, self, loop } = rig()
  self.during = () => loop.wake('event')
  await loop.start()
  await clock.advanceAsync(10_000)
  assert.ok(at.length <= 21, `${at.length} turns`)
})

test('failing turns back off to a minute, events don’t hurry them, new intent does', async () => {
  const { clock, at, self, loop } = rig()
  self.fine = false
  await loop.start()
  await clock.advanceAsync(7_500)
  assert.equal(at, [0, 1_000, 3_000, 7_000])
  loop.wake('event')
  await clock.advanceAsync(1_000)
  assert.is(at.length, 4)
  loop.wake('intent')
  await clock.advanceAsync(1)
  assert.is(at.length, 5)
  const before = at.length
  await clock.advanceAsync(3_600_000)
  assert.ok(at.length - before < 70, `${at.length - before} tries in an hour`)
  self.fine = true
  loop.wake('intent')
  await clock.advanceAsync(4_001)
  assert.is((at.at(-1) ?? 0) - (at.at(-2) ?? 0), 4_000)
})

test('a turn that throws is told, and the next one comes all the same', async () => {
  const { clock, at, self, loop } = rig()
  self.broken = true
  await loop.start()
  await clock.advanceAsync(3_500)
  assert.is(self.errors, 3)
  self.broken = false
  await clock.advanceAsync(20_000)
  assert.is(self.errors, 3)
  assert.ok(at.length >= 7)
})

test('after stop nothing runs, and stop waits for the turn under way', async () => {
  const { clock, at, self, loop } = rig()
  await loop.start()
  self.tookMs = 200
  loop.wake('intent')
  await clock.advanceAsync(1)
  let done = false
  const stopped = (async () => {
    await loop.stop()
    done = true
  })()
  await clock.advanceAsync(100)
  assert.not(done)
  await clock.advanceAsync(200)
  await stopped
  loop.wake('intent')
  await clock.advanceAsync(60_000)
  assert.is(at.length, 2)
})

test.run()
