// Gossip while the network is renumbered: two that are not at the same step still hear of each other, by the address both know.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { FakeHub, testDevice } from '../link/hub.fake.ts'
import { createFakeMesh } from './door.fake.ts'
import { createRigNode, type RigNode } from './gossip-rig.fake.ts'

/** A node at either end of a renumbering: its addresses at each step. */
const STEPS = {
  before: (n: number) => [`10.77.0.${n}`],
  both: (n: number) => [`10.77.0.${n}`, `10.90.0.${n}`],
  turned: (n: number) => [`10.90.0.${n}`, `10.77.0.${n}`],
  done: (n: number) => [`10.90.0.${n}`],
} as const

/** Two nodes, of which the second missed what came after `held`; the first has gone on to `now`. */
function apart(held: keyof typeof STEPS, now: keyof typeof STEPS) {
  const hub = new FakeHub()
  const devices = [testDevice('near', 1), testDevice('late', 2)]
  const publish = (step: keyof typeof STEPS): void => {
    for (const [i, device] of devices.entries()) hub.putNode(device, { addresses: STEPS[step](i + 1) })
    hub.commit()
  }
  publish(held)
  const [clock, mesh, snapshot] = [new FakeClock(), createFakeMesh(seededEntropy(5)), hub.snapshot()]
  const [near, late] = devices.map((device) => createRigNode({ hub, mesh, clock, device, snapshot }))
  publish(now)
  near?.intake.offer('snapshot', hub.snapshot(), { by: 'file' })
  for (const node of [near, late]) node?.gossip.start()
  return { clock, late: late as RigNode }
}

for (const [held, now] of [
  ['before', 'both'],
  ['before', 'turned'],
  ['both', 'turned'],
  ['both', 'done'],
  ['turned', 'done'],
  ['turned', 'both'],
] as const) {
  test(`a network is renumbered: who stayed at ${held} hears from a peer at ${now}`, async () => {
    const { clock, late } = apart(held, now)
    await clock.advanceAsync(150_000)
    assert.is(late.revision(), 2)
    assert.is(late.gossip.status().silentSince, undefined)
  })
}

test('who slept through all of a renumbering hears nobody in the mesh, and knows since when it asks in vain', async () => {
  const { clock, late } = apart('before', 'done')
  const from = clock.now()
  await clock.advanceAsync(150_000)
  assert.is(late.revision(), 1)
  const { silentSince } = late.gossip.status()
  assert.ok(silentSince !== undefined && silentSince >= from && silentSince < clock.now())
})

test.run()
