// The state on its way: from real databases into a cluster in memory, and back into a data directory.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { parseName } from '../../shared/ids.ts'
import { deltasKeptMax } from '../../shared/limits.ts'
import { NET, revision, shown, storedPolicy } from '../store/conformance.fake.ts'
import { sweepParts } from './claim.ts'
import { FakeCluster } from './cluster-store.fake.ts'
import { packHead, partsOf, unpackHead } from './head.ts'
import { isMirrored } from './lay-state.ts'
import { BASE, content, directory, fill, headOf, openMirroredHub, outcome } from './mirrored-hub.fake.ts'

test.after(() => directory.remove())

test('what was committed comes back, row by row, with the keys, in another directory', async () => {
  const cluster = new FakeCluster()
  const first = await openMirroredHub(cluster)
  fill(first)
  await Promise.all([first.mirror.settled(), first.pass()])
  first.store.deleteResource('Policy', 'p-3')
  first.store.saveRevision(NET, revision(41, {}, ['policy/p-3']))
  await Promise.all([first.mirror.settled(), first.pass()])
  const second = await openMirroredHub(cluster, 'b'.repeat(26))
  assert.is(content(second), content(first))
  assert.is(readFileSync(join(second.data, 'root.key'), 'utf8'), readFileSync(join(first.data, 'root.key'), 'utf8'))
  assert.ok(isMirrored(second.data))
  assert.match(shown(second.store), /^head 1\.41 .* policy\/p-1=x@1 /)
  const writes = cluster.headWrites
  await second.pass()
  assert.is(cluster.headWrites, writes, 'what was just laid down is not written again')
  first.close()
  second.close()
})

test('a burst is one generation, and a change rewrites the shards that it touches', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  fill(hub)
  const settled = Array.from({ length: 100 }, () => hub.mirror.settled())
  await Promise.all([...settled, hub.pass()])
  assert.is(cluster.headWrites, 1)
  hub.store.transaction(() => {
    for (let n = 0; n < 2_000; n++) hub.store.putValue(`value-${n}`, String(n))
  })
  await Promise.all([hub.mirror.settled(), hub.pass()])
  assert.is(headOf(cluster).buckets, 16, 'more rows are spread over more buckets')
  const parts = cluster.partWrites
  hub.store.putValue('value-7', 'other')
  await Promise.all([hub.mirror.settled(), hub.pass()])
  assert.is(cluster.partWrites - parts, 1)
  hub.close()
})

test('what somebody deleted is written anew by the hub that leads, as long as there is one', async () => {
  const cluster = new FakeCluster()
  const me = 'a'.repeat(26)
  const hub = await openMirroredHub(cluster, me)
  fill(hub)
  assert.is(await outcome(hub), 'settled')
  const rest = { durationS: 15, acquireTime: '', renewTime: '', transitions: 0, generation: 1, resourceVersion: '1' }
  cluster.lease = { ...rest, holder: me }
  const [first = '', second = ''] = partsOf(headOf(cluster))
  for (const name of [first, second]) cluster.parts.delete(name)
  hub.mirror.inspect()
  await hub.pass()
  assert.is(headOf(cluster).generation, 2)
  assert.ok(partsOf(headOf(cluster)).every((name) => cluster.parts.has(name)))
  cluster.head = undefined
  cluster.parts.clear()
  hub.mirror.inspect()
  await hub.pass()
  assert.is(headOf(cluster).generation, 3)
  hub.store.putValue('v', 'afterwards')
  assert.is(await outcome(hub), 'settled')
  const writes = cluster.headWrites
  hub.mirror.inspect()
  await hub.pass()
  assert.is(cluster.headWrites, writes, 'where all is there, nothing is written')
  const other = await openMirroredHub(cluster, 'b'.repeat(26))
  assert.is(content(other), content(hub))
  assert.equal(hub.fenced, [])
  hub.mirror.inspect()
  await hub.pass()
  assert.equal(hub.fenced, ['another hub has written the state'], 'and who looks finds that it is out')
  hub.close()
  other.close()
})

test('what is rolled back, or written as it was, is no new generation', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  fill(hub)
  await Promise.all([hub.mirror.settled(), hub.pass()])
  const { generation } = hub.mirror
  assert.throws(() =>
    hub.store.transaction(() => {
      hub.store.putValue('v', 'other')
      hub.store.deleteResource('Policy', 'p-1')
      throw new TypeError('power cut')
    }),
  )
  hub.store.putResource(storedPolicy('p-1'))
  await Promise.all([hub.mirror.settled(), hub.pass()])
  assert.is(hub.mirror.generation, generation)
  hub.close()
})

test('parts that no generation needs any more are deleted, and those of the one before are kept', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  for (let n = 0; n < 5; n++) {
    hub.store.putValue('v', String(n))
    await Promise.all([hub.mirror.settled(), hub.pass()])
  }
  assert.ok(cluster.head?.before)
  const named = new Set([...partsOf(headOf(cluster)), ...partsOf(unpackHead(BASE, cluster.head.before))])
  assert.equal([...cluster.parts.keys()].sort(), [...named].sort())
  const lost = 'hub-state-9-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
  cluster.parts.set(lost, new Uint8Array(1))
  await sweepParts(cluster.open(), BASE, cluster.head, memoryLog())
  assert.equal([...cluster.parts.keys()].sort(), [...named].sort())
  hub.close()
})

test('keys that people replace while the hub runs are found, once all of them are there', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  hub.store.putValue('v', '1')
  assert.is(await outcome(hub), 'settled')
  writeFileSync(join(hub.data, 'root.key'), 'the next root')
  writeFileSync(join(hub.data, 'staged.json'), '{}')
  await Promise.all([hub.mirror.look(), hub.pass()])
  assert.is(hub.mirror.generation, 1)
  rmSync(join(hub.data, 'staged.json'))
  await Promise.all([hub.mirror.look(), hub.pass()])
  assert.is(hub.mirror.generation, 2)
  const other = await openMirroredHub(cluster, 'b'.repeat(26))
  assert.is(readFileSync(join(other.data, 'root.key'), 'utf8'), 'the next root')
  hub.close()
  other.close()
})

test('nothing is settled while the API server is away, and all of it is when it is back', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  cluster.isAway = true
  hub.store.putValue('v', '1')
  let done = false
  const settled = hub.mirror.settled().then(() => (done = true))
  await hub.pass()
  hub.store.putValue('v', '2')
  await hub.pass()
  assert.is(done, false)
  assert.is(hub.mirror.isSettled, false)
  cluster.isAway = false
  await Promise.all([settled, hub.pass()])
  assert.is(hub.mirror.isSettled, true)
  const other = await openMirroredHub(cluster)
  assert.is(other.store.value('v'), '2')
  hub.close()
  other.close()
})

test('rows of an older layout are all written anew by a hub that has brought them to its own', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  fill(hub, false)
  assert.is(await outcome(hub), 'settled')
  const head = headOf(cluster)
  assert.ok(cluster.head)
  cluster.head = { ...cluster.head, head: packHead({ ...head, layout: { ...head.layout, hub: 1 } }) }
  const newer = await openMirroredHub(cluster, 'b'.repeat(26), (db) => void db.exec("UPDATE value SET value = 'new'"))
  assert.is(await outcome(newer), 'settled')
  assert.equal(headOf(cluster).layout, head.layout)
  const last = await openMirroredHub(cluster, 'c'.repeat(26))
  assert.is(last.store.value('v'), 'new')
  assert.is(content(last), content(newer))
  for (const one of [hub, newer, last]) one.close()
})

test('what is only ever added lies in segments, which go when the last of them is out of use', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  hub.store.putNetwork({ name: parseName('default'), id: NET, epoch: 1 })
  hub.store.transaction(() => {
    for (let n = 1; n <= deltasKeptMax + 40; n++) hub.store.saveRevision(NET, revision(n, { 'policy/p': String(n) }))
  })
  assert.is(await outcome(hub), 'settled')
  const segments = () => Object.keys(headOf(cluster).shards).filter((shard) => shard.startsWith('revision/'))
  const [before, parts] = [segments(), cluster.partWrites]
  assert.ok(before.length > 10 && !before.includes(`revision/${NET}/1/0`), 'what was pruned is not there')
  hub.store.saveRevision(NET, revision(deltasKeptMax + 41, { 'policy/p': 'last' }))
  assert.is(await outcome(hub), 'settled')
  assert.ok(cluster.partWrites - parts <= 3, 'the head, the record, and the newest segment')
  hub.store.deleteNetwork(parseName('default'), NET)
  assert.is(await outcome(hub), 'settled')
  assert.equal(segments(), [])
  hub.close()
})

test('a call that nobody answers is given up and made again', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  cluster.isSilent = true
  hub.store.putValue('v', '1')
  const settled = hub.mirror.settled()
  await hub.pass()
  cluster.isSilent = false
  await Promise.all([settled, hub.pass()])
  assert.equal([hub.mirror.generation, hub.fenced], [1, []])
  hub.close()
})

test('a write whose answer was lost is found, and not taken for somebody else’s', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  hub.store.putValue('v', '1')
  await Promise.all([hub.mirror.settled(), hub.pass()])
  cluster.losesAnswer = true
  hub.store.putValue('v', '2')
  await Promise.all([hub.mirror.settled(), hub.pass()])
  hub.store.putValue('v', '3')
  await Promise.all([hub.mirror.settled(), hub.pass()])
  assert.equal(hub.fenced, [])
  assert.is(hub.mirror.generation, 3)
  hub.close()
})

test('once another has claimed the state, nothing of the first is taken, however long it slept', async () => {
  const cluster = new FakeCluster()
  const first = await openMirroredHub(cluster)
  first.store.putValue('v', 'first')
  assert.is(await outcome(first), 'settled')
  const second = await openMirroredHub(cluster, 'b'.repeat(26))
  first.store.putValue('v', 'too late')
  assert.is(await outcome(first), 'refused')
  assert.equal(first.fenced, ['another hub has written the state'])
  assert.is(await outcome(first), 'refused', 'for good')
  second.store.putValue('w', 'second')
  assert.is(await outcome(second), 'settled')
  const third = await openMirroredHub(cluster, 'c'.repeat(26))
  assert.equal([third.store.value('v'), third.store.value('w')], ['first', 'second'])
  for (const hub of [first, second, third]) hub.close()
})

test('a claim between the parts of a write and its head wins', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  hub.store.putValue('v', '1')
  assert.is(await outcome(hub), 'settled')
  cluster.beforeHead = () => {
    cluster.beforeHead = undefined
    const claimed = { ...headOf(cluster), generation: 2, writer: 'b'.repeat(26) }
    cluster.head = { head: packHead(claimed), before: cluster.head?.head, resourceVersion: cluster.nextVersion() }
  }
  hub.store.putValue('v', '2')
  assert.is(await outcome(hub), 'refused')
  assert.is(headOf(cluster).writer, 'b'.repeat(26))
  hub.close()
})

test('a head that somebody labelled is the same head, and one that was deleted is not made anew by who does not lead', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  hub.store.putValue('v', '1')
  assert.is(await outcome(hub), 'settled')
  assert.ok(cluster.head)
  cluster.head = { ...cluster.head, resourceVersion: cluster.nextVersion() }
  hub.store.putValue('v', '2')
  assert.is(await outcome(hub), 'settled')
  cluster.head = undefined
  hub.store.putValue('v', '3')
  assert.is(await outcome(hub), 'refused')
  assert.equal(hub.fenced, ['the head of its state was deleted'])
  assert.is(cluster.head, undefined)
  hub.close()
})

test.run()
