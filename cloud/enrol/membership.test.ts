// Who is no member any more: what the broker, the hub and everybody else hear of it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { topics } from '../../shared/wire/topics.ts'
import type { FleetNode } from '../hub.ts'
import { admin, createWorld, device, resource, type World } from '../hub-world.fake.ts'

const { nodeId } = device(1)

async function withNodes(): Promise<World> {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.join(2, 'beta')
  await world.pass()
  return world
}

function node(world: World): FleetNode {
  const found = world.hub.fleet().find(({ name }) => name === 'alpha')
  if (found === undefined) throw new HoldfastError('not-found', 'alpha')
  return found
}

function ready(world: World): string {
  const condition = world.hub.get('Node', 'alpha')?.status.conditions.find(({ type }) => type === 'Ready')
  return `${condition?.status} ${condition?.reason}`
}

test('a disabled node has no voice: shut out, unheard, its retained words taken back, until it is enabled', async () => {
  const world = await withNodes()
  const words = (channel: 'fact' | 'presence' | 'status') =>
    world.broker.retained(topics.node(world.network(), nodeId, channel))
  await world.presence(nodeId, true)
  await world.fact(1, 1)
  await world.acknowledge(nodeId)
  const disable = (disabled: boolean): void => {
    world.hub.put(resource('Node', 'alpha', { disabled }), admin)
  }
  disable(true)
  await world.pass()
  assert.ok(world.suspended.has(nodeId))
  assert.equal([words('fact'), words('presence'), words('status')], [undefined, undefined, undefined])
  assert.is(node(world).state, 'disabled')
  assert.match(ready(world), /^False Disabled/)
  assert.equal(world.revoked, [], 'its credentials wait')

  // What a broker that was slow to hear of it still brings.
  await world.pass(60_000)
  const { lastSeen } = node(world)
  await world.presence(nodeId, true)
  await world.fact(1, 2)
  assert.equal([node(world).state, node(world).fact?.seq, node(world).lastSeen], ['disabled', 1, lastSeen])
  assert.is(words('presence'), undefined)

  await world.hub.stop()
  await world.restart()
  assert.ok(world.suspended.has(nodeId), 'the broker is told again at each start')
  assert.is(node(world).state, 'disabled')

  disable(false)
  await world.pass()
  assert.not.ok(world.suspended.has(nodeId))
  assert.is(node(world).state, 'offline')
  await world.presence(nodeId, true)
  await world.fact(1, 3)
  assert.equal([node(world).state, node(world).fact?.seq], ['online', 3])
})

test('a removed node is shut out for good, and its retained words are taken back', async () => {
  const world = await withNodes()
  await world.fact(1, 1)
  world.hub.delete('Node', 'alpha', admin)
  await world.pass()
  assert.equal(world.revoked, [nodeId])
  assert.is(world.broker.retained(topics.node(world.network(), nodeId, 'fact')), undefined)
})

test('a broker that cannot be told is told of in the log, and the hub hears the node no more all the same', async () => {
  const lines: LogLine[] = []
  const world = createWorld({
    log: memoryLog(lines),
    brokerAccess: {
      allow: async () => undefined,
      revoke: async () => undefined,
      suspend: async () => {
        throw new HoldfastError('unreachable', 'Mosquitto did not answer in time')
      },
      resume: async () => undefined,
      credential: () => undefined,
    },
  })
  await world.start()
  await world.join(1, 'alpha')
  await world.presence(nodeId, true)
  world.hub.put(resource('Node', 'alpha', { disabled: true }), admin)
  await world.pass()
  assert.ok(lines.some(({ level, message }) => level === 'error' && /who may use it/.test(message)))
  await world.presence(nodeId, true)
  assert.is(node(world).state, 'disabled')
})

test.run()
