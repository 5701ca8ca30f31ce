// A device that is away, as the hub tells of it: since when, with which revision, and by whom it was last reached.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeStatus, type PeerReport, parseStatus } from '../../shared/wire/report.ts'
import { topics } from '../../shared/wire/topics.ts'
import type { FleetNode } from '../hub.ts'
import { createWorld, device, type World } from '../hub-world.fake.ts'
import { awayAmong, lastSignOf } from './away.ts'

const [a, b] = [device(1).nodeId, device(2).nodeId]

async function pair(): Promise<World> {
  const world = createWorld()
  await world.start()
  for (const [i, name] of ['alpha', 'beta'].entries()) await world.join(i + 1, name)
  await world.pass()
  for (const one of [a, b]) {
    await world.presence(one, true)
    await world.acknowledge(one)
  }
  return world
}

/** `beta` reports of its peers. */
async function report(
  world: World,
  ...peers: readonly { name: string; handshakeAgeS?: number; path?: string }[]
): Promise<void> {
  const last = world.broker.retained(topics.node(world.network(), b, 'status')) ?? new Uint8Array(0)
  const listed = peers.map((one) => ({ path: 'relay', rxBytes: 1, txBytes: 1, ...one }) as unknown as PeerReport)
  const status = { ...parseStatus(last), peers: listed, peersTotal: peers.length, at: world.clock.now() }
  await world.say(b, 'status', encodeStatus(status))
}

function node(world: World, name = 'alpha'): FleetNode {
  return world.hub.fleet().find((one) => one.name === name) as FleetNode
}

test('who is there speaks for itself; who is away is told of by others', async () => {
  const world = await pair()
  await report(world, { name: 'alpha', handshakeAgeS: 5 })
  assert.is(node(world).heardOf, undefined)
  assert.equal(awayAmong(world.hub.fleet()), [])
  await world.presence(a, false)
  const goneAt = world.clock.now()
  await world.pass(600_000)
  await report(world, { name: 'alpha', handshakeAgeS: 20 }, { name: 'stranger', handshakeAgeS: 1 })
  const heardOf = { by: 'beta', at: world.clock.now() - 20_000, path: 'relay' }
  assert.equal(node(world).heardOf, heardOf)
  const version = world.version()
  const [away, ...more] = awayAmong(world.hub.fleet())
  assert.equal(
    [away, more],
    [
      { name: 'alpha', network: 'default', since: goneAt, lastSeen: goneAt, held: version, applied: version, heardOf },
      [],
    ],
  )
  assert.is(away === undefined ? undefined : lastSignOf(away), heardOf.at)
})

test('who does not reach it any more takes its word back, and who does is believed before who does not', async () => {
  const world = await pair()
  await world.presence(a, false)
  await report(world, { name: 'alpha', handshakeAgeS: 20 })
  await report(world, { name: 'alpha', handshakeAgeS: 21, path: 'none' })
  assert.is(node(world).heardOf?.path, 'none')
  await report(world, { name: 'alpha', handshakeAgeS: 60, path: 'direct' })
  assert.is(node(world).heardOf?.path, 'direct')
})

test('an older handshake, or none, does not replace what is known; nobody is told of that is not there', async () => {
  const world = await pair()
  await world.presence(a, false)
  await report(world, { name: 'alpha', handshakeAgeS: 20 })
  const known = node(world).heardOf
  await report(world, { name: 'alpha', handshakeAgeS: 900 })
  await report(world, { name: 'alpha' })
  assert.equal(node(world).heardOf, known)
  assert.equal(
    world.hub.fleet().map(({ name }) => name),
    ['alpha', 'beta'],
  )
})

test('a restart of the hub keeps it, and never makes it fresher than it was', async () => {
  const world = await pair()
  await world.presence(a, false)
  await world.pass(600_000)
  await report(world, { name: 'alpha', handshakeAgeS: 20 })
  const known = node(world).heardOf
  await world.pass(60_000)
  await world.hub.stop()
  world.broker.forgetRetained()
  await world.restart()
  assert.equal(node(world).heardOf, known)
})

test('what was noted by a clock in 2080 does not outlive it', async () => {
  const world = await pair()
  await world.presence(a, false)
  const now = world.clock.now()
  world.clock.setWall(Date.UTC(2080, 0, 1))
  await report(world, { name: 'alpha', handshakeAgeS: 20 })
  world.clock.setWall(now)
  await report(world, { name: 'alpha', handshakeAgeS: 30 })
  assert.is(node(world).heardOf?.at, now - 30_000)
})

test('a device that returns is away no longer', async () => {
  const world = await pair()
  await world.presence(a, false)
  await report(world, { name: 'alpha', handshakeAgeS: 20 })
  await world.presence(a, true, 'b'.repeat(16))
  assert.is(node(world).heardOf, undefined)
  assert.equal(awayAmong(world.hub.fleet()), [])
})

test.run()
