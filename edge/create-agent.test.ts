// The agent against a kernel, a broker and a clock that do what they are told: cache first, repair, autonomy.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../shared/address/cidr.ts'
import { FakeBroker } from '../shared/bus.fake.ts'
import { HoldfastError } from '../shared/errors.ts'
import {
  again,
  begin,
  codes,
  kernelText,
  lastStatus,
  me,
  online,
  other,
  peerCount,
  type Rig,
  shake,
  third,
} from './agent-rig.fake.ts'

const test = suite('agent')
const addresses = ({ kernel }: Rig): readonly string[] => [...(kernel.device?.addresses ?? [])]

test('starts from the cache: the kernel is programmed before any link is touched', async () => {
  const order: string[] = []
  const broker = new FakeBroker()
  const rig = begin({
    extra: {
      bus: (options) => {
        order.push(`link made with ${addresses(rig).join()}`)
        return broker.factory('me')(options)
      },
    },
  })
  await rig.agent.start()
  assert.equal(order, ['link made with 10.77.0.1/32'])
  await rig.stop()
})

test('a cold start reaches the whole set, says so, and plans nothing more', async () => {
  const rig = begin()
  rig.broker.setDown(true)
  await rig.agent.start()
  assert.equal(addresses(rig), ['10.77.0.1/32'])
  assert.is(peerCount(rig), 1)
  const status = rig.agent.status()
  assert.equal(status.revision.applied, { epoch: 1, revision: 1 })
  assert.is(status.mode, 'autonomous')
  assert.is(status.hub.connected, false)
  assert.equal(await rig.agent.plan(), [])
  assert.equal(rig.agent.addresses(), status.addresses)
  const [own, peer] = [status.addresses[0], status.peers[0]?.addresses[0]].map((address) =>
    rig.agent.hasPeerAt(address as Address),
  )
  assert.equal([own, peer], [false, true])
  await rig.advance(20_000)
  assert.ok(codes(rig).includes('hub-unreachable'))
  await rig.stop()
})

test('a month without a hub: nothing is removed, timers and writes stay bounded', async () => {
  const rig = begin()
  rig.broker.setDown(true)
  await rig.agent.start()
  await rig.advance(60_000)
  const before = kernelText(rig)
  const since = rig.agent.status().modeSince
  const ops = rig.kernel.journal.length
  await rig.advance(3_600_000)
  await rig.leap(30 * 24)
  assert.is(kernelText(rig), before)
  assert.is(rig.kernel.journal.length, ops, 'the kernel is not even touched')
  assert.ok(rig.timers() <= 4, `${rig.timers()} timers`)
  assert.is(rig.store.writes.set, 1)
  assert.ok(rig.store.writes.value <= 31 * 24 + 10, `${rig.store.writes.value} writes`)
  assert.ok(rig.store.writes.journal <= 10, `${rig.store.writes.journal} journal rows`)
  assert.is(rig.agent.status().modeSince, since)
  await rig.stop()
})

test('a change is applied and acknowledged within moments', async () => {
  const rig = await online()
  assert.is(rig.agent.status().mode, 'online')
  rig.hub.putNode(third).publish()
  await rig.advance(50)
  assert.is(peerCount(rig), 2)
  assert.equal(lastStatus(rig).revision.applied, { epoch: 1, revision: 2 })
  await rig.stop()
})

const vandalism: Readonly<Record<string, (rig: Rig) => unknown>> = {
  'the interface': ({ kernel }) => {
    kernel.device = undefined
  },
  'a peer': ({ kernel }) => kernel.device?.peers.clear(),
  'an address': ({ kernel }) => kernel.device?.addresses.clear(),
  'the policy': ({ kernel }) => {
    kernel.policy = undefined
    kernel.ruleset = undefined
  },
  'the allowed addresses of a peer': ({ kernel }) => {
    for (const [key, peer] of kernel.device?.peers ?? []) kernel.device?.peers.set(key, { ...peer, allowedIps: [] })
  },
}

for (const [what, harm] of Object.entries(vandalism)) {
  test(`${what} that someone takes from the kernel is back within five seconds`, async () => {
    const rig = await online()
    const before = kernelText(rig)
    harm(rig)
    assert.is.not(kernelText(rig), before)
    await rig.advance(5_000)
    assert.is(kernelText(rig), before)
    await rig.stop()
  })
}

test('a change that the kernel announces is mended in a moment', async () => {
  const rig = await online()
  const before = kernelText(rig)
  await rig.advance(1_000)
  rig.kernel.device?.addresses.clear()
  rig.kernel.ring()
  await rig.advance(600)
  assert.is(kernelText(rig), before)
  await rig.stop()
})

test('killed and started again: only the policy is set anew, to the very same text', async () => {
  const first = await online()
  first.hub.putNode(third).publish()
  await first.advance(1_000)
  const before = kernelText(first)
  first.kill()
  const done = first.kernel.journal.length
  const second = again(first)
  await second.agent.start()
  assert.equal(
    second.kernel.journal.slice(done).map((op) => op.op),
    ['policy-set', 'ruleset-set'],
  )
  assert.is(kernelText(second), before)
  assert.equal(second.agent.status().revision.applied, { epoch: 1, revision: 2 })
  await second.stop()
  assert.is(kernelText(second), before, 'stopping leaves the kernel alone')
})

test('killed between storing and applying, the next start makes it good', async () => {
  const first = await online()
  first.kernel.fault = () => new HoldfastError('failed', 'killed')
  first.hub.putNode(third).publish()
  await first.advance(1_000)
  assert.is(peerCount(first), 1)
  const { applied, held, lastGood, source } = first.agent.status().revision
  assert.is(source?.by, 'hub')
  assert.equal(
    [held, applied, lastGood].map(({ revision }) => revision),
    [2, 1, 1],
  )
  first.kill()
  first.kernel.fault = () => undefined
  const second = again(first, { broker: new FakeBroker() })
  second.broker.setDown(true)
  await second.agent.start()
  assert.is(peerCount(second), 2)
  await second.stop()
})

test('a kernel that refuses is told, tried again ever more rarely, and mended', async () => {
  const rig = begin()
  let refusals = 0
  rig.kernel.fault = (op) => (op.op === 'address-add' && refusals++ < 3 ? new HoldfastError('failed', 'no') : undefined)
  await rig.agent.start()
  assert.ok(codes(rig).includes('apply-failed'))
  assert.equal(rig.agent.status().revision.applied, { epoch: 0, revision: 0 })
  assert.is(peerCount(rig), 1, 'the rest is in force')
  await rig.advance(10_000)
  assert.not.ok(codes(rig).includes('apply-failed'))
  assert.equal(rig.agent.status().revision.applied, { epoch: 1, revision: 1 })
  await rig.stop()
})

test('a host without WireGuard is told apart', async () => {
  const rig = begin()
  rig.kernel.fault = (op) => (op.op === 'link-add' ? new HoldfastError('unsupported', 'no module') : undefined)
  await rig.agent.start()
  assert.ok(codes(rig).includes('no-wireguard'))
  await rig.stop()
})

test('the hub goes and comes: autonomous, then online, and the kernel never notices', async () => {
  const rig = await online()
  const before = kernelText(rig)
  rig.broker.setDown(true)
  await rig.advance(1)
  assert.is(rig.agent.status().mode, 'autonomous')
  assert.not.ok(codes(rig).includes('hub-unreachable'), 'not for a moment')
  await rig.advance(15_000)
  assert.ok(codes(rig).includes('hub-unreachable'))
  rig.broker.setDown(false)
  await rig.advance(5_000)
  assert.is(rig.agent.status().mode, 'online')
  assert.not.ok(codes(rig).includes('hub-unreachable'))
  assert.is(kernelText(rig), before)
  await rig.stop()
})

test('since when a node is autonomous survives a restart', async () => {
  const first = await online()
  first.broker.setDown(true)
  await first.advance(60_000)
  const { modeSince } = first.agent.status()
  first.kill()
  await first.advance(3_600_000)
  const second = again(first)
  await second.agent.start()
  assert.is(second.agent.status().modeSince, modeSince)
  await second.stop()
})

test('a broker that turns the node away is a condition of its own', async () => {
  const rig = await online()
  rig.broker.refuse(me.nodeId, 'unauthenticated')
  await rig.advance(20_000)
  assert.ok(codes(rig).includes('hub-refused'))
  assert.is(peerCount(rig), 1)
  await rig.stop()
})

test('a quiet hour costs the hub next to nothing', async () => {
  const rig = await online()
  shake(rig, other, '192.168.1.9:51820')
  await rig.advance(30_000)
  const before = rig.broker.published.length
  for (let minute = 0; minute < 60; minute++) {
    shake(rig, other)
    await rig.advance(60_000)
  }
  assert.ok(rig.broker.published.length - before <= 5, `${rig.broker.published.length - before} messages`)
  await rig.stop()
})

test.run()
