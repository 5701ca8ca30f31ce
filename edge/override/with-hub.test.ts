// Overrides and the hub: told when it is there, accepted or dropped by its signed word.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import { again, kernelText, me, online, type Rig, third } from '../agent-rig.fake.ts'
import type { ConfirmDoors } from '../confirm/doors.ts'
import { by, cutOff, enforcedBy, isOpen, openPort, order, told } from './orders.fake.ts'

test('set while the hub was away, it is told on return; so is one that came and went meanwhile', async () => {
  const rig = await cutOff()
  rig.agent.overrides.set(order({ durationMs: 5_000, reason: 'short' }))
  await rig.advance(10_000)
  const { override } = rig.agent.overrides.set(order())
  rig.hub.attach(rig.broker)
  await rig.advance(60_000)
  assert.equal(
    told(rig).map(({ end, override: one }) => [one.reason, end?.why]),
    [
      ['short', 'expired'],
      ['line 3 is down', undefined],
    ],
  )
  assert.is(told(rig)[1]?.id, override.id)
  rig.agent.overrides.restore(override.id, by)
  await rig.advance(10_000)
  assert.is(told(rig)[1]?.end?.why, 'restored')
  await rig.stop()
})

test('what has ended and was told is not told again at the next connect', async () => {
  const rig = await online()
  rig.agent.overrides.set(order({ durationMs: 5_000 }))
  await rig.advance(60_000)
  assert.is(told(rig)[0]?.end?.why, 'expired')
  rig.broker.forgetRetained()
  rig.broker.drop(me.nodeId)
  await rig.advance(60_000)
  assert.equal(told(rig), [], 'nor at a reconnect')
  await rig.stop()
  const next = again(rig)
  await next.agent.start()
  await next.advance(60_000)
  assert.equal(told(next), [])
  await next.stop()
})

function verdict(rig: Rig, id: string, what: 'accepted' | 'dropped', node: string = me.nodeId): void {
  rig.hub.put(`verdict/${id}`, { name: id, node, verdict: what })
}

test('the hub drops it: the rules are those of the intent', async () => {
  const rig = await online()
  const before = kernelText(rig)
  const { override } = rig.agent.overrides.set(order())
  await rig.advance(100)
  assert.ok(isOpen(rig))
  verdict(rig, override.id, 'dropped')
  rig.hub.publish()
  await rig.advance(1_000)
  assert.is(kernelText(rig), before)
  assert.is(rig.agent.status().overrides[0]?.state, 'dropped')
  await rig.stop()
})

test('the hub accepts it: the policy it became takes over without a gap', async () => {
  const rig = await online()
  const { override } = rig.agent.overrides.set(order())
  await rig.advance(100)
  rig.hub.put('policy/open-now', { name: 'open-now', spec: parseWith(specs.Policy, openPort) })
  verdict(rig, override.id, 'accepted')
  rig.hub.publish()
  for (let step = 0; step < 50; step++) {
    await rig.advance(20)
    assert.ok(isOpen(rig))
  }
  assert.is(rig.agent.status().overrides[0]?.state, 'accepted')
  assert.is(enforcedBy(rig), 'open-now')
  await rig.stop()
})

test('accepted by a revision that is watched first: it gives way at once, and ends once that is good', async () => {
  const confirm = { watchMs: 30_000 }
  const rig = await online({ extra: { confirm } })
  const { override } = rig.agent.overrides.set(order())
  await rig.advance(100)
  rig.hub.put('policy/open-now', { name: 'open-now', spec: parseWith(specs.Policy, openPort) })
  verdict(rig, override.id, 'accepted')
  rig.hub.publish()
  await rig.advance(2_000)
  assert.is(enforcedBy(rig), 'open-now')
  assert.is(rig.agent.status().overrides[0]?.state, 'active', 'it may still be needed')
  await rig.advance(60_000)
  assert.is(rig.agent.status().overrides[0]?.state, 'accepted')
  assert.ok(isOpen(rig))
  await rig.stop()
})

test('accepted by a revision that is taken back: the override is what it was', async () => {
  let answers = true
  const confirm: ConfirmDoors = { watchMs: 30_000, probes: ['tcp:10.0.0.5:502'], ask: async () => answers }
  const rig = await online({ extra: { confirm } })
  const { override } = rig.agent.overrides.set(order())
  await rig.advance(100)
  rig.hub.put('policy/shut', { name: 'shut', spec: parseWith(specs.Policy, { subject: { nodeSelector: {} } }) })
  verdict(rig, override.id, 'accepted')
  rig.hub.publish()
  await rig.advance(5_000)
  assert.not(isOpen(rig), 'the revision that is on trial says so')
  answers = false
  await rig.advance(40_000)
  assert.is(rig.agent.status().revision.applied.revision, 1)
  assert.ok(isOpen(rig))
  assert.is(rig.agent.status().overrides[0]?.state, 'active')
  await rig.stop()
})

test('the verdict on another node’s override is not for this one', async () => {
  const rig = await online()
  const { override } = rig.agent.overrides.set(order())
  verdict(rig, override.id, 'dropped', third.nodeId)
  rig.hub.publish()
  await rig.advance(1_000)
  assert.ok(isOpen(rig))
  await rig.stop()
})

test.run()
