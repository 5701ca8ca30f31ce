// Commit-confirm as a device goes through it: a revision that breaks what worked is taken back, blamed only on evidence,
// and never watched less because the power went.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { again, codes, kernelText, lastStatus, me, online, other, type Rig, third } from './agent-rig.fake.ts'
import { PLC, shown, type Watched, watched } from './agent-watched.fake.ts'
import type { ConfirmDoors } from './confirm/doors.ts'

test('a revision that breaks nothing counts as good after the watch', async () => {
  const { rig } = await watched()
  assert.is(shown(rig), '1/1/1')
  rig.hub.putNode(third).publish()
  await rig.advance(2_000)
  assert.is(shown(rig), '2/2/1 trial')
  assert.ok((rig.agent.status().revision.trial?.secondsLeft ?? 0) > 25)
  await rig.advance(35_000)
  assert.is(shown(rig), '2/2/2')
  await rig.advance(10_000)
  assert.equal(lastStatus(rig).revision.lastGood, { epoch: 1, revision: 2 })
  assert.is(rig.store.loadGood()?.version.revision, 2)
  await rig.stop()
})

test('what breaks and comes back without it is blamed: the kernel is as it was, the hub is told, a newer one is tried', async () => {
  const { rig, answering } = await watched()
  const before = kernelText(rig)
  rig.hub.putNode(third).publish()
  await rig.advance(5_000)
  answering.delete(PLC)
  await rig.advance(30_000)
  assert.is(shown(rig), '2/1/1 returned probe')
  assert.is(kernelText(rig), before)
  assert.ok(codes(rig).includes('revision-quarantined'))
  answering.add(PLC)
  await rig.advance(10_000)
  assert.is(shown(rig), '2/1/1 quarantined probe')
  const { quarantine } = lastStatus(rig).revision
  assert.equal([quarantine?.version.revision, quarantine?.check, quarantine?.certain], [2, 'probe', true])
  assert.match(quarantine?.detail ?? '', PLC)
  await rig.advance(3_600_000)
  assert.is(shown(rig), '2/1/1 quarantined probe')
  rig.hub.putNode(third, { labels: { role: 'better' } }).publish()
  await rig.advance(60_000)
  assert.is(shown(rig), '3/3/3')
  assert.not.ok(codes(rig).includes('revision-quarantined'))
  await rig.stop()
})

test('a revision that comes while it is open who is to blame is tried, however that ends', async () => {
  const { rig, answering } = await watched()
  for (const role of ['bad', 'worse']) {
    answering.add(PLC)
    await rig.advance(10_000)
    rig.hub.putNode(third, { labels: { role } }).publish()
    await rig.advance(5_000)
    answering.delete(PLC)
    await rig.advance(30_000)
  }
  assert.is(shown(rig), '3/1/1 returned probe')
  rig.hub.putNode(third, { labels: { role: 'better' } }).publish()
  await rig.advance(2_000)
  answering.add(PLC)
  await rig.advance(10_000)
  // After two in a row it waits, and is not forgotten.
  assert.is(shown(rig), '4/1/1 quarantined probe')
  await rig.advance(70_000)
  assert.is(shown(rig), '4/4/1 trial')
  await rig.advance(35_000)
  assert.is(shown(rig), '4/4/4')
  await rig.stop()
})

test('what breaks for a moment, and what does not come back without it either, are not blamed on it', async () => {
  const { rig, answering } = await watched()
  rig.hub.putNode(third).publish()
  await rig.advance(5_000)
  answering.delete(PLC)
  await rig.advance(15_000)
  answering.add(PLC)
  await rig.advance(20_000)
  assert.is(shown(rig), '2/2/2')
  rig.hub.putNode(third, { labels: { role: 'a' } }).publish()
  await rig.advance(5_000)
  answering.delete(PLC)
  await rig.advance(35_000)
  assert.is(shown(rig), '3/2/2 returned probe')
  // A minute without it: tried again, and now with ten minutes of patience.
  await rig.advance(65_000)
  assert.is(shown(rig), '3/3/2 trial')
  await rig.advance(9 * 60_000)
  assert.is(shown(rig), '3/3/2 trial')
  await rig.advance(2 * 60_000)
  assert.is(shown(rig), '3/2/2 returned probe')
  await rig.advance(11 * 60_000)
  assert.is(shown(rig), '3/3/3')
  const turns = rig.kernel.journal.filter((op) => op.op === 'policy-set').length
  await rig.advance(3_600_000)
  assert.is(rig.kernel.journal.filter((op) => op.op === 'policy-set').length, turns, 'and no more of that')
  await rig.stop()
})

test('a device that the revision locked out, and that is slow to recover, keeps the one that works', async () => {
  const { rig, answering } = await watched()
  rig.hub.putNode(third).publish()
  await rig.advance(5_000)
  answering.delete(PLC)
  await rig.advance(30_000 + 65_000)
  assert.is(shown(rig), '2/2/1 trial')
  await rig.advance(11 * 60_000)
  assert.is(shown(rig), '2/1/1 returned probe')
  await rig.advance(4 * 60_000)
  answering.add(PLC)
  await rig.advance(10_000)
  assert.is(shown(rig), '2/1/1 quarantined probe')
  await rig.stop()
})

/** A change that may touch how this node reaches anything. */
const touching = { labels: { role: 'other' } } as const

test('the hub that goes away for good in the middle of the watch is no fault of the revision', async () => {
  const { rig } = await watched()
  rig.hub.putNode(me, touching).publish()
  await rig.advance(5_000)
  rig.broker.setDown(true)
  await rig.advance(30_000)
  assert.is(shown(rig), '2/1/1 returned hub')
  await rig.advance(30 * 60_000)
  assert.is(shown(rig), '2/2/2')
  await rig.stop()
})

test('a revision that speaks of other nodes only has not cut the link to the hub', async () => {
  const { rig } = await watched()
  rig.hub.putNode(third).publish()
  await rig.advance(5_000)
  rig.broker.setDown(true)
  await rig.advance(35_000)
  assert.is(shown(rig), '2/2/2')
  await rig.stop()
})

test('a hub whose host says that nobody listens is reached: nothing is taken back', async () => {
  const confirm: ConfirmDoors = { watchMs: 30_000, hubRefuses: async () => true }
  const rig = await online({ extra: { confirm } })
  rig.hub.putNode(me, touching).publish()
  await rig.advance(5_000)
  rig.broker.setDown(true)
  await rig.advance(40_000)
  assert.is(shown(rig), '2/2/2')
  await rig.stop()
})

test('membership that the quarantined revision took away stays away, at once and over a restart', async () => {
  const { rig, answering, confirm } = await watched()
  rig.hub.putNode(third).publish()
  await rig.advance(40_000)
  rig.hub
    .remove('node/other')
    .putNode(me, { labels: { role: 'broken' } })
    .publish()
  await rig.advance(5_000)
  assert.equal([...(rig.kernel.device?.peers.keys() ?? [])], [third.wgKey])
  answering.delete(PLC)
  await rig.advance(30_000)
  answering.add(PLC)
  await rig.advance(10_000)
  assert.is(shown(rig), '3/2/2 quarantined probe')
  assert.equal([...(rig.kernel.device?.peers.keys() ?? [])], [third.wgKey])
  // A newer one that is not tried yet takes away at once, too.
  await rig.stop()
  const second = again(rig, { extra: { confirm } })
  await second.agent.start()
  await second.advance(10_000)
  assert.is(shown(second), '3/2/2 quarantined probe')
  assert.equal([...(second.kernel.device?.peers.keys() ?? [])], [third.wgKey])
  assert.not.ok([...(second.kernel.device?.peers.keys() ?? [])].includes(other.wgKey))
  await second.stop()
})

/** The agent ends and starts on the same machine. */
async function restarted({ rig, confirm }: Pick<Watched, 'rig' | 'confirm'>, times = 1): Promise<Rig> {
  let last = rig
  for (let i = 0; i < times; i++) {
    await last.stop()
    last = again(last, { extra: { confirm } })
    await last.agent.start()
    await last.advance(5_000)
  }
  return last
}

test('the power goes in the middle of the watch, which goes on; when it goes again and again, the last good one is followed', async () => {
  const { rig, confirm } = await watched()
  rig.hub.putNode(third).publish()
  await rig.advance(5_000)
  const second = await restarted({ rig, confirm }, 3)
  assert.is(shown(second), '2/2/1 trial')
  const once = await restarted({ rig: second, confirm })
  assert.is(shown(once), '2/1/1 returned restarts')
  // It stays up now: perhaps it was the power. It is tried once more, and no third time.
  await once.advance(35_000)
  assert.is(shown(once), '2/2/1 trial')
  const twice = await restarted({ rig: once, confirm }, 4)
  assert.is(shown(twice), '2/1/1 returned restarts')
  await twice.advance(3_600_000)
  assert.is(shown(twice), '2/1/1 quarantined restarts')
  assert.ok(twice.agent.retry())
  await twice.advance(40_000)
  assert.is(shown(twice), '2/2/2')
  await twice.stop()
})

test('after one restart in the middle of the watch the revision is still taken back, and blamed', async () => {
  const { rig, confirm, answering } = await watched()
  rig.hub.putNode(third).publish()
  await rig.advance(5_000)
  answering.delete(PLC)
  await rig.stop()
  const second = again(rig, { extra: { confirm } })
  await second.agent.start()
  await second.advance(130_000)
  assert.is(shown(second), '2/1/1 returned probe')
  answering.add(PLC)
  await second.advance(10_000)
  assert.is(shown(second), '2/1/1 quarantined probe')
  await second.stop()
})

test('revisions in a stream are each watched, and none waits for the stream to end', async () => {
  const { rig, answering } = await watched()
  for (let number = 0; number < 12; number++) {
    rig.hub.putNode(third, { labels: { number: String(number) } }).publish()
    await rig.advance(10_000)
  }
  const { applied, held, lastGood } = rig.agent.status().revision
  assert.is(applied.revision, held.revision)
  assert.ok(lastGood.revision > 6, `last good is ${lastGood.revision}`)
  assert.ok(lastGood.revision < held.revision)
  answering.delete(PLC)
  await rig.advance(35_000)
  assert.is(rig.agent.status().revision.applied.revision, lastGood.revision)
  await rig.stop()
})

test('somebody on the device vouches for it', async () => {
  const { rig } = await watched()
  assert.not.ok(rig.agent.confirm())
  assert.not.ok(rig.agent.retry())
  rig.hub.putNode(third).publish()
  await rig.advance(5_000)
  assert.ok(rig.agent.confirm())
  assert.is(shown(rig), '2/2/2')
  await rig.stop()
})

test('a node that the revision removes has nothing to hold on to', async () => {
  const { rig } = await watched()
  rig.hub.remove('node/me').publish()
  await rig.advance(5_000)
  assert.ok(codes(rig).includes('not-a-member'))
  assert.is(shown(rig), '2/2/2')
  await rig.stop()
})

test('with a watch of 0 every revision is taken at its word', async () => {
  const rig = await online({ extra: { confirm: { watchMs: 0 } } })
  rig.hub.putNode(third).publish()
  await rig.advance(3_000)
  assert.is(shown(rig), '2/2/2')
  await rig.stop()
})

test.run()
