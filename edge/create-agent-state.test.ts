// What the agent believes and keeps: hostile words, removal, damage, full disks, clocks and counters.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../shared/bytes.ts'
import { FakeClock } from '../shared/effects.fake.ts'
import { openFact, sealFact } from '../shared/fact/fact.ts'
import { sha256, verify } from '../shared/host/crypto.ts'
import { parseNetworkId } from '../shared/ids.ts'
import { topics } from '../shared/wire/topics.ts'
import { again, begin, codes, kernelText, lastStatus, me, online, peerCount, third } from './agent-rig.fake.ts'
import { FakeHub, testNetwork, testSigner } from './link/hub.fake.ts'
import { acceptSnapshot } from './trust/accept.ts'

const test = suite('agent state')

test('replayed, older, foreign and garbled words change nothing and are told', async () => {
  const rig = await online()
  const old = rig.hub.latest.head
  const oldWhole = rig.hub.snapshot()
  rig.hub.putNode(third).publish()
  await rig.advance(1_000)
  const before = kernelText(rig)
  const foreign = new FakeHub(parseNetworkId('otherneaaaaa'))
  foreign.commit()
  const thief = new FakeHub().putNode(me)
  thief.signer = testSigner(66)
  thief.commit({ epoch: 9, revision: 10 })
  for (const payload of [old, old, foreign.latest.head, thief.latest.head, utf8('garbage')]) {
    rig.broker.inject({ topic: topics.head(testNetwork), payload })
    rig.broker.inject({ topic: topics.delta(testNetwork), payload: oldWhole })
    rig.broker.inject({ topic: topics.delta(testNetwork), payload: thief.snapshot() })
    await rig.advance(5_000)
  }
  assert.is(kernelText(rig), before)
  assert.equal(rig.agent.status().revision.held, { epoch: 1, revision: 2 })
  assert.ok(codes(rig).includes('intent-rejected'))
  rig.hub.remove('node/third').publish()
  await rig.advance(1_000)
  assert.equal(rig.agent.status().revision.applied, { epoch: 1, revision: 3 })
  assert.not.ok(codes(rig).includes('intent-rejected'))
  await rig.stop()
})

test('a hub restored from a backup without a new epoch is told, not obeyed', async () => {
  const rig = await online()
  const backup = rig.hub.latest.head
  rig.hub.putNode(third).publish()
  await rig.advance(1_000)
  rig.broker.inject({ topic: topics.head(testNetwork), payload: backup, retain: true })
  rig.broker.drop(me.nodeId)
  await rig.advance(20_000)
  assert.ok(codes(rig).includes('intent-rejected'))
  assert.equal(rig.agent.status().revision.held, { epoch: 1, revision: 2 })
  await rig.stop()
})

test('removed from a newer set: no peers, the interface stays, and it is said', async () => {
  const rig = await online()
  rig.hub.remove('node/me').publish()
  await rig.advance(1_000)
  assert.is(peerCount(rig), 0)
  assert.ok(rig.kernel.device !== undefined)
  assert.ok(codes(rig).includes('not-a-member'))
  rig.hub.putNode(me).publish()
  await rig.advance(1_000)
  assert.is(peerCount(rig), 1)
  assert.not.ok(codes(rig).includes('not-a-member'))
  await rig.stop()
})

test('a stored set that was damaged is not used, is told, and comes anew from the hub', async () => {
  const rig = begin()
  rig.store.damageRecord('node/other')
  rig.hub.attach(rig.broker)
  await rig.advance(100)
  await rig.agent.start()
  assert.ok(codes(rig).includes('database-rebuilt'))
  assert.is(peerCount(rig), 0)
  await rig.advance(1_000)
  assert.is(peerCount(rig), 1)
  assert.is(rig.store.loadSet()?.version.revision, 1)
  await rig.stop()
})

test('a damaged set is no chance for an older one', async () => {
  const rig = begin()
  const older = rig.hub.latest
  rig.hub.putNode(third).commit()
  const newest = rig.hub.latest
  rig.store.saveSet(acceptSnapshot(rig.hub.anchors, undefined, rig.hub.snapshot()).change)
  rig.store.damageRecord('node/other')
  // A broker that replays, and hands out the old set to who asks.
  rig.hub.twist = (kind, frame) => (kind === 'snapshot' ? rig.hub.snapshot(older) : frame)
  rig.hub.attach(rig.broker)
  await rig.advance(100)
  await rig.agent.start()
  await rig.advance(60_000)
  assert.equal(rig.agent.status().revision.held, { epoch: 0, revision: 0 })
  rig.hub.twist = (_, frame) => frame
  rig.broker.drop(me.nodeId)
  await rig.advance(10_000)
  assert.equal(rig.agent.status().revision.held, newest.version)
  await rig.stop()
})

test('a damaged set never costs what the kernel holds', async () => {
  const first = await online()
  const before = kernelText(first)
  first.kill()
  first.store.damageRecord('node/other')
  first.broker.setDown(true)
  const second = again(first)
  await second.agent.start()
  await second.advance(3_600_000)
  assert.is(kernelText(second), before)
  await second.stop()
})

test('a full disk: new intent is in force all the same, it is told, and stored when there is room', async () => {
  const rig = await online()
  rig.store.full = true
  rig.hub.putNode(third).publish()
  await rig.advance(1_000)
  rig.hub.remove('node/other').publish()
  await rig.advance(1_000)
  assert.is(peerCount(rig), 1)
  assert.equal(lastStatus(rig).revision.applied, { epoch: 1, revision: 3 })
  assert.ok(codes(rig).includes('disk-full'))
  assert.is(rig.store.loadSet()?.version.revision, 1)
  await rig.advance(300_000)
  assert.ok(codes(rig).includes('disk-full'))
  rig.store.full = false
  await rig.advance(130_000)
  assert.is(rig.store.loadSet()?.version.revision, 3)
  assert.equal([...(rig.store.loadSet()?.records.keys() ?? [])].toSorted(), [
    'network/default',
    'node/me',
    'node/third',
  ])
  assert.not.ok(codes(rig).includes('disk-full'))
  await rig.stop()
})

test('a full disk at the start keeps nobody off the mesh', async () => {
  const rig = begin()
  rig.store.full = true
  await rig.agent.start()
  assert.is(peerCount(rig), 1)
  assert.ok(codes(rig).includes('disk-full'))
  await rig.stop()
})

test('the clock is raised to the floor before the kernel is touched', async () => {
  const raised: number[] = []
  const rig = begin({
    clock: new FakeClock(0),
    extra: {
      raiseClock: async (floorMs) => {
        raised.push(floorMs, rig.kernel.journal.length)
        rig.clock.setWall(floorMs)
        return { code: 'clock-raised', since: floorMs }
      },
    },
  })
  await rig.agent.start()
  assert.equal(raised, [rig.hub.issuedAt, 0])
  assert.ok(codes(rig).includes('clock-raised'))
  await rig.stop()
})

test('a clock that may not be raised is told, and the mesh comes up all the same', async () => {
  const rig = begin({ clock: new FakeClock(0) })
  await rig.agent.start()
  assert.ok(codes(rig).includes('clock-behind'))
  assert.is(peerCount(rig), 1)
  await rig.stop()
})

test('the time floor is kept every ten minutes and at the end, and never lowered', async () => {
  const rig = await online()
  await rig.advance(25 * 60_000)
  const kept = Number(rig.store.get('time-floor'))
  assert.ok(rig.clock.now() - kept <= 10 * 60_000 + 5_000)
  await rig.advance(60_000)
  await rig.stop()
  const last = Number(rig.store.get('time-floor'))
  assert.ok(last > kept)
  const second = again(rig)
  rig.clock.setWall(5)
  await second.agent.start()
  await second.advance(1_200_000)
  await second.stop()
  assert.is(Number(rig.store.get('time-floor')), last)
})

test('each start counts, before the first word is said', async () => {
  const first = await online()
  assert.is(lastStatus(first).boot, 1)
  first.kill()
  const second = again(first)
  const started = second.agent.start()
  assert.is(second.store.get('boot'), '2')
  await started
  await second.advance(1_000)
  assert.is(lastStatus(second).boot, 2)
  await second.stop()
})

test('a node that lost its counters outranks its own old word', async () => {
  const rig = begin()
  const body = { node: me.nodeId, candidates: [], observed: [], relays: [], natType: 'unknown', at: 1 } as const
  const old = sealFact({ ...body, candidates: [], observed: [], relays: [], boot: 57, seq: 3 }, me.signer, sha256)
  const topic = topics.node(testNetwork, me.nodeId, 'fact')
  rig.broker.inject({ topic, payload: old, retain: true })
  rig.hub.attach(rig.broker)
  await rig.agent.start()
  await rig.advance(30_000)
  const fact = openFact(rig.broker.retained(topic) ?? new Uint8Array(), me.nodeId, me.deviceKey, verify, sha256)
  assert.is(fact.boot, 58)
  assert.is(rig.store.get('boot'), '58')
  await rig.stop()
})

test('what the host’s own doors found is shown, and outranks the agent’s view of the same', async () => {
  const rig = begin({
    clock: new FakeClock(0),
    extra: { hostConditions: () => [{ code: 'clock-behind', since: 1, detail: 'from the host' }] },
  })
  await rig.agent.start()
  const shown = rig.agent.status().health.filter((one) => one.code === 'clock-behind')
  assert.equal(
    shown.map((one) => one.detail),
    ['from the host'],
  )
  await rig.stop()
})

test.run()
