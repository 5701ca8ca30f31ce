// Peers that rest: silence for as long as nobody talks, and the first packet is answered after one handshake.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { makeWorld, PARKING, RELAY_WAY, startWorld, type World } from './engine.fake.ts'
import { initiationFor, isFor, isInitiation, mac1Key } from './initiation.ts'

const A = '192.0.2.1:51820' as Endpoint
const B = '192.0.2.2:51820' as Endpoint
const MINUTE = 60_000

function makePair(): World {
  const world = makeWorld()
  world.ways.push({ at: { a: B, b: A }, delayMs: 10, up: true })
  world.ways.push({ at: { a: RELAY_WAY, b: RELAY_WAY }, delayMs: 20, up: true })
  world.a.candidates = [{ kind: 'public', endpoint: A }]
  world.b.candidates = [{ kind: 'public', endpoint: B }]
  return world
}

/** Met, never talked, asleep. */
async function resting(): Promise<World> {
  const world = makePair()
  await startWorld(world)
  await world.run(MINUTE)
  assert.equal([world.a.wg?.endpoint, world.b.wg?.endpoint], [PARKING, PARKING])
  return world
}

/** Looks from outside go on, twice an hour. */
const framesOf = (world: World): number => world.sent.filter(({ bytes }) => bytes[0] === 0xf0).length

test('who rests is parked, and nothing is sent', async () => {
  const world = await resting()
  const before = framesOf(world)
  await world.run(15 * MINUTE)
  assert.is(framesOf(world), before)
  assert.equal(world.a.engine.way(world.b.member.nodeId)?.endpoint, B, 'and the way is remembered')
})

test('the first packet arrives after one handshake, and WireGuard stays where it was answered', async () => {
  const world = await resting()
  world.send('a')
  await world.run(31)
  assert.ok(world.b.received > 0, 'handshake there and back, packet there')
  assert.equal([world.a.wg?.endpoint, world.b.wg?.endpoint], [B, A])
  await world.run(2_000)
  assert.equal([world.a.wg?.endpoint, world.b.wg?.endpoint], [B, A])
  assert.is(world.a.engine.view(world.b.member.nodeId)?.mode, 'fast')
})

test('a way that died meanwhile costs the time to bind the relay', async () => {
  const world = await resting()
  for (const way of world.ways) if (way.at.a === B) way.up = false
  world.send('a')
  await world.run(400)
  assert.ok(world.b.received >= 1)
  assert.is(world.a.wg?.endpoint, RELAY_WAY)
})

test('a session that lives is kept company until it is over, and then they rest again', async () => {
  const world = await resting()
  world.send('a')
  await world.run(9 * MINUTE)
  assert.is.not(world.a.wg?.endpoint, PARKING, 'ten minutes are not over')
  await world.run(10 * MINUTE)
  assert.equal([world.a.wg?.endpoint, world.b.wg?.endpoint], [PARKING, PARKING])
})

test('an agent that stops leaves the last way to the kernel', async () => {
  const world = await resting()
  await world.a.engine.stop()
  await world.run(100)
  assert.is(world.a.wg?.endpoint, B)
})

test('after a start the first word goes to whoever answers, not to where the peer once was', async () => {
  const world = makePair()
  const before = '192.0.2.99:51820' as Endpoint
  world.ways.push({ at: { a: before, b: before }, delayMs: 10, up: false })
  world.a.lastGood = before
  await startWorld(world)
  assert.is(world.a.wg?.endpoint, PARKING)
  world.send('a')
  await world.run(200)
  assert.ok(world.b.received > 0, 'a round trip to find the peer, one for the handshake')
  await world.run(5_000)
  assert.not(world.a.used.includes(before))
  assert.is(world.a.wg?.endpoint, B)
})

test('what waits goes to a place that becomes known later', async () => {
  const world = makePair()
  world.a.candidates = []
  world.b.candidates = []
  world.relayUp = false
  await startWorld(world)
  world.send('a')
  await world.run(1_000)
  assert.is(world.b.received, 0)
  world.b.candidates = [{ kind: 'public', endpoint: B }]
  world.turn('a')
  await world.run(200)
  assert.ok(world.b.received > 0)
})

test('a peer that answers no frames is tried by chance all the same', async () => {
  const world = makePair()
  world.b.sharing = false
  await startWorld(world)
  await world.run(5_000)
  assert.is(world.a.wg?.endpoint, PARKING)
  await world.run(3_000)
  assert.is(world.a.wg?.endpoint, B)
})

test('initiations are told by whom they are for', () => {
  const [a, b] = [makePair().a.wgKey, makePair().b.wgKey]
  const bytes = initiationFor(a)
  assert.is(isInitiation(bytes), true)
  assert.equal([isFor(mac1Key(a), bytes), isFor(mac1Key(b), bytes)], [true, false])
  assert.is(isInitiation(bytes.subarray(0, 147)), false)
})

test.run()
