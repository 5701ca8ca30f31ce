// The bounds that no fault of an agent reaches by itself are crossed by hand: each check says so.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
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

test('a sound world breaches nothing', async () => {
  const { node, world } = await oneNode()
  world.checks.afterStep([node], 0)
  assert.equal(world.checks.breaches, [])
  world.close()
})

test('a node that is down at the end is told', async () => {
  const { node, world } = await oneNode()
  await world.checks.converged([node], world.hub.newest(), world.hub.members())
  assert.equal(world.checks.breaches, ['node-0: is not running at the end'])
  world.close()
})

test.run()
