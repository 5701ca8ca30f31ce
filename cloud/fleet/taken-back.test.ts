// What the hub tells of devices that took a revision back by themselves.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { admin, createWorld, device, emptyPolicy, resource } from '../hub-world.fake.ts'

const [a, b] = [device(1).nodeId, device(2).nodeId]

async function begun() {
  const world = createWorld()
  await world.start()
  for (const [index, name] of ['alpha', 'beta'].entries()) await world.join(index + 1, name)
  for (const node of [a, b]) await world.presence(node, true)
  await world.pass()
  const good = world.version()
  world.hub.put(resource('Policy', 'p', emptyPolicy), admin)
  await world.pass()
  return { world, good }
}

function programmed(world: Awaited<ReturnType<typeof begun>>['world']): string {
  const found = world.hub.get('Policy', 'p')?.status.conditions.find(({ type }) => type === 'Programmed')
  return `${found?.status} ${found?.reason}: ${found?.message}`
}

test('who took a revision back is neither pending nor offline, and the reason is on the page', async () => {
  const { world, good } = await begun()
  await world.acknowledge(a)
  await world.takeBack(b, good)
  const [one] = world.hub.rollOut()
  assert.equal([one?.acknowledged, one?.confirmed, one?.pending, one?.offline], [1, 1, [], []])
  assert.equal(
    one?.takenBack.map(({ certain, check, name, version }) => [name, check, version.revision, certain]),
    [['beta', 'hub', world.version().revision, true]],
  )
  const { revision } = world.version()
  assert.is(programmed(world), `False TakenBack: 1 of 2 nodes run revision ${revision}; taken back by beta (hub)`)
})

test('a newer revision is open again, and a device that offends no more is told of no more', async () => {
  const { world, good } = await begun()
  await world.takeBack(b, good)
  world.hub.put(resource('Policy', 'q', emptyPolicy), admin)
  await world.pass()
  assert.equal(world.hub.rollOut()[0]?.takenBack, [])
  assert.equal(world.hub.rollOut()[0]?.pending, ['alpha', 'beta'])
  await world.acknowledge(a)
  await world.acknowledge(b)
  assert.match(programmed(world), /^True Acknowledged/)
})

test('watchers and the audit hear of it once for each verdict', async () => {
  const { world, good } = await begun()
  await world.takeBack(b, good, false)
  await world.takeBack(b, good, false)
  await world.takeBack(b, good)
  await world.takeBack(b, good)
  const heard = world.events.filter(({ type }) => type === 'taken-back')
  assert.equal(
    heard.map((event) => event.type === 'taken-back' && event.certain),
    [false, true],
  )
  const rows = world.hub.audit(50).filter(({ verb }) => verb === 'took-back')
  assert.equal(
    rows.map(({ actor, target }) => [actor, target]),
    [['beta', 'node/beta']],
  )
})

test.run()
