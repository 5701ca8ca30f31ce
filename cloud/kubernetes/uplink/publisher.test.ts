// Labels that tell of uplinks, from the word of a device to the objects of a cluster: as few writes as there is to say.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../../shared/effects.fake.ts'
import { HoldfastError } from '../../../shared/errors.ts'
import { encodeStatus } from '../../../shared/wire/report.ts'
import type { UplinkQuality } from '../../../shared/wire/uplink-quality.ts'
import { createWorld, device } from '../../hub-world.fake.ts'
import { FakeCluster } from '../cluster.fake.ts'
import type { ClusterStatus } from '../cluster.ts'
import { createController } from '../controller.ts'

const { nodeId } = device(1)
const [MINUTE_MS, OWN, THEIRS] = [60_000, 'Node/alpha', 'Node rack-7']
const good: UplinkQuality = { rttMs: 20, lossPercent: 1, bandwidthMbps: 50, bandwidthBy: 'observed', metered: false }
const goodWords = ['online', '20', '1', '50', 'false']
const unknown = ['unknown', 'unknown', 'unknown', 'unknown']

async function open(nodeLabels = true) {
  const [world, cluster, lines] = [createWorld(), new FakeCluster(), [] as Parameters<typeof memoryLog>[0] & object]
  const { clock, hub } = world
  await world.start()
  await world.join(1, 'alpha')
  const derive = { clusterName: 'kube', network: 'default' }
  const node = { kind: 'Node', namespace: '', name: 'rack-7' } as const
  cluster.apply(node, {}, { 'holdfast.dev/node': 'alpha' })
  cluster.apply({ ...node, name: 'elsewhere' }, {})
  const controller = createController({
    hub,
    cluster,
    clock,
    derive,
    nodeLabels: () => nodeLabels,
    log: memoryLog(lines),
  })
  controller.start()
  const pass = (ms = 5_000): Promise<void> => clock.advanceAsync(ms)
  await world.presence(nodeId, true)
  await world.acknowledge(nodeId)
  await pass()
  return {
    world,
    cluster,
    lines,
    pass,
    controller,
    async says(uplink: UplinkQuality, ms = 2 * MINUTE_MS) {
      const [report] = hub.fleet().flatMap(({ report: one }) => one ?? [])
      assert.ok(report !== undefined)
      await world.say(nodeId, 'status', encodeStatus({ ...report, uplink }))
      await pass(ms)
    },
    words: (key: string) => Object.values(cluster.labelled.get(key) ?? {}),
    status: () => (cluster.object(OWN)?.status as ClusterStatus | undefined)?.uplink,
  }
}

test('a device that tells nothing is said to be known no better, and its word becomes labels and status', async () => {
  const one = await open()
  assert.equal(
    [one.words(OWN), one.words(THEIRS)],
    [
      ['online', ...unknown],
      ['online', ...unknown],
    ],
  )
  await one.says(good)
  assert.equal([one.words(OWN), one.words(THEIRS)], [goodWords, goodWords])
  assert.equal(one.status(), { state: 'online', ...good })
  assert.equal(one.cluster.labelled.get('Node elsewhere'), undefined)
  await one.controller.stop()
})

test('labels are no intent: they change nothing at the hub, and a Node is what people wrote', async () => {
  const one = await open()
  const before = one.world.hub.get('Node', 'alpha')
  await one.says(good)
  const after = one.world.hub.get('Node', 'alpha')
  assert.equal([after?.resourceVersion, after?.resource.metadata], [before?.resourceVersion, before?.resource.metadata])
  await one.controller.stop()
})

test('Nodes of the cluster are left alone where nobody asked', async () => {
  const one = await open(false)
  await one.says(good)
  assert.equal([one.words(OWN), one.cluster.labelled.get(THEIRS)], [goodWords, undefined])
  await one.controller.stop()
})

test('a device whose word changes each second is written once a minute, and one that says the same never', async () => {
  const one = await open(false)
  await one.says(good)
  const from = one.cluster.labelWrites
  for (let i = 0; i < 600; i += 1) await one.says({ ...good, rttMs: i % 2 === 0 ? 50 : 20 }, 1_000)
  const written = one.cluster.labelWrites - from
  assert.ok(written >= 8 && written <= 11, `${written} writes in ten minutes`)
  await one.pass(2 * MINUTE_MS)
  const still = one.cluster.labelWrites
  for (let i = 0; i < 60; i += 1) await one.says({ ...good, rttMs: 20 }, MINUTE_MS)
  assert.ok(one.cluster.labelWrites - still <= 1)
  await one.controller.stop()
})

test('a device that is away for a moment stays as it was, and one that stays away is said to be offline, without figures', async () => {
  const one = await open()
  await one.says(good)
  await one.world.presence(nodeId, false)
  await one.pass(4 * MINUTE_MS)
  assert.equal(one.words(OWN), goodWords)
  await one.pass(2 * MINUTE_MS)
  assert.equal(
    [one.words(OWN), one.words(THEIRS)],
    [
      ['offline', ...unknown],
      ['offline', ...unknown],
    ],
  )
  assert.equal(one.status(), { state: 'offline' })
  await one.world.presence(nodeId, true)
  await one.pass()
  assert.equal(one.words(THEIRS), goodWords)
  await one.controller.stop()
})

test('a Node whose device is gone loses what it was given, and what somebody took off comes back', async () => {
  const one = await open()
  await one.says(good)
  const ref = { kind: 'Node', namespace: '', name: 'rack-7' } as const
  one.cluster.delete(ref)
  one.cluster.labelled.delete(THEIRS)
  one.cluster.apply(ref, {}, { 'holdfast.dev/node': 'alpha' })
  await one.pass(2 * MINUTE_MS)
  assert.equal(one.words(THEIRS), goodWords)
  const labels = () => [one.cluster.inputs().Node ?? []].flat().map((node) => Object(node).labels as object)
  assert.equal(
    labels()
      .map((all) => Object.keys(all).length)
      .sort((a, b) => a - b),
    [0, 5],
  )
  one.cluster.apply(ref, {})
  await one.pass(2 * MINUTE_MS)
  assert.equal(labels(), [{}, {}])
  await one.controller.stop()
})

test('a cluster that lets nobody label its Nodes is told of once, and everything else goes on', async () => {
  const one = await open()
  const put = one.cluster.putLabels.bind(one.cluster)
  one.cluster.putLabels = (object, labels) =>
    'uid' in object ? Promise.reject(new HoldfastError('forbidden', 'may not patch nodes')) : put(object, labels)
  await one.says(good)
  await one.pass(30 * MINUTE_MS)
  assert.equal(one.words(OWN), goodWords)
  assert.is(one.lines.filter((line) => line.message.includes('right to patch')).length, 1)
  assert.is(one.world.hub.get('Node', 'alpha')?.status.conditions.at(-1)?.status, 'True')
  await one.controller.stop()
})

test.run()
