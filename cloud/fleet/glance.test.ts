// A glance tells what the long way round tells.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kinds } from '../../shared/intent/resource.ts'
import { createWorld, device, resource, type World } from '../hub-world.fake.ts'

async function lived(): Promise<World> {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.join(2, 'beta')
  const actor = { name: 'test', role: 'admin' } as const
  world.hub.put(resource('Node', 'planned', { labels: { site: 'kiel' } }), actor)
  world.hub.put(
    resource('Service', 'web', { backends: { matchLabels: { site: 'kiel' } }, ports: [{ port: 80, protocol: 'TCP' }] }),
    actor,
  )
  await world.pass()
  await world.presence(device(1).nodeId, true)
  await world.acknowledge(device(1).nodeId)
  return world
}

test('one device is what it is among all of them', async () => {
  const { hub } = await lived()
  assert.is(hub.fleet().length, 2)
  for (const one of hub.fleet()) assert.equal(hub.fleetNode(one.name), one)
  for (const name of ['planned', 'nobody', '', 'Alpha', '__proto__']) assert.is(hub.fleetNode(name), undefined, name)
})

test('intent at a glance is the list without the word of devices, addresses included', async () => {
  const { hub } = await lived()
  for (const kind of kinds) {
    const long = hub.list(kind).map((one) => ({ resource: one.resource, addresses: one.status['addresses'] ?? [] }))
    assert.equal(hub.intended(kind), long, kind)
  }
  const addresses = hub.intended('Node').map((one) => one.addresses.length)
  assert.equal([addresses.length, Math.min(...addresses) > 0], [3, true])
  assert.ok((hub.intended('Service')[0]?.addresses.length ?? 0) > 0)
})

test.run()
