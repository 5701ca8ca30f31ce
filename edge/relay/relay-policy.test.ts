// relayPolicy at the relay itself: whose traffic it may carry is its own matter, whatever nodes choose; what newer intent
// forbids ends at once, over UDP and over TLS.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeBroker } from '../../shared/bus.fake.ts'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { encodeStatus, parseStatus, type StatusReport } from '../../shared/wire/report.ts'
import { topics } from '../../shared/wire/topics.ts'
import { FakeHub, testDevice, testInflate, testNetwork } from '../link/hub.fake.ts'
import { createHealth } from '../report/health.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { openLocked } from '../trust/locked.fake.ts'
import { createAloneLink } from './alone-link.ts'
import { createMemberSets } from './member-set.ts'
import { alice, aliceAt, bob, bothBound, createRelayRig, refusedFor, watchBind } from './relay-rig.fake.ts'
import { createTlsRig, tlsPlace } from './tls-rig.fake.ts'

const relay = testDevice('relay', 9)
const ruled = (relayPolicy: readonly object[]) => ({
  name: 'default',
  spec: {
    cidr: '10.77.0.0/24',
    dnsDomain: 'mesh.internal',
    mtu: 1420,
    defaultPolicy: 'Allow',
    keepalive: 25,
    failover: 'normal',
    relayPolicy,
  },
})
const select = (labels: Readonly<Record<string, string>>) => ({ matchLabels: labels })
const swiss = [{ nodes: select({ country: 'ch' }), relays: select({ country: 'ch' }) }]

/** A relay's own copy of the network’s intent, kept by its hub link. */
function scene(relayCountry = 'ch') {
  const clock = new FakeClock()
  const broker = new FakeBroker({ clock, latencyMs: 5, retryMs: 1_000 })
  const hub = new FakeHub().putNode(relay, { labels: { country: relayCountry } })
  hub.putNode(alice, { labels: { country: 'ch' } }).putNode(bob, { labels: { country: 'de' } })
  hub.commit()
  hub.attach(broker)
  const store = new MemoryStore()
  const log = memoryLog()
  const holding = openLocked(hub.anchors, store)
  let news = 0
  const host: StatusReport['host'] = { os: 'x', kernel: 'x', arch: 'x', wireguard: 'none' }
  const identity = { nodeId: relay.nodeId, network: { id: testNetwork, name: 'default' } } as never
  const link = createAloneLink({
    identity,
    anchors: hub.anchors,
    holding,
    health: createHealth({ clock }),
    boot: 3,
    host,
    inflate: testInflate,
    bus: broker.factory('relay'),
    clock,
    entropy: seededEntropy(5),
    log,
    onIntent: () => void (news += 1),
  })
  const members = createMemberSets(holding, relay.nodeId)
  return {
    broker,
    clock,
    holding,
    hub,
    link,
    members,
    store,
    news: () => news,
    carries: (a = alice, b = bob) => members()?.carries?.(a.nodeId, b.nodeId),
    reported: () =>
      parseStatus(broker.retained(topics.node(testNetwork, relay.nodeId, 'status')) ?? encodeStatus({} as never)),
  }
}

/** Goodbyes take time that has to pass. */
async function ended(stopping: Promise<void>, clock: FakeClock): Promise<void> {
  await clock.advanceAsync(5_000)
  await stopping
}

test('a relay alone follows the hub, keeps what it heard, reports what it runs, and goes on without the hub', async () => {
  const { broker, clock, hub, link, members, news, reported, store } = scene()
  await clock.advanceAsync(100)
  link.start()
  await clock.advanceAsync(20_000)
  assert.is(members()?.keyOf(alice.nodeId), alice.deviceKey)
  assert.equal(reported().revision.applied, { epoch: 1, revision: 1 })
  hub.remove('node/alice')
  hub.publish()
  await clock.advanceAsync(1_000)
  assert.is(members()?.keyOf(alice.nodeId), undefined)
  assert.is(news(), 2)
  await clock.advanceAsync(6_000)
  assert.equal([reported().revision.applied.revision, reported().boot], [2, 3])
  broker.setDown(true)
  await clock.advanceAsync(3_600_000)
  assert.is(members()?.version.revision, 2)
  // The next start has no hub either.
  const again = openLocked(hub.anchors, store)
  again.load()
  const kept = createMemberSets(again, relay.nodeId)()
  assert.equal(
    [kept?.version.revision, kept?.keyOf(alice.nodeId), kept?.keyOf(bob.nodeId)],
    [2, undefined, bob.deviceKey],
  )
  await ended(link.stop(), clock)
})

test('the rules of the network, as this relay has to hold to them', async () => {
  for (const [country, rules, expected] of [
    ['de', [], true],
    ['de', swiss, false],
    ['ch', swiss, true],
    ['de', [{ relays: select({ country: 'ch' }) }], false],
  ] as const) {
    const { carries, clock, hub, link } = scene(country)
    hub.put('network/default', ruled(rules))
    hub.commit()
    await clock.advanceAsync(100)
    link.start()
    await clock.advanceAsync(20_000)
    assert.is(carries(), expected, `${country} ${JSON.stringify(rules)}`)
    // To and from itself, and two that no rule speaks of.
    if (country === 'de' && rules === swiss) {
      assert.is(carries(relay, bob), true)
      assert.is(carries(relay, alice), false)
    }
    // Of a stranger nobody knows where its data may go.
    assert.is(carries(testDevice('new', 7), bob), rules.length === 0)
    await ended(link.stop(), clock)
  }
})

const onlyWith = (allowed: boolean) => ({
  version: { epoch: 1, revision: 9 },
  keyOf: (node: string) => [alice, bob].find(({ nodeId }) => nodeId === node)?.deviceKey,
  carries: () => allowed,
})

test('a bind that the rules forbid is refused, and bound sessions end with the next sweep', async () => {
  const rig = await createRelayRig()
  rig.members = onlyWith(false)
  const toBob = watchBind(rig.client(alice, aliceAt), bob)
  await rig.pass(100)
  assert.is(toBob.endpoint(), undefined)
  assert.ok(((await refusedFor(rig))['forbidden'] ?? 0) > 0)

  const bound = await bothBound()
  const before = (await bound.rig.relay().metrics()).sessions.length
  bound.rig.members = onlyWith(false)
  bound.rig.relay().sweep()
  await bound.rig.pass(10)
  assert.equal([before, (await bound.rig.relay().metrics()).sessions.length], [1, 0])
  const held = [...bound.rig.kernel.held.values()].flatMap(({ ends }) => ends.filter((end) => end !== undefined))
  assert.equal(held, [])
})

test('who is removed loses its sessions, also those that an earlier process of the relay opened', async () => {
  const without = (revision: number) => ({
    version: { epoch: 1, revision },
    keyOf: (node: string) => (node === alice.nodeId ? alice.deviceKey : undefined),
  })
  for (const restarted of [false, true]) {
    const { rig } = await bothBound()
    rig.members = onlyWith(true)
    if (restarted) await rig.restart()
    const ends = () => [...rig.kernel.held.values()].map(({ ends: held }) => held.filter(Boolean).length)
    rig.relay().sweep()
    await rig.pass(10)
    assert.equal(ends(), [2], 'members stay')
    rig.members = without(10)
    rig.relay().sweep()
    await rig.pass(10)
    assert.equal(ends(), [1], restarted ? 'taken over' : 'bound here')
  }
})

test('whom a restarted relay does not know yet binds again with its newer capability', async () => {
  const { rig } = await bothBound()
  rig.members = { version: { epoch: 1, revision: 0 }, keyOf: () => undefined }
  await rig.restart()
  await rig.pass(60_000)
  assert.equal(
    [...rig.kernel.held.values()].map(({ ends }) => ends.filter(Boolean).length),
    [2],
  )
  assert.is((await rig.relay().metrics()).bound, 2)
})

test('by TLS a channel that the rules forbid is refused, and open ones are closed; the connection stays', async () => {
  const rig = createTlsRig()
  rig.setMembers(onlyWith(true))
  const [a, b] = [rig.node(alice), rig.node(bob)]
  for (const [node, peer] of [
    [a, bob],
    [b, alice],
  ] as const)
    node.client.want(peer.nodeId, [tlsPlace])
  await rig.pass(100)
  a.say(a.endpoint(bob), 'before')
  await rig.pass(10)
  assert.equal(
    b.heard.map(([, text]) => text),
    ['before'],
  )
  rig.setMembers(onlyWith(false))
  rig.relay().sweep()
  await rig.pass(10)
  assert.equal([a.endpoint(bob), b.endpoint(alice)], [undefined, undefined])
  assert.equal([rig.relay().metrics().connections, rig.relay().metrics().channels], [2, 0])
  await rig.pass(60_000)
  assert.is(rig.relay().metrics().channels, 0)
  rig.setMembers(onlyWith(true))
  await rig.pass(60_000)
  assert.ok(a.endpoint(bob) !== undefined)
  a.client.close()
  b.client.close()
})

test.run()
