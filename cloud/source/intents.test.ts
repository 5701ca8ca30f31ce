// The rules of change: who wrote last wins only if he knew, no write without a difference, all or none.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { admin, createWorld, emptyPolicy, recordOf, resource, type World } from '../hub-world.fake.ts'

async function started(): Promise<World> {
  const world = createWorld()
  await world.start()
  return world
}

function refused(run: () => unknown, code: 'conflict' | 'invalid' | 'not-found', field?: string): void {
  assert.throws(
    run,
    (error: { field?: string }) => isHoldfastError(error, code) && (field === undefined || error.field === field),
  )
}

test('generation counts changes of the spec, resourceVersion counts all, and no difference counts nothing', async () => {
  const { hub } = await started()
  const first = hub.put(resource('Policy', 'p', emptyPolicy), admin)
  const same = hub.put(resource('Policy', 'p', emptyPolicy), admin)
  assert.is(same.resourceVersion, first.resourceVersion)
  const labelled = hub.put(resource('Policy', 'p', emptyPolicy, { labels: { a: 'b' } }), admin)
  assert.equal([labelled.generation, labelled.resourceVersion === first.resourceVersion], [1, false])
  const changed = hub.put(resource('Policy', 'p', { ...emptyPolicy, priority: 9 }), admin)
  assert.equal([changed.generation, changed.uid], [2, first.uid])
  assert.is(hub.audit(100).filter((row) => row.target === 'policy/p').length, 3)
})

test('versions rise on, whatever failed and however often the hub starts', async () => {
  const world = await started()
  const seen = [Number(world.hub.put(resource('Policy', 'p', emptyPolicy), admin).resourceVersion)]
  refused(() => world.hub.put(resource('Policy', 'q', { ...emptyPolicy, network: 'nowhere' }), admin), 'invalid')
  await world.hub.stop()
  await world.restart()
  seen.push(Number(world.hub.put(resource('Policy', 'q', emptyPolicy), admin).resourceVersion))
  assert.ok(Number(seen[1]) > Number(seen[0]))
})

test('who read an older version is told, for put and delete', async () => {
  const { hub } = await started()
  const { resourceVersion } = hub.put(resource('Policy', 'p', emptyPolicy), admin)
  hub.put(resource('Policy', 'p', { ...emptyPolicy, priority: 1 }), admin)
  const late = resource('Policy', 'p', { ...emptyPolicy, priority: 2 }, { resourceVersion })
  refused(() => hub.put(late, admin), 'conflict', 'metadata.resourceVersion')
  refused(() => hub.delete('Policy', 'p', admin, resourceVersion), 'conflict')
  refused(() => hub.put(resource('Policy', 'new', emptyPolicy, { resourceVersion: '1' }), admin), 'conflict')
  assert.ok(hub.delete('Policy', 'p', admin))
  assert.not.ok(hub.delete('Policy', 'p', admin))
})

test('a batch comes in any order and is one revision, or nothing at all', async () => {
  const world = await started()
  const site = resource('Network', 'site', { cidr: '10.5.0.0/16' })
  const node = resource('Node', 'n', { network: 'site' })
  refused(
    () => world.hub.putAll([node, resource('Policy', 'p', { ...emptyPolicy, network: 'x' }), site], admin),
    'invalid',
  )
  assert.equal([world.hub.get('Network', 'site'), world.store.networks().length], [undefined, 1])
  world.hub.putAll([node, site], admin)
  await world.pass()
  assert.is(world.hub.get('Node', 'n')?.generation, 1)
  const state = world.store.networks().find((one) => one.name === 'site')
  assert.is(state === undefined ? 0 : world.store.published(state.id)?.version.revision, 1)
  refused(() => world.hub.putAll([node, node], admin), 'invalid')
})

test('an address that a batch was refused for is free again', async () => {
  const world = await started()
  const fixed = resource('Node', 'a', { addresses: ['100.80.0.9'] })
  refused(() => world.hub.putAll([fixed, resource('Node', 'b', { addresses: ['100.80.0.1'] })], admin), 'invalid')
  world.hub.put(resource('Node', 'c', { addresses: ['100.80.0.9'] }), admin)
  refused(() => world.hub.put(fixed, admin), 'invalid')
})

test('nothing moves to another network, and a network in use stays', async () => {
  const { hub } = await started()
  hub.put(resource('Network', 'site', { cidr: '10.5.0.0/16' }), admin)
  hub.put(resource('Node', 'n'), admin)
  refused(() => hub.put(resource('Node', 'n', { network: 'site' }), admin), 'invalid', 'Node/n spec.network')
  refused(() => hub.delete('Network', 'default', admin), 'conflict')
  assert.ok(hub.delete('Network', 'site', admin))
  refused(() => hub.put(resource('JoinToken', 't'), admin), 'invalid', 'kind')
})

test('a block may grow around the addresses that were given, and may gain IPv6; it may not leave them', async () => {
  const world = await started()
  const { hub } = world
  hub.put(resource('Network', 'site', { cidr: '10.5.0.0/24' }), admin)
  hub.put(resource('Node', 'n', { network: 'site' }), admin)
  const addresses = (): unknown => hub.get('Node', 'n')?.status['addresses']
  assert.equal(addresses(), ['10.5.0.2'])
  hub.put(resource('Network', 'site', { cidr: '10.5.0.0/16', cidr6: 'fd00:5::/64' }), admin)
  assert.equal(addresses(), ['10.5.0.2', 'fd00:5::2'])
  refused(() => hub.put(resource('Network', 'site', { cidr: '10.6.0.0/16', cidr6: 'fd00:5::/64' }), admin), 'conflict')
  refused(() => hub.put(resource('Network', 'site', { cidr: '10.5.0.0/16' }), admin), 'conflict')
  assert.equal(addresses(), ['10.5.0.2', 'fd00:5::2'])
})

test('a service that several clusters export has one address, for as long as any of them exports it', async () => {
  const world = await started()
  const at = (name: string): unknown => world.hub.get('Service', name)?.status['addresses']
  const put = (name: string, cluster?: string): unknown => {
    const exported = cluster === undefined ? {} : { export: { cluster, namespace: 'shop', service: 'web' } }
    world.hub.put(resource('Service', name, { ports: [{ port: 80 }], backends: {}, ...exported }), admin)
    return at(name)
  }
  const north = put('north')
  // What it had before anybody exported it, it keeps.
  assert.equal(put('north', 'north'), north)
  const other = put('other')
  assert.not.equal(other, north)
  assert.equal(put('south', 'south'), north)
  await world.pass()
  const recorded = ['north', 'south'].map((name) => recordOf(world, `service/${name}`)['addresses'])
  assert.equal(recorded, [north, north])
  world.hub.delete('Service', 'north', admin)
  await world.hub.stop()
  await world.restart()
  assert.equal([at('south'), at('other')], [north, other])
  // Exported no more, it is one of its own; and what nobody has is free.
  assert.not.equal(put('south'), north)
  const again = put('north', 'north')
  assert.not.equal(again, at('south'))
  assert.not.equal(again, other)
})

test('what agents would refuse for its size is refused before it is signed', async () => {
  const world = await started()
  const from = Array.from({ length: 900 }, (_, i) => ({
    nodeSelector: { matchLabels: { [`${'k'.repeat(200)}.example/${i}`]: 'v'.repeat(60) } },
  }))
  const huge = resource('Policy', 'huge', { ...emptyPolicy, ingress: [{ from }] })
  assert.throws(
    () => world.hub.put(huge, admin),
    (error: unknown) => isHoldfastError(error, 'too-large'),
  )
  await world.pass()
  assert.is(world.hub.get('Policy', 'huge'), undefined)
  assert.equal(world.version(), { epoch: 1, revision: 1 })
})

test.run()
