// Calm ends when nothing has been lacking for a while, never before, and for the patient not at all before its time.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { calmUntil, type Spell, sitsOut } from './calm.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

async function passed(isDone: (nowMs: number) => boolean, spell: Partial<Spell> = {}): Promise<number> {
  const clock = new FakeClock()
  await calmUntil(() => isDone(clock.monotonic()), HOUR_MS, { clock, patient: false, look: () => true, ...spell })
  return clock.monotonic() / MINUTE_MS
}

test('ends after two minutes in which nothing was lacking', async () => {
  assert.is(await passed(() => true), 2)
  assert.is(await passed((nowMs) => nowMs > 10 * MINUTE_MS), 12)
})

test('what is lacking once more counts from its end', async () => {
  assert.is(await passed((nowMs) => nowMs !== MINUTE_MS), 3)
})

test('ends in time where something is always lacking, and for the patient always', async () => {
  assert.is(await passed(() => false), 60)
  assert.is(await passed(() => true, { patient: true }), 60)
})

test('ends where there is no use in waiting', async () => {
  assert.is(await passed(() => false, { look: () => false }), 0.5)
})

test('one seed in four sits it out, of those with a lock as of those without', () => {
  const seeds = Array.from({ length: 80 }, (_, at) => at + 1).filter(sitsOut)
  assert.is(seeds.length, 20)
  assert.is(seeds.filter((seed) => seed % 2 === 0).length, 10)
})

test.run()
