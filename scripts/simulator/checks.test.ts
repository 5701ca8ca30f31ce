// The bounds that no fault of an agent reaches by itself are crossed by hand: each check says so.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { rootValue } from '../../edge/trust/own-root.ts'
import { toBase64 } from '../../shared/bytes.ts'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { journalRowsMax } from '../../shared/limits.ts'
import type { SimNode } from './sim-node.ts'
import { type BuiltWorld, buildWorld } from './world.ts'

async function oneNode(): Promise<{ readonly world: BuiltWorld; readonly node: SimNode }> {
  const quiet = { say: () => undefined, note: () => undefined, sabotage: undefined }
  const world = await buildWorld({
    clock: new FakeClock(),
    entropy: seededEntropy(1),
    nodes: 1,
    locked: false,
    ...quiet,
  })
  const [node] = world.nodes
  if (node === undefined) throw new TypeError('a world of nobody')
  return { world, node }
}

/** How each bound is crossed, and how many messages wait meanwhile. */
const crossings: readonly (readonly [cross: (node: SimNode) => void, inFlight: number, says: RegExp])[] = [
  [() => undefined, 10_000, /messages wait for the broker at once/],
  [({ startFailures }) => void startFailures.push('no reason'), 0, /did not start: no reason/],
  [
    (node) => {
      for (let i = 0; i < 200; i++) node.clock().after(1_000, () => undefined)
    },
    0,
    /has 200 timers waiting/,
  ],
  [
    ({ disk }) => {
      const entry = { at: 0, event: 'started', detail: '' }
      disk.loadJournal = () => Array.from({ length: journalRowsMax + 1 }, () => entry)
    },
    0,
    /keeps too long a journal/,
  ],
  [({ disk }) => disk.damageRecord('network/default'), 0, /keeps a set that its head does not vouch for/],
]

/** As `createOwnRoot` keeps it: roots that follow the one of enrolment, by a chain that this test makes up. */
function pinOnDisk({ disk, identity }: SimNode, ...serials: readonly number[]): void {
  const roots = serials.map((serial) => ({ key: toBase64(new Uint8Array(32).fill(serial)), serial }))
  disk.set(rootValue, JSON.stringify({ enrolled: identity.anchor.rootKey, roots }))
}

for (const [cross, inFlight, says] of crossings) {
  test(`told: ${says.source}`, async () => {
    const { node, world } = await oneNode()
    cross(node)
    world.checks.afterStep([node], inFlight)
    assert.is(world.checks.breaches.length, 1)
    assert.match(world.checks.breaches[0] ?? '', says)
    world.close()
  })
}

test('told: a root key that the hub never had, and one that is left for an earlier one', async () => {
  const { node, world } = await oneNode()
  const told = (): readonly string[] => world.checks.breaches
  pinOnDisk(node, 2)
  world.checks.afterStep([node], 0)
  assert.is(told().length, 1)
  assert.match(told()[0] ?? '', /pins what the hub never had: root key \S+, number 2/)
  pinOnDisk(node, 1)
  world.checks.afterStep([node], 0)
  assert.match(told()[1] ?? '', /went back from root key \S+, number 2 to root key \S+, number 1/)
  world.close()
})

test('told: a node that does not follow the hub to another root key', async () => {
  const { node, world } = await oneNode()
  node.start()
  world.hub.rotate('root')
  await world.checks.converged([node], world.hub)
  assert.match(
    world.checks.breaches.join(),
    /still pins root key \S+, number 0, and the hub has root key \S+, number 1/,
  )
  world.close()
})

test('a sound world breaches nothing', async () => {
  const { node, world } = await oneNode()
  world.checks.afterStep([node], 0)
  assert.equal(world.checks.breaches, [])
  world.close()
})

test('a node that is down at the end is told', async () => {
  const { node, world } = await oneNode()
  await world.checks.converged([node], world.hub)
  assert.equal(world.checks.breaches, ['node-0: is not running at the end'])
  world.close()
})

test.run()
