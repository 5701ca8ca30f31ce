// Two engines over ways that carry no large frames: each finds the size of its own way, and never by more than it asks for.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { makeWorld, startWorld, type World } from './engine.fake.ts'

const A = '10.0.0.1:51820' as Endpoint
const B = '10.0.1.2:51820' as Endpoint
/** Of WireGuard's message around a packet. */
const MESSAGE_BYTES = 32

async function flowing(framesMax: number | undefined, forMs = 10_000): Promise<World> {
  const world = makeWorld()
  world.ways.push({ at: { a: B, b: A }, delayMs: 10, up: true, ...(framesMax === undefined ? {} : { framesMax }) })
  world.a.candidates = [{ kind: 'public', endpoint: A }]
  world.b.candidates = [{ kind: 'public', endpoint: B }]
  await startWorld(world)
  const pump = (): void => {
    world.send('a')
    world.send('b')
    world.clock.after(100, pump)
  }
  pump()
  await world.run(forMs)
  return world
}

const heldBy = (world: World): readonly (number | undefined)[] => [
  world.a.sizes.held.get(world.b.member.nodeId),
  world.b.sizes.held.get(world.a.member.nodeId),
]

test('a whole way costs one large probe each', async () => {
  const world = await flowing(undefined, 5_000)
  assert.equal(heldBy(world), [undefined, undefined])
  const large = world.sent.filter(({ bytes }) => bytes.length > 1_000)
  assert.equal(
    large.map(({ bytes }) => bytes.length),
    [1_420 + MESSAGE_BYTES, 1_420 + MESSAGE_BYTES],
  )
})

test('a way that carries less is found by both, and the paths stand as they stood', async () => {
  const world = await flowing(1_340 + MESSAGE_BYTES)
  assert.equal(heldBy(world), [1_328, 1_328])
  assert.equal([world.a.wg?.endpoint, world.b.wg?.endpoint], [B, A])
  assert.ok(world.sent.every(({ bytes }) => bytes.length <= 1_420 + MESSAGE_BYTES))
})

test('a way that shrinks under traffic is noticed, and that it grew again later', async () => {
  const world = await flowing(undefined, 5_000)
  const [way] = world.ways
  assert.ok(way)
  way.framesMax = 1_340 + MESSAGE_BYTES
  await world.run(70_000)
  assert.equal(heldBy(world), [1_328, 1_328])
  way.framesMax = 2_000
  await world.run(200_000)
  assert.equal(heldBy(world), [undefined, undefined])
})

test('who leaves is held to nothing', async () => {
  const world = await flowing(1_340 + MESSAGE_BYTES)
  world.b.isMember = false
  world.turn('a')
  assert.equal(heldBy(world), [undefined, 1_328])
})

test.run()
