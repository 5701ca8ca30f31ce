// A hub that is newer than the agent: what it signs is kept and not followed, told once, and never asked for again.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { again, codes, kernelText, lastStatus, me, online, other, third } from './agent-rig.fake.ts'

test('intent for a newer agent is kept, told, and disturbs nothing', async () => {
  const rig = await online()
  const before = kernelText(rig)
  rig.hub.requests.length = 0
  rig.hub.put('teapot/x', {}).putNode(third).publish()
  await rig.advance(3_600_000)
  assert.is(kernelText(rig), before)
  const { health, revision } = rig.agent.status()
  assert.is(health.find((one) => one.code === 'intent-unreadable')?.detail?.includes('teapot/x'), true)
  assert.not.ok(codes(rig).includes('intent-rejected'))
  assert.equal([revision.held.revision, revision.applied.revision], [2, 1])
  assert.equal(lastStatus(rig).revision, { held: revision.held, applied: revision.applied, lastGood: revision.applied })
  assert.is(rig.hub.requests.length, 0)
  // A new connection shows the same head again.
  rig.broker.drop(me.nodeId)
  await rig.advance(60_000)
  assert.is(rig.hub.requests.length, 0)
  rig.hub.remove('teapot/x').publish()
  await rig.advance(10_000)
  assert.not.ok(codes(rig).includes('intent-unreadable'))
  assert.equal(lastStatus(rig).revision.applied, { epoch: 1, revision: 3 })
  assert.is(rig.kernel.device?.peers.size, 2)
  await rig.stop()
})

test('a field that is new in a known record is named', async () => {
  const rig = await online()
  rig.hub.putNode(other, { colour: 'red' }).publish()
  await rig.advance(10_000)
  const detail = rig.agent.status().health.find((one) => one.code === 'intent-unreadable')?.detail
  assert.is(detail, 'revision 2, record node/other: colour is not a known field')
  assert.is(rig.kernel.device?.peers.size, 1)
  await rig.stop()
})

test('after a restart without a hub the last set that is understood is in force, and the condition stands', async () => {
  const first = await online()
  const before = kernelText(first)
  first.hub.put('teapot/x', {}).putNode(third).publish()
  await first.advance(10_000)
  first.kill()
  first.broker.setDown(true)
  first.kernel.device = undefined
  first.kernel.policy = undefined
  first.kernel.ruleset = undefined
  first.kernel.routes.clear()
  const second = again(first)
  await second.agent.start()
  await second.advance(60_000)
  assert.is(kernelText(second), before)
  assert.ok(codes(second).includes('intent-unreadable'))
  assert.not.ok(codes(second).includes('database-rebuilt'))
  assert.equal(second.agent.status().revision.held, { epoch: 1, revision: 2 })
  await second.stop()
})

test('a member that the newer intent removed leaves the kernel all the same', async () => {
  const rig = await online()
  rig.hub.putNode(third).publish()
  await rig.advance(10_000)
  rig.hub.put('teapot/x', {}).remove('node/other').publish()
  await rig.advance(10_000)
  assert.equal([...(rig.kernel.device?.peers.keys() ?? [])], [third.wgKey])
  assert.equal(rig.agent.status().revision.applied, { epoch: 1, revision: 2 })
  await rig.stop()
})

test('intent that no longer contains this node silences it, whoever it was written for', async () => {
  const rig = await online()
  rig.hub.put('teapot/x', {}).remove('node/me').publish()
  await rig.advance(10_000)
  assert.ok(codes(rig).includes('not-a-member'))
  assert.is(rig.kernel.device?.peers.size, 0)
  await rig.stop()
})

test.run()
