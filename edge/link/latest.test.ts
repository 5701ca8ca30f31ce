// Latest-wins publishing: how often, what is left out, and what happens around a lost link.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { createLatest } from './latest.ts'

const test = suite('latest')

function rig(ahead = 0) {
  const clock = new FakeClock()
  const sent: string[] = []
  const times: number[] = []
  const startedAt = clock.monotonic()
  const self = { fails: false, hangs: undefined as Promise<void> | undefined, late: 0 }
  const latest = createLatest({
    clock,
    minMs: 5_000,
    ahead,
    late: { afterMs: 4_000, tell: () => void (self.late += 1) },
    publish: async (payload) => {
      sent.push(fromUtf8(payload))
      times.push(clock.monotonic() - startedAt)
      await self.hangs
      if (self.fails) throw new HoldfastError('unreachable', 'no link')
    },
  })
  return { clock, latest, self, sent, times }
}

test('the first goes at once, later ones at most every interval, superseded ones never', async () => {
  const { clock, latest, sent } = rig()
  latest.up()
  for (let i = 0; i < 12; i++) {
    latest.offer(utf8(`s${i}`))
    await clock.advanceAsync(1_000)
  }
  assert.equal(sent, ['s0', 's4', 's9'])
  await clock.advanceAsync(60_000)
  assert.equal(sent, ['s0', 's4', 's9', 's11'])
  assert.not(latest.pending())
})

test('after a pause some follow quickly, and over time they are no more', async () => {
  const { clock, latest, sent, times } = rig(2)
  latest.up()
  for (let i = 0; i < 400; i++) {
    latest.offer(utf8(`s${i}`))
    await clock.advanceAsync(100)
  }
  assert.equal(times.slice(0, 4), [0, 300, 600, 5_000])
  assert.ok(sent.length <= 3 + 40_000 / 5_000, `${sent.length} in 40 s`)
  await clock.advanceAsync(60_000)
  latest.offer(utf8('later'))
  await clock.advanceAsync(1)
  latest.offer(utf8('and more'))
  await clock.advanceAsync(300)
  assert.equal(sent.slice(-2), ['later', 'and more'])
})

test('what is urgent overtakes the interval', async () => {
  const { clock, latest, sent } = rig()
  latest.up()
  latest.offer(utf8('a'))
  await clock.advanceAsync(100)
  latest.offer(utf8('b'))
  latest.offer(utf8('c'), true)
  await clock.advanceAsync(1)
  assert.equal(sent, ['a', 'c'])
})

test('much that was urgent makes what is not wait for one interval, and no longer', async () => {
  const { clock, latest, sent } = rig(2)
  latest.up()
  for (let i = 0; i < 100; i++) {
    latest.offer(utf8(`s${i}`), true)
    await clock.advanceAsync(1_000)
  }
  assert.is(sent.length, 100)
  latest.offer(utf8('then'))
  await clock.advanceAsync(3_900)
  assert.is(sent.length, 100)
  await clock.advanceAsync(200)
  assert.is(sent.at(-1), 'then')
})

test('the same again is not sent, and going back to what was sent cancels what waits', async () => {
  const { clock, latest, sent } = rig()
  latest.up()
  latest.offer(utf8('a'))
  await clock.advanceAsync(1)
  latest.offer(utf8('b'))
  latest.offer(utf8('a'))
  await clock.advanceAsync(60_000)
  assert.equal(sent, ['a'])
})

test('a new link gets the latest again, unless its broker shows that it has it', async () => {
  const { clock, latest, sent } = rig()
  latest.offer(utf8('a'))
  await clock.advanceAsync(60_000)
  assert.equal(sent, [])
  latest.up()
  await clock.advanceAsync(1)
  latest.down()
  latest.up(2_000)
  latest.retained(utf8('a'))
  await clock.advanceAsync(60_000)
  assert.equal(sent, ['a'])
  latest.down()
  latest.up(2_000)
  latest.retained(utf8('older'))
  await clock.advanceAsync(60_000)
  assert.equal(sent, ['a', 'a'])
})

test('what failed is tried again while the link seems up, and rests while it is down', async () => {
  const { clock, latest, self, sent } = rig()
  latest.up()
  self.fails = true
  latest.offer(utf8('a'))
  await clock.advanceAsync(11_000)
  assert.is(sent.length, 3)
  latest.down()
  await clock.advanceAsync(3_600_000)
  assert.is(sent.length, 3)
  self.fails = false
  latest.up()
  await clock.advanceAsync(1)
  assert.is(sent.length, 4)
  assert.not(latest.pending())
})

test('what has no answer is late once, until the answer comes or the link is known to be gone', async () => {
  const { clock, latest, self } = rig()
  const answer = Promise.withResolvers<void>()
  self.hangs = answer.promise
  latest.up()
  latest.offer(utf8('a'))
  await clock.advanceAsync(3_900)
  assert.equal([latest.isLate(), self.late], [false, 0])
  await clock.advanceAsync(60_000)
  assert.equal([latest.isLate(), self.late], [true, 1])
  answer.resolve()
  await clock.advanceAsync(1)
  assert.is(latest.isLate(), false)
  self.hangs = Promise.withResolvers<void>().promise
  latest.offer(utf8('b'))
  await clock.advanceAsync(10_000)
  assert.equal([latest.isLate(), self.late], [true, 2])
  latest.down()
  assert.is(latest.isLate(), false)
})

test.run()
