// A matrix is judged once for all who ask for it, and again as soon as anything that it is made of is another.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createWorld, resource } from '../hub-world.fake.ts'
import { hubWorld } from './hub-world.ts'
import { matrixOf } from './matrix.ts'
import { createMatrixMemo } from './matrix-memo.ts'

const who = { name: 'test', role: 'admin' } as const
const policy = (port: number) =>
  resource('Policy', 'serve', {
    subject: { nodeSelector: { matchLabels: { role: 'gateway' } } },
    ingress: [{ ports: [{ port }] }],
  })

async function setup() {
  const world = createWorld()
  await world.start()
  await world.join(1, 'gate')
  await world.join(2, 'till')
  world.hub.putAll([resource('Node', 'gate', { labels: { role: 'gateway' } }), policy(443)], who)
  let judged = 0
  const memo = createMatrixMemo((...asked) => {
    judged += 1
    return matrixOf(...asked)
  })
  const ask = (by?: string) => {
    const now = hubWorld(world.hub, 'default').world
    assert.equal(memo.of(now, by), matrixOf(now, by))
    return judged
  }
  return { ask, world }
}

test('asked again it is the same, also by another label in between', async () => {
  const { ask } = await setup()
  assert.equal([ask(), ask(), ask('role'), ask(), ask('role'), ask('')], [1, 1, 2, 2, 2, 3])
})

test('each change of what it is made of is seen: a policy, a label, a node, a service, what is not said', async () => {
  const { ask, world } = await setup()
  let last = ask()
  const changes: readonly (() => unknown)[] = [
    () => world.hub.put(policy(80), who),
    () => world.hub.put(resource('Node', 'till', { labels: { role: 'till' } }), who),
    () => world.join(3, 'another'),
    () =>
      world.hub.put(
        resource('Service', 'shop', { backends: { matchLabels: { role: 'till' } }, ports: [{ port: 80 }] }),
        who,
      ),
    () => world.hub.put(resource('Node', 'till', { labels: { role: 'till' }, disabled: true }), who),
    () => world.hub.delete('Policy', 'serve', who),
  ]
  for (const [at, change] of changes.entries()) {
    await change()
    const now = ask()
    assert.is(now, last + 1, `change ${at}`)
    last = ask()
    assert.is(last, now)
  }
})

test('what devices report is none of it', async () => {
  const { ask, world } = await setup()
  assert.is(ask(), 1)
  const [gate] = world.hub.fleet()
  assert.ok(gate)
  await world.presence(gate.nodeId, true)
  await world.acknowledge(gate.nodeId)
  assert.is(ask(), 1)
})

test('of many only the last are kept', async () => {
  const { ask } = await setup()
  for (let at = 0; at < 20; at++) ask(`label-${at}`)
  assert.is(ask('label-19'), 20)
  assert.is(ask('label-0'), 21)
})

test.run()
