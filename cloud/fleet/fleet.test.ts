// Who is there, what they run, how they are: from presence, status and facts, honest and forged.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { statusBytesMax } from '../../shared/limits.ts'
import { encodeCanonical } from '../../shared/record/canonical.ts'
import { nodeChannels, topics } from '../../shared/wire/topics.ts'
import type { FleetNode } from '../hub.ts'
import { admin, createWorld, device, emptyPolicy, resource, type World } from '../hub-world.fake.ts'
import type { ResourceCondition } from '../resource-condition.ts'

const { nodeId } = device(1)
const sessionA = 'a'.repeat(16)
const sessionB = 'b'.repeat(16)

async function withNodes(...names: readonly string[]): Promise<World> {
  const world = createWorld()
  await world.start()
  for (const [i, name] of names.entries()) await world.join(i + 1, name)
  await world.pass()
  return world
}

function node(world: World, name = 'alpha'): FleetNode {
  return world.hub.fleet().find((one) => one.name === name) as FleetNode
}

function condition(world: World, type: ResourceCondition['type'], kind: 'Node' | 'Policy', name: string) {
  const found = world.hub.get(kind, name)?.status.conditions.find((one) => one.type === type)
  return found === undefined ? 'none' : `${found.status} ${found.reason}: ${found.message}`
}

test('a device is never seen, online, and offline by its will', async () => {
  const world = await withNodes('alpha')
  assert.is(node(world).state, 'never-seen')
  await world.presence(nodeId, true)
  assert.is(node(world).state, 'online')
  await world.presence(nodeId, false)
  assert.is(node(world).state, 'offline')
  assert.equal(
    world.events.filter((event) => event.type === 'node').map((event) => event.state),
    ['never-seen', 'online', 'offline'],
  )
})

test('the will of an older session is not believed', async () => {
  const world = await withNodes('alpha')
  await world.presence(nodeId, true, sessionA)
  await world.presence(nodeId, true, sessionB)
  await world.presence(nodeId, false, sessionA)
  assert.is(node(world).state, 'online')
  await world.presence(nodeId, false, sessionB)
  assert.is(node(world).state, 'offline')
})

test('after a restart of the hub, a device that stayed is online since before', async () => {
  const world = await withNodes('alpha')
  await world.presence(nodeId, true)
  const { since } = node(world)
  await world.acknowledge(nodeId)
  await world.fact(1, 1)
  await world.pass(60_000)
  await world.hub.stop()
  await world.restart()
  const again = node(world)
  assert.equal([again.state, again.since, again.fact?.seq], ['online', since, 1])
  assert.equal(again.report?.revision.applied, world.version())
})

test('with a broker that forgot, who does not come back in time is offline', async () => {
  const world = await withNodes('alpha', 'beta')
  await world.presence(nodeId, true)
  await world.presence(device(2).nodeId, true)
  world.broker.setDown(true)
  world.broker.forgetRetained()
  world.broker.setDown(false)
  await world.presence(nodeId, true)
  await world.pass(60_000)
  assert.is(node(world, 'beta').state, 'online')
  await world.pass(60_000)
  assert.equal([node(world).state, node(world, 'beta').state], ['online', 'offline'])
})

test('Programmed says how many run the revision of this very object, and who is away', async () => {
  const world = await withNodes('alpha', 'beta', 'gamma')
  const [a, b] = [device(1).nodeId, device(2).nodeId]
  await world.presence(a, true)
  await world.presence(b, true)
  const old = world.version()
  for (const seed of [1, 2, 3]) await world.acknowledge(device(seed).nodeId)
  const fresh = world.hub.put(resource('Policy', 'p', emptyPolicy), admin)
  assert.is(fresh.status.conditions.find((one) => one.type === 'Programmed')?.reason, 'NotPublished')
  await world.pass()
  await world.acknowledge(a)
  const { revision } = world.version()
  assert.is(
    condition(world, 'Programmed', 'Policy', 'p'),
    `False Pending: 1 of 3 nodes run revision ${revision}; pending: beta; offline: gamma`,
  )
  assert.match(condition(world, 'Programmed', 'Node', 'alpha'), /^True Acknowledged: 3 of 3/)
  await world.acknowledge(b)
  assert.match(condition(world, 'Programmed', 'Policy', 'p'), /^False NodesOffline: 2 of 3 .*offline: gamma$/)
  assert.equal(
    world.hub.rollOut().map(({ acknowledged, nodes, offline, pending }) => ({ acknowledged, nodes, offline, pending })),
    [{ acknowledged: 2, nodes: 3, offline: ['gamma'], pending: [] }],
  )
  await world.acknowledge(device(3).nodeId)
  assert.match(condition(world, 'Programmed', 'Policy', 'p'), /^True Acknowledged: 3 of 3/)
  await world.acknowledge(b, old)
  assert.match(condition(world, 'Programmed', 'Policy', 'p'), /^False Pending/)
})

test('a transition keeps its time, however often one asks', async () => {
  const world = await withNodes('alpha')
  const at = (): number | undefined =>
    world.hub.get('Policy', 'p')?.status.conditions.find((one) => one.type === 'Programmed')?.lastTransitionAt
  world.hub.put(resource('Policy', 'p', emptyPolicy), admin)
  await world.pass(5_000)
  const before = at()
  await world.acknowledge(nodeId)
  const after = at()
  assert.is(after, world.clock.now())
  await world.pass(5_000)
  assert.equal([at(), Number(before) < Number(after)], [after, true])
})

test('a device that claims a revision nobody signed has acknowledged nothing', async () => {
  const world = await withNodes('alpha')
  await world.presence(nodeId, true)
  await world.acknowledge(nodeId, { epoch: 9, revision: 9 })
  assert.equal(world.hub.rollOut()[0]?.pending, ['alpha'])
  assert.match(node(world).health[0]?.detail ?? '', /older copy.*restore/)
  await world.acknowledge(nodeId)
  assert.equal(node(world).health, [])
})

test('a disabled node is not waited for, and its record goes', async () => {
  const world = await withNodes('alpha', 'beta')
  world.hub.put(resource('Node', 'beta', { disabled: true }), admin)
  await world.pass()
  assert.is(world.hub.rollOut()[0]?.nodes, 1)
  assert.not.ok(world.records().includes('node/beta'))
})

test('Ready is about what is critical, and unknown while nobody can know', async () => {
  const world = await withNodes('alpha')
  assert.match(condition(world, 'Ready', 'Node', 'alpha'), /^Unknown NeverSeen/)
  await world.presence(nodeId, true)
  assert.match(condition(world, 'Ready', 'Node', 'alpha'), /^True Healthy/)
  await world.acknowledge(nodeId, world.version(), [{ code: 'disk-full' }])
  assert.match(condition(world, 'Ready', 'Node', 'alpha'), /^True HasConditions: disk-full/)
  await world.acknowledge(nodeId, world.version(), [{ code: 'no-wireguard' }])
  assert.match(condition(world, 'Ready', 'Node', 'alpha'), /^False Critical/)
  await world.presence(nodeId, false)
  assert.match(condition(world, 'Ready', 'Node', 'alpha'), /^Unknown Offline/)
})

test('facts count with the device’s own signature about itself only, and only newer ones', async () => {
  const world = await withNodes('alpha', 'beta')
  await world.fact(1, 5)
  await world.fact(1, 4)
  assert.is(node(world).fact?.seq, 5)
  // Signed by alpha, published on the topic of beta, about beta.
  await world.fact(1, 9, device(2).nodeId)
  assert.is(node(world, 'beta').fact, undefined)
  assert.equal(
    node(world, 'beta').health.map((one) => one.code),
    ['report-rejected'],
  )
  await world.fact(2, 1)
  assert.equal([node(world, 'beta').fact?.seq, node(world, 'beta').health.length], [1, 0])
})

for (const [what, payload] of [
  ['garbage', utf8('\u0000garbage')],
  ['JSON of another shape', utf8('{"a":1}')],
  ['more than fits', new Uint8Array(statusBytesMax + 1).fill(0x20)],
] as const) {
  test(`${what} as status changes nothing but the health, and is written down once`, async () => {
    const world = await withNodes('alpha')
    await world.acknowledge(nodeId)
    const before = node(world).report
    for (let i = 0; i < 5; i++) await world.say(nodeId, 'status', payload)
    assert.equal(node(world).report, before)
    assert.equal(
      node(world).health.map((one) => one.code),
      ['report-rejected'],
    )
    assert.is(world.hub.audit(100).filter((row) => row.verb === 'refused').length, 1)
    await world.acknowledge(nodeId)
    assert.equal(node(world).health, [])
  })
}

test('no bytes on any channel break the hub or change what it knows', async () => {
  const world = await withNodes('alpha')
  await world.presence(nodeId, true)
  await world.acknowledge(nodeId)
  await world.fact(1, 1)
  const before = { ...node(world), health: [], lastSeen: 0 }
  const text = fc.oneof(fc.json(), fc.string()).map((json) => utf8(json))
  const payload = fc.oneof(fc.uint8Array({ maxLength: 400 }), text)
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...nodeChannels), payload, async (channel, bytes) => {
      await world.say(nodeId, channel, bytes)
      assert.equal({ ...node(world), health: [], lastSeen: 0 }, before)
    }),
    { numRuns: 300, seed: 5 },
  )
  assert.is(world.hub.audit(1_000).filter((row) => row.verb === 'refused').length < 300, true)
})

test('good words between bad ones do not fill the audit', async () => {
  const world = await withNodes('alpha')
  for (let i = 0; i < 10; i++) {
    await world.say(nodeId, i % 3 === 0 ? 'fact' : 'status', utf8('x'))
    await world.acknowledge(nodeId)
  }
  assert.is(world.hub.audit(100).filter((row) => row.verb === 'refused').length, 1)
  await world.pass(3_600_000)
  await world.say(nodeId, 'status', utf8('x'))
  assert.is(world.hub.audit(100).filter((row) => row.verb === 'refused').length, 2)
})

test('a newer agent is heard as far as the hub understands it, and the hub says how far that is', async () => {
  const world = await withNodes('alpha')
  await world.acknowledge(nodeId)
  const report = node(world).report as object
  const newer = encodeCanonical({ ...report, boot: 9, colour: 'red', health: [{ code: 'too-warm', since: 1 }] })
  await world.say(nodeId, 'status', newer)
  const heard = node(world)
  assert.is(heard.report?.boot, 9)
  assert.equal(
    heard.health.map(({ code, detail }) => `${code} ${detail}`),
    ['report-unread status: colour, health[]'],
  )
  assert.is(world.hub.audit(100).filter((row) => row.verb === 'refused').length, 0)
  await world.acknowledge(nodeId)
  assert.equal(node(world).health, [])
})

test('duplicates change nothing', async () => {
  const world = await withNodes('alpha')
  for (let i = 0; i < 3; i++) {
    await world.presence(nodeId, true)
    await world.acknowledge(nodeId)
    await world.fact(1, 1)
  }
  assert.equal(
    world.events.filter((event) => event.type === 'acknowledged' || event.type === 'node').map((event) => event.type),
    ['node', 'node', 'acknowledged'],
  )
})

test('what the broker keeps of a node that is gone is taken back', async () => {
  const world = await withNodes('alpha')
  await world.presence(nodeId, true)
  await world.acknowledge(nodeId)
  world.hub.delete('Node', 'alpha', admin)
  await world.presence(nodeId, false)
  await world.pass()
  assert.is(world.broker.retained(topics.node(world.network(), nodeId, 'status')), undefined)
  assert.is(world.broker.retained(topics.node(world.network(), nodeId, 'presence')), undefined)
  const stranger = parseNodeId('strangeraaaaaaaa')
  await world.presence(stranger, true)
  assert.equal(world.hub.fleet(), [])
})

test('reports are written together, not one by one', async () => {
  const world = await withNodes('alpha')
  let writes = 0
  const { putLastWords } = world.store
  world.store.putLastWords = (words) => {
    writes += 1
    putLastWords(words)
  }
  for (let i = 0; i < 20; i++) {
    await world.presence(nodeId, i % 2 === 0)
    await world.pass(500)
  }
  await world.pass(10_000)
  assert.ok(writes >= 1 && writes <= 2, `${writes} writes`)
})

test.run()
