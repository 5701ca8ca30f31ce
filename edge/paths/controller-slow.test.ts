// Paths whose answers are slow, or were measured while this machine was busy: what was measured must not hide for long that
// nothing comes back any more.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRig, PUBLIC, RELAY } from './controller-rig.fake.ts'
import { pacings } from './pacing.ts'
import type { Pace } from './path.ts'

const PACES: readonly Pace[] = ['fast', 'normal', 'frugal']
/** Patience with a probe, and from the first to the last of eight, half a second each. */
const SLOWEST_MS = 8_000

/** Round trips of these lengths, some lost on the way, and from then on silence. How long until the relay is used. */
function noticedAfterMs(pace: Pace, rtts: readonly number[], lossEvery = 0): number {
  const rig = makeRig()
  rig.tell({ type: 'pace', pace, metered: false })
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: rtts[0] ?? 1, [RELAY.endpoint]: 20 })
  rig.run(10_000)
  for (const [at, rttMs] of rtts.entries()) {
    rig.tell({ type: 'traffic' })
    if (lossEvery > 0 && at % lossEvery === 0) {
      rig.answers.delete(PUBLIC.endpoint)
      rig.run(60)
    }
    rig.answers.set(PUBLIC.endpoint, rttMs)
    rig.run(pacings[pace].intervalMs)
  }
  rig.tell({ type: 'traffic' })
  rig.answers.delete(PUBLIC.endpoint)
  const at = rig.now()
  if (rig.paths.view().inUse?.kind === 'relay') return 0
  rig.run(60_000)
  const [used] = rig.since(at, 'use')
  assert.is(used?.endpoint, RELAY.endpoint, rig.of(PUBLIC.endpoint)?.reason)
  return (used?.at ?? 0) - at
}

test('round trips of 1.4 s that lose a probe now and then don’t hide a dead path', () => {
  for (const pace of PACES) {
    const spanMs = noticedAfterMs(pace, Array<number>(60).fill(1_400), 10)
    assert.ok(spanMs <= pacings[pace].intervalMs + SLOWEST_MS, `${pace}: ${spanMs} ms`)
  }
})

test('whatever was measured, silence is noticed within seconds', () => {
  const rtts = fc.array(fc.integer({ min: 1, max: 6_000 }), { minLength: 5, maxLength: 30 })
  fc.assert(
    fc.property(fc.constantFrom(...PACES), rtts, fc.nat(10), (pace, rttMs, lossEvery) => {
      const spanMs = noticedAfterMs(pace, rttMs, lossEvery)
      assert.ok(spanMs <= pacings[pace].intervalMs + SLOWEST_MS, `${spanMs} ms`)
    }),
    { numRuns: 100 },
  )
})

test('a peer is silent once its path is dead and nothing else answers, and as long as somebody waits', () => {
  const rig = makeRig()
  const silent = (): boolean => rig.paths.isSilent(rig.now())
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 20 })
  assert.is(silent(), false)
  rig.answers.delete(PUBLIC.endpoint)
  rig.run(4_000)
  assert.is(silent(), true)
  // Its agent may be gone, and WireGuard shakes hands.
  rig.tell({ type: 'handshake', at: rig.now() })
  assert.is(silent(), false)
  rig.run(160_000)
  assert.is(silent(), true)
  rig.answers.set(RELAY.endpoint, 20)
  rig.run(600_000)
  assert.is(silent(), false)
})

test.run()
