// The agent between a broker, a kernel and a disk that are all made of maps, and a clock that moves when told.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeBroker } from '../shared/bus.fake.ts'
import { utf8 } from '../shared/bytes.ts'
import { FakeClock } from '../shared/effects.fake.ts'
import { openFact, sealFact } from '../shared/fact/fact.ts'
import { sha256, verify } from '../shared/host/crypto.ts'
import { parseNetworkId } from '../shared/ids.ts'
import { parseStatus, type StatusReport } from '../shared/wire/report.ts'
import { topics } from '../shared/wire/topics.ts'
import { agentRig, type Rig, type RigOptions } from './agent-rig.fake.ts'
import { FakeHub, testDevice, testNetwork } from './link/hub.fake.ts'

const test = suite('agent')
const me = testDevice('me', 1)
const other = testDevice('other', 2)
const third = testDevice('third', 3)

function codes(rig: Rig): string[] {
  return rig.agent.status().health.map((one) => one.code)
}

/** A network of two nodes at revision 1, and an agent on the first that holds it. */
function begin(options: Partial<RigOptions> = {}): Rig & { hub: FakeHub } {
  const hub = options.hub ?? new FakeHub().putNode(me).putNode(other)
  if (options.hub === undefined) hub.commit()
  const rig = agentRig({ hub, device: me, ...options })
  if (options.store === undefined) rig.cache()
  return Object.assign(rig, { hub })
}

/** As `begin`, with the hub there and the agent connected. */
async function online(options: Partial<RigOptions> = {}): Promise<Rig & { hub: FakeHub }> {
  const rig = begin(options)
  rig.hub.attach(rig.broker)
  await rig.advance(100)
  await rig.agent.start()
  await rig.advance(1_000)
  return rig
}

function lastStatus(rig: Rig): StatusReport {
  return parseStatus(rig.broker.retained(topics.node(testNetwork, me.nodeId, 'status')) ?? new Uint8Array())
}

function addresses(rig: Rig): readonly string[] {
  return rig.kernel.observe().link?.addresses ?? []
}

function peerCount(rig: Rig): number {
  return rig.kernel.observe().device?.peers.length ?? 0
}

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
  await rig.advance(20_000)
  assert.ok(codes(rig).includes('hub-unreachable'))
  await rig.stop()
})

test('a month without a hub: nothing is removed, timers and writes stay bounded', async () => {
  const rig = begin()
  rig.broker.setDown(true)
  await rig.agent.start()
  await rig.advance(60_000)
  const before = JSON.stringify(rig.kernel.observe())
  const since = rig.agent.status().modeSince
  await rig.advance(3_600_000)
  await rig.leap(30 * 24)
  assert.is(JSON.stringify(rig.kernel.observe()), before)
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

test('what someone deletes from the kernel is back within five seconds', async () => {
  const rig = await online()
  for (let choice = 0; choice < 5; choice++) {
    rig.kernel.vandalise(choice)
    assert.not.equal(await rig.agent.plan(), [], `vandalism ${choice} is seen`)
    await rig.advance(5_000)
    assert.equal(await rig.agent.plan(), [], `vandalism ${choice} is mended`)
  }
  await rig.stop()
})

test('killed and started again, there is nothing to do', async () => {
  const first = await online()
  first.hub.putNode(third).publish()
  await first.advance(1_000)
  const before = JSON.stringify(first.kernel.observe())
  first.kill()
  const { broker, clock, hub, kernel, store } = first
  const second = agentRig({ broker, clock, hub, kernel, store, device: me })
  assert.equal(await second.agent.plan(), [])
  await second.agent.start()
  assert.is(JSON.stringify(kernel.observe()), before)
  assert.equal(second.agent.status().revision.applied, { epoch: 1, revision: 2 })
  await second.stop()
  assert.is(JSON.stringify(kernel.observe()), before, 'stopping leaves the kernel alone')
})

test('a power cut between storing and applying is made good at the next start', async () => {
  const first = await online()
  first.kernel.dieAfterOps = 0
  first.hub.putNode(third).publish()
  await first.advance(1_000)
  assert.is(peerCount(first), 1)
  assert.equal(first.agent.status().revision, {
    held: { epoch: 1, revision: 2 },
    applied: { epoch: 1, revision: 1 },
    lastGood: { epoch: 1, revision: 1 },
  })
  first.kill()
  const { clock, hub, kernel, store } = first
  kernel.dieAfterOps = Number.POSITIVE_INFINITY
  const second = agentRig({ clock, hub, kernel, store, device: me })
  await second.agent.start()
  assert.is(peerCount(second), 2)
  await second.stop()
})

test('replayed, older, foreign and garbled words change nothing and are told', async () => {
  const rig = await online()
  const old = rig.hub.latest.head
  const oldDelta = rig.hub.snapshot()
  rig.hub.putNode(third).publish()
  await rig.advance(1_000)
  const before = JSON.stringify(rig.kernel.observe())
  const foreign = new FakeHub(parseNetworkId('otherneaaaaa'))
  foreign.commit()
  const lying = new FakeHub().putNode(me)
  lying.commit({ epoch: 9, revision: 9 })
  Object.assign(lying, { signer: testDevice('thief', 66).signer })
  lying.commit({ epoch: 9, revision: 10 })
  for (const payload of [old, old, foreign.latest.head, lying.latest.head, utf8('garbage')]) {
    rig.broker.inject({ topic: topics.head(testNetwork), payload })
    rig.broker.inject({ topic: topics.delta(testNetwork), payload: oldDelta })
    await rig.advance(5_000)
  }
  assert.is(JSON.stringify(rig.kernel.observe()), before)
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

test('removed from a newer set: no peers, the interface stays, and it is said; silence never does that', async () => {
  const rig = await online()
  rig.hub.remove('node/me').publish()
  await rig.advance(1_000)
  assert.is(peerCount(rig), 0)
  assert.ok(rig.kernel.observe().link !== undefined)
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
  assert.equal([...(rig.store.loadSet()?.records.keys() ?? [])].sort(), ['network/default', 'node/me', 'node/third'])
  assert.not.ok(codes(rig).includes('disk-full'))
  await rig.stop()
})

test('a kernel that refuses is told, tried again ever more rarely, and mended', async () => {
  const rig = begin()
  rig.kernel.failOps = 6
  await rig.agent.start()
  assert.ok(codes(rig).includes('apply-failed'))
  assert.equal(rig.agent.status().revision.applied, { epoch: 0, revision: 0 })
  await rig.advance(10_000)
  assert.not.ok(codes(rig).includes('apply-failed'))
  assert.equal(rig.agent.status().revision.applied, { epoch: 1, revision: 1 })
  await rig.stop()
})

test('the hub goes and comes: autonomous, then online, and the kernel never notices', async () => {
  const rig = await online()
  const before = JSON.stringify(rig.kernel.observe())
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
  assert.is(JSON.stringify(rig.kernel.observe()), before)
  await rig.stop()
})

test('a broker that turns the node away, or can’t prove itself, is a condition of its own', async () => {
  const rig = await online()
  rig.broker.refuse(me.nodeId, 'unauthenticated')
  await rig.advance(20_000)
  assert.ok(codes(rig).includes('hub-refused'))
  rig.broker.refuse(me.nodeId, 'untrusted')
  rig.broker.drop(me.nodeId)
  await rig.advance(20_000)
  assert.is(peerCount(rig), 1)
  await rig.stop()
})

test('since when a node is autonomous survives a restart', async () => {
  const first = await online()
  first.broker.setDown(true)
  await first.advance(60_000)
  const { modeSince } = first.agent.status()
  first.kill()
  const { broker, clock, hub, kernel, store } = first
  await first.advance(3_600_000)
  const second = agentRig({ broker, clock, hub, kernel, store, device: me })
  await second.agent.start()
  assert.is(second.agent.status().modeSince, modeSince)
  await second.stop()
})

test('the clock is raised to the floor before the kernel is touched', async () => {
  const rig = begin({ clock: new FakeClock(0) })
  const raised: number[] = []
  const again = agentRig({
    hub: rig.hub,
    device: me,
    clock: rig.clock,
    store: rig.store,
    extra: {
      raiseClock: async (floorMs) => {
        raised.push(floorMs, addresses(rig).length)
        rig.clock.setWall(floorMs)
        return { code: 'clock-raised', since: floorMs }
      },
    },
  })
  await again.agent.start()
  assert.equal(raised, [rig.hub.issuedAt, 0])
  assert.ok(codes(again).includes('clock-raised'))
  await again.stop()
})

test('a clock that may not be raised is told', async () => {
  const rig = begin({ clock: new FakeClock(0) })
  await rig.agent.start()
  assert.ok(codes(rig).includes('clock-behind'))
  assert.equal(addresses(rig), ['10.77.0.1/32'])
  await rig.stop()
})

test('the time floor is kept every ten minutes and at the end', async () => {
  const rig = await online()
  await rig.advance(25 * 60_000)
  const kept = Number(rig.store.get('time-floor'))
  assert.ok(rig.clock.now() - kept <= 10 * 60_000 + 5_000)
  await rig.stop()
  assert.ok(Number(rig.store.get('time-floor')) > kept)
})

test('each start counts, before the first word is said', async () => {
  const first = await online()
  assert.is(lastStatus(first).boot, 1)
  first.kill()
  const { broker, clock, hub, kernel, store } = first
  const second = agentRig({ broker, clock, hub, kernel, store, device: me })
  const started = second.agent.start()
  assert.is(store.get('boot'), '2')
  await started
  await second.stop()
})

test('a node that lost its counters outranks its own old word', async () => {
  const rig = begin()
  const old = sealFact(
    { node: me.nodeId, boot: 57, seq: 3, candidates: [], observed: [], relays: [], natType: 'unknown', at: 1 },
    me.signer,
    sha256,
  )
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

test('facts of peers lead to their endpoints; a forged one does not', async () => {
  const rig = await online()
  const topic = topics.node(testNetwork, other.nodeId, 'fact')
  const body = { node: other.nodeId, boot: 1, seq: 1, observed: [], relays: [], natType: 'unknown' as const, at: 1 }
  const candidate = (endpoint: string) => [{ kind: 'lan' as const, endpoint: endpoint as never }]
  const forged = sealFact({ ...body, seq: 9, candidates: candidate('192.168.1.66:1') }, third.signer, sha256)
  rig.broker.inject({ topic, payload: forged })
  await rig.advance(10_000)
  assert.is(rig.kernel.observe().device?.peers[0]?.endpoint, undefined)
  const honest = sealFact({ ...body, candidates: candidate('192.168.1.7:51820') }, other.signer, sha256)
  rig.broker.inject({ topic, payload: honest })
  await rig.advance(10_000)
  assert.is(rig.kernel.observe().device?.peers[0]?.endpoint, '192.168.1.7:51820')
  rig.handshakes.set(other.wgKey, rig.clock.now())
  await rig.advance(5_000)
  assert.equal(
    rig.agent.status().peers.map((peer) => [peer.name, peer.path]),
    [['other', 'lan']],
  )
  assert.is(lastStatus(rig).peersReachable, 1)
  await rig.stop()
})

test('an endpoint that worked is remembered for a start without anybody to ask', async () => {
  const first = await online()
  const fact = sealFact(
    {
      node: other.nodeId,
      boot: 1,
      seq: 1,
      candidates: [{ kind: 'public', endpoint: '203.0.113.7:51820' as never }],
      observed: [],
      relays: [],
      natType: 'none',
      at: 1,
    },
    other.signer,
    sha256,
  )
  first.broker.inject({ topic: topics.node(testNetwork, other.nodeId, 'fact'), payload: fact })
  await first.advance(5_000)
  first.handshakes.set(other.wgKey, first.clock.now())
  await first.advance(70_000)
  first.kill()
  const { clock, hub, store } = first
  for (const node of store.loadFacts().keys()) store.deleteFacts([node])
  const second = agentRig({ clock, hub, store, device: me })
  second.broker.setDown(true)
  await second.agent.start()
  assert.is(second.kernel.observe().device?.peers[0]?.endpoint, '203.0.113.7:51820')
  await second.stop()
})

test('a quiet hour costs the hub next to nothing', async () => {
  const rig = await online()
  rig.handshakes.set(other.wgKey, rig.clock.now())
  await rig.advance(10_000)
  const before = rig.broker.published.length
  for (let minute = 0; minute < 60; minute++) {
    rig.handshakes.set(other.wgKey, rig.clock.now())
    await rig.advance(60_000)
  }
  assert.ok(rig.broker.published.length - before <= 5, `${rig.broker.published.length - before} messages`)
  await rig.stop()
})

test.run()
