// Two hosts whose WireGuard may refuse each other for ever, and understand each other beside it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { makeWorld, startWorld, type World } from './engine.fake.ts'
import type { Side } from './engine-host.fake.ts'

const A = '192.0.2.1:51820' as Endpoint
const B = '192.0.2.2:51820' as Endpoint
const MINUTE = 60_000

async function makePair(): Promise<World> {
  const world = makeWorld()
  world.ways.push({ at: { a: B, b: A }, delayMs: 10, up: true })
  for (const host of [world.a, world.b]) host.pace = 'normal'
  world.a.candidates = [{ kind: 'public', endpoint: A }]
  world.b.candidates = [{ kind: 'public', endpoint: B }]
  await startWorld(world)
  return world
}

/** A packet each 5 s. */
async function talk(world: World, from: Side, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5_000) {
    world.send(from)
    await world.run(5_000)
  }
}

const lastHandshake = (world: World, side: Side): number => world[side].wg?.handshakeAt ?? 0

for (const [what, deaf] of [
  ['the other end', ['b']],
  ['both ends', ['a', 'b']],
] as const) {
  test(`${what} remembers a time to come: within a minute they talk`, async () => {
    const world = await makePair()
    for (const side of deaf) world[side].deaf = true
    await talk(world, 'a', MINUTE)
    assert.ok(lastHandshake(world, 'a') > 0, 'a session')
    assert.ok(world.b.received > 0)
    const renewed = [world.a.renewed, world.b.renewed]
    assert.ok(
      renewed.every((times) => times <= 2),
      `${renewed.join(' and ')} times begun anew`,
    )
    await talk(world, 'a', 4 * MINUTE)
    assert.equal([world.a.renewed, world.b.renewed], renewed, 'once is enough')
  })
}

test('who never ran ahead begins nothing anew, with payload and without, over a way that dies and comes back', async () => {
  const world = await makePair()
  await talk(world, 'a', MINUTE)
  for (const way of world.ways) way.up = false
  await talk(world, 'a', 4 * MINUTE)
  for (const way of world.ways) way.up = true
  await talk(world, 'b', MINUTE)
  await world.run(30 * MINUTE)
  await talk(world, 'a', MINUTE)
  assert.equal([world.a.renewed, world.b.renewed], [0, 0])
})

test('what beginning anew does not mend is tried ever more seldom', async () => {
  const world = await makePair()
  for (const host of [world.a, world.b]) Object.defineProperty(host, 'deaf', { get: () => true, set: () => {} })
  await talk(world, 'a', 10 * MINUTE)
  assert.ok(world.a.renewed >= 3 && world.a.renewed <= 6, `${world.a.renewed} times in ten minutes`)
  assert.ok(world.b.renewed <= 6, `${world.b.renewed} times in ten minutes`)
})

test.run()
