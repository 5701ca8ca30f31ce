// Where peers are: facts of others, this node's own fact, and endpoints that are remembered.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress, parseCidr } from '../shared/address/cidr.ts'
import type { Endpoint } from '../shared/address/endpoint.ts'
import { type Fact, openFact, sealFact } from '../shared/fact/fact.ts'
import { podsIn } from '../shared/fact/pod-table.ts'
import { sha256, verify } from '../shared/host/crypto.ts'
import { topics } from '../shared/wire/topics.ts'
import { again, begin, lastStatus, me, online, other, type Rig, shake, third } from './agent-rig.fake.ts'
import { type TestDevice, testNetwork } from './link/hub.fake.ts'
import { FakeCluster, fakePod } from './pods/cluster.fake.ts'

const test = suite('agent facts')
const endpointOf = ({ kernel }: Rig, device: TestDevice): string | undefined =>
  kernel.device?.peers.get(device.wgKey)?.endpoint

function factOf(device: TestDevice, seq: number, part: Partial<Fact>): Uint8Array {
  const body: Fact = {
    node: device.nodeId,
    boot: 1,
    seq,
    candidates: [],
    observed: [],
    relays: [],
    natType: 'unknown',
    at: 1,
    ...part,
  }
  return sealFact(body, device.signer, sha256)
}

function say(rig: Rig, device: TestDevice, payload: Uint8Array): void {
  rig.broker.inject({ topic: topics.node(testNetwork, device.nodeId, 'fact'), payload, retain: true })
}

function ownFact(rig: Rig): Fact {
  const envelope = rig.broker.retained(topics.node(testNetwork, me.nodeId, 'fact')) ?? new Uint8Array()
  return openFact(envelope, me.nodeId, me.deviceKey, verify, sha256)
}

test('facts of peers lead to their endpoints; forged and older ones don’t', async () => {
  const rig = await online()
  const at = (endpoint: string) => ({ candidates: [{ kind: 'lan' as const, endpoint: endpoint as Endpoint }] })
  const forged = factOf({ ...third, nodeId: other.nodeId }, 9, at('192.168.1.66:1'))
  say(rig, other, forged)
  await rig.advance(10_000)
  assert.is(endpointOf(rig, other), undefined)
  say(rig, other, factOf(other, 5, at('192.168.1.7:51820')))
  await rig.advance(10_000)
  assert.is(endpointOf(rig, other), '192.168.1.7:51820')
  say(rig, other, factOf(other, 4, at('192.168.1.8:51820')))
  await rig.advance(20_000)
  assert.is(endpointOf(rig, other), '192.168.1.7:51820')
  shake(rig, other)
  await rig.advance(6_000)
  assert.equal(
    rig.agent.status().peers.map((peer) => [peer.name, peer.path]),
    [['other', 'lan']],
  )
  assert.is(lastStatus(rig).peersReachable, 1)
  await rig.stop()
})

test('a fact that comes before its node’s record waits for it', async () => {
  const rig = await online()
  say(rig, third, factOf(third, 1, { candidates: [{ kind: 'public', endpoint: '203.0.113.9:51820' as Endpoint }] }))
  await rig.advance(1_000)
  rig.hub.putNode(third).publish()
  await rig.advance(5_000)
  assert.is(endpointOf(rig, third), '203.0.113.9:51820')
  await rig.stop()
})

test('facts of nodes that left are forgotten, on disk too', async () => {
  const rig = await online()
  say(rig, other, factOf(other, 1, {}))
  await rig.advance(70_000)
  assert.is(rig.store.loadFacts().size, 1)
  rig.hub.remove('node/other').publish()
  await rig.advance(70_000)
  assert.is(rig.store.loadFacts().size, 0)
  await rig.stop()
})

test('an endpoint that worked is remembered for a start without anybody to ask', async () => {
  const first = await online()
  say(first, other, factOf(other, 1, { candidates: [{ kind: 'public', endpoint: '203.0.113.7:51820' as Endpoint }] }))
  await first.advance(5_000)
  shake(first, other)
  await first.advance(70_000)
  first.kill()
  first.store.deleteFacts([other.nodeId])
  const fresh = begin({ store: first.store, clock: first.clock, hub: first.hub })
  fresh.broker.setDown(true)
  await fresh.agent.start()
  assert.is(endpointOf(fresh, other), '203.0.113.7:51820')
  await fresh.stop()
})

test('a node that is silent is looked for at all its candidates, and left alone once it answers', async () => {
  const rig = await online()
  const candidates = ['203.0.113.1:1', '203.0.113.2:2', '203.0.113.3:3'].map((endpoint) => ({
    kind: 'public' as const,
    endpoint: endpoint as Endpoint,
  }))
  say(rig, other, factOf(other, 1, { candidates }))
  const tried = new Set<string | undefined>()
  for (let i = 0; i < 10; i++) {
    await rig.advance(4_000)
    tried.add(endpointOf(rig, other))
  }
  assert.is(tried.size, 3)
  shake(rig, other, '198.51.100.1:7777')
  await rig.advance(60_000)
  assert.is(endpointOf(rig, other), '198.51.100.1:7777')
  await rig.stop()
})

test('a peer that is switched off for long costs few operations', async () => {
  const rig = await online()
  const candidates = ['203.0.113.1:1', '203.0.113.2:2'].map((endpoint) => ({
    kind: 'public' as const,
    endpoint: endpoint as Endpoint,
  }))
  say(rig, other, factOf(other, 1, { candidates }))
  await rig.advance(600_000)
  const before = rig.kernel.journal.length
  await rig.advance(3_600_000)
  assert.ok(rig.kernel.journal.length - before <= 60, `${rig.kernel.journal.length - before} operations an hour`)
  await rig.stop()
})

test('says its LAN addresses, and from where it sees peers only if no NAT stands in front of it', async () => {
  const rig = await online()
  shake(rig, other, '198.51.100.4:40000')
  await rig.advance(30_000)
  assert.equal(ownFact(rig).candidates, [{ kind: 'lan', endpoint: '192.168.1.5:51820' }])
  assert.equal(ownFact(rig).observed, [])
  const physical = { interface: 'eth1', physical: true }
  rig.kernel.local.push({ ...physical, address: parseAddress('203.0.113.50'), cidr: parseCidr('203.0.113.0/24') })
  await rig.advance(30_000)
  assert.equal(
    ownFact(rig).candidates.map((one) => one.kind),
    ['public', 'lan'],
  )
  assert.equal(ownFact(rig).observed, [{ node: other.nodeId, endpoint: '198.51.100.4:40000' as Endpoint }])
  await rig.stop()
})

test('what a public node sees of a peer leads to the peer', async () => {
  const rig = await online()
  rig.hub.putNode(third).publish()
  await rig.advance(1_000)
  const observed = [{ node: other.nodeId, endpoint: '198.51.100.4:40000' as Endpoint }]
  say(rig, third, factOf(third, 1, { observed, natType: 'none' }))
  await rig.advance(5_000)
  assert.is(endpointOf(rig, other), '198.51.100.4:40000')
  await rig.stop()
})

test('a public endpoint with a DNS name is asked for in the background, and its absence holds nothing up', async () => {
  let asked = 0
  let answer: readonly Address[] = []
  const rig = await online({
    extra: {
      resolve: async () => {
        asked += 1
        return answer
      },
    },
  })
  rig.hub.putNode(third, { publicEndpoint: 'gw.example.org:51820' }).publish()
  say(rig, third, factOf(third, 1, { candidates: [{ kind: 'lan', endpoint: '172.31.0.9:51820' as Endpoint }] }))
  await rig.advance(60_000)
  assert.is(endpointOf(rig, third), '172.31.0.9:51820')
  answer = [parseAddress('203.0.113.80')]
  const tried = new Set<string | undefined>()
  for (let i = 0; i < 15; i++) {
    await rig.advance(4_000)
    tried.add(endpointOf(rig, third))
  }
  assert.ok(tried.has('203.0.113.80:51820'))
  const before = asked
  await rig.advance(600_000)
  assert.ok(asked - before <= 2, `${asked - before} questions in ten minutes`)
  await rig.stop()
})

test('what packets are decided by is told at once, however much else was told just before', async () => {
  const cluster = new FakeCluster()
  cluster.put('namespaces', { metadata: { name: 'shop' } })
  const rig = await online({ extra: { pods: { source: '/kubeconfig', open: async () => cluster } } })
  rig.hub.putNode(me, { advertise: ['10.42.1.0/24'] }).publish()
  /** Uses up what may follow quickly, and says something more. */
  const move = async (): Promise<void> => {
    for (let host = 20; host < 30; host++) {
      const address = parseAddress(`192.168.1.${host}`)
      rig.kernel.local = [{ interface: 'eth0', address, cidr: parseCidr('192.168.1.0/24'), physical: true }]
      rig.agent.wake()
      await rig.advance(400)
    }
  }
  const told = (): unknown[] => {
    const { candidates, leaving, podTable } = ownFact(rig)
    const pods = podTable === undefined ? [] : podsIn(podTable)
    return [candidates[0]?.endpoint, pods.map(({ name }) => name).join(), leaving]
  }
  await rig.advance(60_000)
  await move()
  assert.is(told()[0] === '192.168.1.29:51820', false, 'a move alone waits for its turn')
  cluster.put('pods', fakePod('web', '10.42.1.11'))
  await rig.advance(500)
  assert.equal(told(), ['192.168.1.29:51820', 'web', undefined])
  await rig.advance(60_000)
  await move()
  rig.agent.drain.set(true)
  await rig.advance(500)
  assert.equal(told(), ['192.168.1.29:51820', 'web', true])
  await rig.stop()
})

test('a node’s own fact counts on across restarts', async () => {
  const first = await online()
  await first.advance(10_000)
  assert.equal([ownFact(first).boot, ownFact(first).seq], [1, 1])
  first.kill()
  const second = again(first)
  await second.agent.start()
  await second.advance(10_000)
  assert.equal([ownFact(second).boot, ownFact(second).seq], [2, 1])
  await second.stop()
})

test.run()
