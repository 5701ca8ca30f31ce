// How good an uplink is said to be, from samples over hours and weeks.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { createQuality, type Quality, type UplinkSample } from './quality.ts'

const EVERY_MS = 15_000
const fine: UplinkSample = { uplink: 'eth0', isPreferred: true, rttMs: 17, loss: 0, sentMbps: 0 }

function world(metered = false, declaredMbps?: number) {
  const clock = new FakeClock()
  const quality = createQuality({ clock, metered, declaredMbps })
  const note = (sample: Partial<UplinkSample>, seconds = 60): void => {
    for (let ms = 0; ms <= seconds * 1_000; ms += EVERY_MS) {
      quality.note({ ...fine, ...sample })
      clock.advance(EVERY_MS)
    }
  }
  return { clock, quality, note }
}

function restarted(quality: Quality): Quality {
  const next = createQuality({ clock: new FakeClock(), metered: false, declaredMbps: undefined })
  next.recall(quality.remember())
  return next
}

test('nothing is known at first but what people set', () => {
  assert.equal(world().quality.view(), { metered: false })
  assert.equal(world(true, 30).quality.view(), { bandwidthMbps: 20, bandwidthBy: 'declared', metered: true })
})

test('it is told in steps, and no more often than they change', () => {
  const { note, quality } = world()
  note({})
  assert.equal(quality.view(), { rttMs: 20, lossPercent: 1, metered: false })
  const revision = quality.memoryRevision()
  note({ rttMs: 21, loss: 0.008 }, 3_600)
  assert.is(quality.memoryRevision(), revision)
  note({ rttMs: 300, loss: 0.3 }, 200)
  assert.equal(quality.view(), { rttMs: 500, lossPercent: 50, metered: false })
})

test('an uplink carries what it was seen to carry, for a week or two, but not while packets are lost', () => {
  const { clock, note, quality } = world()
  note({ sentMbps: 0.4 })
  assert.is(quality.view().bandwidthMbps, undefined)
  note({ sentMbps: 900, loss: 0.2 })
  assert.is(quality.view().bandwidthMbps, undefined)
  note({ sentMbps: 55 })
  assert.equal([quality.view().bandwidthMbps, quality.view().bandwidthBy], [50, 'observed'])
  clock.advance(8 * 86_400_000)
  note({ sentMbps: 3 })
  assert.is(quality.view().bandwidthMbps, 50)
  clock.advance(8 * 86_400_000)
  note({ sentMbps: 3 })
  assert.is(quality.view().bandwidthMbps, 2)
})

test('each uplink is known for itself, and what people say of one is not said of another', () => {
  const { note, quality } = world(false, 100)
  note({})
  const modem = { uplink: 'lte0', isPreferred: false, rttMs: 80 }
  note(modem, 15)
  assert.equal(quality.view(), { metered: false })
  note(modem)
  assert.is(quality.view().rttMs, 100)
  note({}, 0)
  assert.equal(quality.view(), {
    rttMs: 20,
    lossPercent: 1,
    bandwidthMbps: 100,
    bandwidthBy: 'declared',
    metered: false,
  })
})

test('without a measurement what was known stays, and it is remembered over a restart', () => {
  const { note, quality } = world()
  note({ sentMbps: 12 })
  const known = quality.view()
  note({ rttMs: undefined, loss: undefined }, 7_200)
  assert.equal(quality.view(), known)
  assert.equal(restarted(quality).view(), known)
})

test('a metered uplink tells of changes after a quarter of an hour', () => {
  const { note, quality } = world(true)
  note({})
  note({ rttMs: 300 }, 600)
  assert.is(quality.view().rttMs, 20)
  note({ rttMs: 300 }, 400)
  assert.is(quality.view().rttMs, 500)
})

test('what was damaged in the store is refused', () => {
  const { quality } = world()
  for (const text of ['', '[]x', '{"eth0":3}', '{"eth0":{"carried":{"since":-1,"mbps":0,"beforeMbps":0}}}'])
    assert.throws(() => quality.recall(text))
  assert.equal(quality.view(), { metered: false })
})

test.run()
