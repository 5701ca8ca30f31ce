// Patience grows with the round trip and its spread; what is given up depends on how usual single losses are.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lossWith, missesToDie, newRoundTrip, noteLoss, noteRtt, patienceMs } from './round-trip.ts'

function after(samples: readonly number[]) {
  const trip = newRoundTrip()
  for (const sample of samples) noteRtt(trip, sample)
  return trip
}

for (const { name, samples, least, most } of [
  { name: 'nothing known', samples: [], least: 1_000, most: 1_000 },
  { name: 'a first sample is doubted', samples: [300], least: 900, most: 900 },
  { name: 'LAN', samples: Array.from({ length: 50 }, () => 1), least: 50, most: 50 },
  { name: 'steady LTE', samples: Array.from({ length: 50 }, () => 300), least: 310, most: 320 },
  { name: 'jittery', samples: Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? 20 : 120)), least: 230, most: 330 },
]) {
  test(`patience: ${name}`, () => {
    const patience = patienceMs(after(samples), 50)
    assert.ok(patience >= least && patience <= most, `${patience} ms`)
  })
}

test('patience always outlasts the slowest answer of a path that varies evenly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 200 }), fc.nat(), (base, spread, seed) => {
      const samples = Array.from({ length: 200 }, (_, i) => base + (((i + seed) * 7_919) % 101) * (spread / 100))
      assert.ok(patienceMs(after(samples), 50) >= base + spread * 0.9)
    }),
  )
})

for (const { lossShare, misses } of [
  { lossShare: 0, misses: 3 },
  { lossShare: 0.02, misses: 3 },
  { lossShare: 0.09, misses: 5 },
  { lossShare: 0.5, misses: 8 },
]) {
  test(`at a loss of ${lossShare * 100} % it takes ${misses} misses`, () => {
    assert.is(missesToDie({ rttMs: 20, varMs: 1, loss: lossShare }), misses)
  })
}

test('loss follows what happens; what is out counts when shown', () => {
  const trip = newRoundTrip()
  for (let i = 0; i < 1_000; i += 1) noteLoss(trip, i % 10 === 0)
  assert.ok(Math.abs(trip.loss - 0.1) < 0.06, `${trip.loss}`)
  assert.ok(Math.abs(lossWith(trip, 0) - trip.loss) < 1e-9)
  assert.ok(lossWith(trip, 3) > lossWith(trip, 2))
  assert.ok(lossWith(trip, 1_000) <= 1)
})

test.run()
