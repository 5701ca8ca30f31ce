// Hubs that take the state from each other at any moment, with an API server that is away, or whose answers are lost: what one of
// them was told is kept, every later one has. The seed of a failure is in its name.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededEntropy } from '../../shared/effects.fake.ts'
import { base32 } from '../../shared/ids.ts'
import { FakeCluster } from './cluster-store.fake.ts'
import { directory, headOf, type MirroredHub, openMirroredHub } from './mirrored-hub.fake.ts'

const SEEDS = 6
const STEPS = 30

test.after(() => directory.remove())

async function play(seed: number): Promise<{ readonly kept: number; readonly refused: number; readonly led: number }> {
  const entropy = seededEntropy(seed)
  const cluster = new FakeCluster()
  const hubs: MirroredHub[] = []
  const kept = new Set<string>()
  let refused = 0
  let generation = 0

  const takeOver = async (): Promise<void> => {
    // One that fails here ends, and begins again.
    ;[cluster.isAway, cluster.losesAnswer] = [false, false]
    const hub = await openMirroredHub(cluster, base32(entropy.bytes(17), 26))
    for (const key of kept) assert.is(hub.store.value(key), key, `${key} was said to be kept`)
    hubs.push(hub)
  }

  const write = async (step: number): Promise<void> => {
    // Also by one that led long ago and does not know yet that it is over.
    const hub = hubs[Math.floor(entropy.fraction() * hubs.length)]
    if (hub === undefined) return
    const key = `key-${step}`
    hub.store.putValue(key, key)
    const told = hub.mirror.settled().then(
      () => kept.add(key),
      () => (refused += 1),
    )
    if (entropy.fraction() < 0.2) cluster.losesAnswer = true
    await hub.pass()
    // One that can't reach the API server goes on trying; nobody waits for it here.
    if (!cluster.isAway) await told
  }

  await takeOver()
  for (let step = 0; step < STEPS; step++) {
    const choice = entropy.fraction()
    if (choice < 0.1) await takeOver()
    else if (choice < 0.2) cluster.isAway = !cluster.isAway
    else await write(step)
    if (cluster.head === undefined) continue
    const now = headOf(cluster).generation
    assert.ok(now >= generation, 'generations only rise')
    generation = now
  }
  await takeOver()
  for (const hub of hubs) hub.close()
  return { kept: kept.size, refused, led: hubs.length }
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`nothing that was said to be kept is ever lost, seed ${seed}`, async () => {
    const { kept } = await play(seed)
    assert.ok(kept > 0)
  })
}

test('the plays have what they are about: hubs that follow each other, and such that are refused', async () => {
  const plays = [await play(101), await play(102), await play(103)]
  assert.ok(plays.some(({ led }) => led > 3) && plays.some(({ refused }) => refused > 0), JSON.stringify(plays))
})

test.run()
