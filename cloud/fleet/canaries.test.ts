// How the hub tells of a canary, stops it, and finishes it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RollOut } from '../hub.ts'
import { admin, createWorld, device, emptyPolicy, resource, type World } from '../hub-world.fake.ts'

const [a, b] = [device(1).nodeId, device(2).nodeId]

/** Two nodes run what there is; then alpha shall go first. */
async function begun(spec: object = {}): Promise<World> {
  const world = createWorld()
  await world.start()
  for (const [index, name] of ['alpha', 'beta'].entries()) await world.join(index + 1, name)
  world.hub.put(resource('Node', 'alpha', { labels: { first: 'yes' } }), admin)
  for (const node of [a, b]) await world.presence(node, true)
  await world.pass()
  for (const node of [a, b]) await world.acknowledge(node)
  const nodes = { matchLabels: { first: 'yes' } }
  world.hub.putAll([resource('Canary', 'first', { nodes, ...spec }), resource('Policy', 'p', emptyPolicy)], admin)
  await world.pass()
  return world
}

function rollOut(world: World): RollOut {
  const [one] = world.hub.rollOut()
  assert.ok(one)
  return one
}

const stateOf = (world: World): unknown => {
  const [canary] = rollOut(world).canaries
  return canary === undefined ? undefined : [canary.first, canary.proven, canary.state, canary.finishInS]
}

test('who waits is told as waiting, and the canary stays until somebody deletes it', async () => {
  const world = await begun()
  const before = world.version().revision - 1
  assert.equal(stateOf(world), [['alpha'], 0, 'watching', undefined])
  await world.hold(b, { epoch: 1, revision: before })
  await world.acknowledge(a)
  assert.equal(stateOf(world), [['alpha'], 1, 'proven', undefined])
  assert.equal([rollOut(world).waiting, rollOut(world).pending], [['beta'], []])
  const programmed = world.hub.get('Policy', 'p')?.status.conditions.find(({ type }) => type === 'Programmed')
  assert.match(`${programmed?.reason}: ${programmed?.message}`, /^Canary: 1 of 2 .*; waiting for the canary: beta$/)
  await world.pass(3_600_000)
  assert.is(world.hub.list('Canary').length, 1)
})

test('it finishes by itself once it has proven the revision long enough', async () => {
  const world = await begun({ finishAfterS: 600 })
  await world.pass(700_000)
  assert.is(world.hub.list('Canary').length, 1, 'nothing is proven yet')
  await world.acknowledge(a)
  await world.pass(300_000)
  const [canary] = rollOut(world).canaries
  assert.ok((canary?.finishInS ?? 0) > 250 && (canary?.finishInS ?? 0) <= 310, String(canary?.finishInS))
  // A newer revision has to prove itself anew.
  world.hub.put(resource('Policy', 'q', emptyPolicy), admin)
  await world.pass(400_000)
  assert.is(world.hub.list('Canary').length, 1)
  await world.acknowledge(a)
  await world.pass(620_000)
  assert.is(world.hub.list('Canary').length, 0)
  assert.is(world.hub.audit(1)[0]?.target, 'canary/first')
})

test('it stops when a node that went first takes the revision back, and goes on with a newer one', async () => {
  const world = await begun({ finishAfterS: 60 })
  const good = { epoch: 1, revision: world.version().revision - 1 }
  await world.takeBack(a, good)
  assert.equal(stateOf(world), [['alpha'], 0, 'stopped', undefined])
  await world.pass(600_000)
  assert.is(world.hub.list('Canary').length, 1)
  world.hub.delete('Policy', 'p', admin)
  await world.pass()
  await world.acknowledge(a)
  assert.equal((stateOf(world) as readonly unknown[])[2], 'proven')
  await world.pass(80_000)
  assert.is(world.hub.list('Canary').length, 0)
})

test.run()
