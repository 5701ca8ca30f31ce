// A canary as a node goes through it: those that it names follow newer intent, the others hold it and lose nothing that it
// takes away.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { again, lastStatus, me, online, other, type Rig, third } from './agent-rig.fake.ts'
import { acceptSnapshot } from './trust/accept.ts'

const confirm = { watchMs: 30_000 }
const started = (): Promise<Rig> => online({ extra: { confirm } })

/** Only nodes with this label go first. */
const canary = { name: 'first', spec: { network: 'default', nodes: { matchLabels: { first: 'yes' } } } } as const
const labelled = { labels: { first: 'yes' } } as const

function shown({ agent }: Rig): string {
  const { applied, held, lastGood, trial, waiting } = agent.status().revision
  const more = `${trial === undefined ? '' : ' trial'}${waiting === undefined ? '' : ` ${waiting.revision} waits`}`
  return `${held.revision}/${applied.revision}/${lastGood.revision}${more}`
}

const peers = ({ kernel }: Rig): unknown => [...(kernel.device?.peers.keys() ?? [])].sort()

test('a node that is not named holds the newer revision and follows the last good one, until the canary is gone', async () => {
  const rig = await started()
  rig.hub.put('canary/first', canary).putNode(third).publish()
  await rig.advance(60_000)
  assert.is(shown(rig), '2/1/1 2 waits')
  assert.equal(lastStatus(rig).revision.waiting, { epoch: 1, revision: 2 })
  assert.equal(peers(rig), [other.wgKey])
  rig.hub.putNode(third, { labels: { role: 'x' } }).publish()
  await rig.advance(60_000)
  assert.is(shown(rig), '3/1/1 3 waits')
  rig.hub.remove('canary/first').publish()
  await rig.advance(3_000)
  assert.is(shown(rig), '4/4/1 trial')
  await rig.advance(40_000)
  assert.is(shown(rig), '4/4/4')
  assert.equal(peers(rig), [other.wgKey, third.wgKey].sort())
  await rig.stop()
})

test('a node that is named follows at once', async () => {
  const rig = await started()
  rig.hub.put('canary/first', canary).putNode(me, labelled).publish()
  await rig.advance(3_000)
  assert.is(shown(rig), '2/2/1 trial')
  await rig.stop()
})

test('who is removed by what waits is removed at once', async () => {
  const rig = await started()
  rig.hub.put('canary/first', canary).remove('node/other').publish()
  await rig.advance(10_000)
  assert.is(shown(rig), '2/1/1 2 waits')
  assert.equal(peers(rig), [])
  await rig.stop()
})

test('it waits through a restart', async () => {
  const rig = await started()
  rig.hub.put('canary/first', canary).putNode(third).publish()
  await rig.advance(10_000)
  await rig.stop()
  const second = again(rig, { extra: { confirm } })
  await second.agent.start()
  await second.advance(120_000)
  assert.is(shown(second), '2/1/1 2 waits')
  await second.stop()
})

test('one that was on trial stays so when a newer one is for others, and proves itself', async () => {
  const rig = await started()
  rig.hub.putNode(third).publish()
  await rig.advance(5_000)
  rig.hub
    .put('canary/first', canary)
    .putNode(third, { labels: { role: 'x' } })
    .publish()
  await rig.advance(5_000)
  assert.is(shown(rig), '3/2/1 trial 3 waits')
  await rig.advance(40_000)
  assert.is(shown(rig), '3/2/2 3 waits')
  await rig.stop()
})

test('one that was found at a start, and then is for others, is tried when it is this node’s turn', async () => {
  const before = await started()
  await before.stop()
  const { head, records, version } = before.hub.latest
  before.store.saveGood({ head, records, version })
  before.hub.putNode(third).commit()
  before.store.saveSet(acceptSnapshot(before.hub.anchors, undefined, before.hub.snapshot()).change)
  const rig = again(before, { extra: { confirm } })
  await rig.agent.start()
  assert.is(shown(rig), '2/1/1')
  await rig.advance(10_000)
  rig.hub.put('canary/first', canary).publish()
  await rig.advance(60_000)
  assert.is(shown(rig), '3/1/1 3 waits')
  rig.hub.remove('canary/first').publish()
  await rig.advance(45_000)
  assert.is(shown(rig), '4/4/4')
  await rig.stop()
})

test('a node that the waiting revision removes does not wait', async () => {
  const rig = await started()
  rig.hub.put('canary/first', canary).remove('node/me').publish()
  await rig.advance(10_000)
  assert.is(shown(rig), '2/2/2')
  assert.equal(peers(rig), [])
  await rig.stop()
})

test('a node that was shut out and is let in again does not wait for others: without a peer it could only ask the hub', async () => {
  const rig = await started()
  rig.hub.remove('node/me').publish()
  await rig.advance(10_000)
  assert.is(shown(rig), '2/2/2')
  rig.hub.put('canary/first', canary).putNode(me).publish()
  await rig.advance(3_000)
  assert.is(shown(rig), '3/3/2 trial')
  assert.equal(peers(rig), [other.wgKey])
  await rig.advance(40_000)
  assert.is(shown(rig), '3/3/3')
  rig.hub.putNode(third).publish()
  await rig.advance(10_000)
  assert.is(shown(rig), '4/3/3 4 waits', 'from then on it is as any other')
  await rig.stop()
})

test.run()
