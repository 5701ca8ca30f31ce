// Places are asked at their pace and by no more than so many at once; one miss is no verdict.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { probedPlacesMax, probesAtOnceMax } from '../../shared/service-limits.ts'
import { type Asked, createProber } from './prober.ts'
import type { Outcome } from './verdict.ts'

const WELL: Outcome = { answered: true, rttMs: 8 }
const SILENT: Outcome = { answered: false, silent: true, why: 'no answer' }

function place(address: string, intervalMs = 10_000): Asked {
  return { address: parseAddress(address), port: 80, intervalMs, timeoutMs: 1_000 }
}

function rig(tookMs = 5) {
  const clock = new FakeClock()
  const asked: { readonly at: number; readonly address: Address }[] = []
  const self = { says: WELL, under: 0, most: 0, changes: 0 }
  const prober = createProber({
    clock,
    entropy: { fraction: () => 0.5 },
    onChange: () => void (self.changes += 1),
    async ask({ address }) {
      asked.push({ at: clock.monotonic(), address })
      self.under += 1
      self.most = Math.max(self.most, self.under)
      await new Promise<void>((resolve) => void clock.after(tookMs, resolve))
      self.under -= 1
      return self.says
    },
  })
  return { clock, prober, asked, self }
}

test('a new place is asked at once, then at its pace', async () => {
  const { asked, clock, prober, self } = rig()
  prober.follow([place('10.0.0.1')])
  await clock.advanceAsync(21_000)
  assert.equal(
    asked.map(({ at }) => Math.round(at / 1_000)),
    [0, 10, 20],
  )
  assert.equal(prober.verdict(place('10.0.0.1')), { health: 'serves', misses: 0, hits: 3, rttMs: 8 })
  assert.is(self.changes, 1)
  prober.close()
  await clock.advanceAsync(60_000)
  assert.is(asked.length, 3)
})

test('after one miss it is asked again soon, and two in a row are a verdict; two answers take it back', async () => {
  const { clock, prober, self } = rig()
  prober.follow([place('10.0.0.1')])
  await clock.advanceAsync(9_000)
  self.says = SILENT
  await clock.advanceAsync(1_100)
  assert.is(prober.verdict(place('10.0.0.1')).health, 'serves')
  await clock.advanceAsync(600)
  assert.is(prober.verdict(place('10.0.0.1')).health, 'silent')
  self.says = WELL
  await clock.advanceAsync(10_010)
  assert.is(prober.verdict(place('10.0.0.1')).health, 'silent')
  await clock.advanceAsync(600)
  assert.is(prober.verdict(place('10.0.0.1')).health, 'serves')
  assert.is(self.changes, 3)
})

test('a miss between answers changes nothing', async () => {
  const { clock, prober, self } = rig()
  prober.follow([place('10.0.0.1', 2_000)])
  await clock.advanceAsync(1_900)
  self.says = SILENT
  await clock.advanceAsync(300)
  self.says = WELL
  await clock.advanceAsync(30_000)
  assert.is(self.changes, 1)
  assert.is(prober.verdict(place('10.0.0.1')).misses, 0)
})

test('what is followed no more is forgotten, also while its answer is awaited', async () => {
  const { clock, prober } = rig(500)
  prober.follow([place('10.0.0.1')])
  await clock.advanceAsync(100)
  prober.follow([])
  await clock.advanceAsync(10_000)
  assert.is(prober.verdict(place('10.0.0.1')).health, 'unknown')
  assert.is(prober.size(), 0)
})

test('thousands of places are asked in turn, by so many at once, and those beyond are not', async () => {
  const { asked, clock, prober, self } = rig(1_000)
  const many = Array.from({ length: probedPlacesMax + 50 }, (_, at) => place(`10.0.${at >> 8}.${at & 255}`))
  prober.follow(many)
  await clock.advanceAsync(1_000 * Math.ceil(probedPlacesMax / probesAtOnceMax) + 500)
  assert.is(self.most, probesAtOnceMax)
  assert.is(new Set(asked.map(({ address }) => address)).size, probedPlacesMax)
  prober.close()
})

test.run()
