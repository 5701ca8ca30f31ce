// Nodes that gossip: newer intent and facts reach everybody who can be reached, by whatever way there is, verified as ever.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { attempt } from '../../shared/fuzz.fake.ts'
import type { Frame } from '../../shared/wire/frames.ts'
import { encodeState } from '../../shared/wire/gossip-state.ts'
import { FakeHub, type TestDevice, testDeflate, testDevice } from '../link/hub.fake.ts'
import { readCarried, writeCarried } from './carried.ts'
import { createFakeMesh } from './door.fake.ts'
import { createRigNode, factOf, type NodeOptions, type RigNode } from './gossip-rig.fake.ts'
import { encodeWord } from './words.ts'

const FILE = { by: 'file' } as const

interface World {
  readonly hub: FakeHub
  readonly clock: FakeClock
  readonly mesh: ReturnType<typeof createFakeMesh>
  readonly nodes: readonly RigNode[]
  readonly devices: readonly TestDevice[]
  at(index: number): RigNode
}

/** A network of `count` nodes at revision 1, of which the first relays. */
function worldOf(count: number, more: (index: number) => Partial<NodeOptions> = () => ({})): World {
  const hub = new FakeHub()
  const devices = Array.from({ length: count }, (_, index) => testDevice(`node-${index}`, index + 1))
  for (const [index, device] of devices.entries()) {
    hub.putNode(device, index === 0 ? { relay: { port: 3_478, tlsPort: 443 } } : {})
  }
  hub.commit()
  const [clock, mesh, snapshot] = [new FakeClock(), createFakeMesh(seededEntropy(5)), hub.snapshot()]
  const nodes = devices.map((device, index) => createRigNode({ hub, mesh, clock, device, snapshot, ...more(index) }))
  for (const node of nodes) node.gossip.start()
  const at = (index: number): RigNode => {
    const node = nodes[index]
    if (node === undefined) throw new TypeError('no such node')
    return node
  }
  return { hub, clock, mesh, nodes, devices, at }
}

function revisions({ nodes }: World): readonly number[] {
  return nodes.map((node) => node.revision())
}

test('one node takes newer intent from a file: all six have it in seconds, though half of all words are lost', async () => {
  const world = worldOf(6)
  const { clock, hub, mesh } = world
  await clock.advanceAsync(10_000)
  mesh.weather = { loss: 0.5, twice: 0.2, garble: 0.05, delayMsMax: 200 }
  hub.putNode(testDevice('new', 99)).commit()
  world.at(3).intake.offer('snapshot', hub.snapshot(), FILE)
  await clock.advanceAsync(10_000)
  assert.equal(revisions(world), [2, 2, 2, 2, 2, 2])
  const { last } = world.at(0).gossip.status()
  assert.ok(last !== undefined)
})

test('a little behind gets the steps that are missing, a month behind gets the whole', async () => {
  const world = worldOf(3)
  const { clock, hub, mesh } = world
  await clock.advanceAsync(5_000)
  const away = world.at(2).device.nodeId
  mesh.reach = (from, to) => from !== away && to !== away
  for (let i = 0; i < 3; i++) {
    hub.putNode(testDevice(`new-${i}`, 90 + i)).commit()
    world.at(0).intake.offer('snapshot', hub.snapshot(), FILE)
    await clock.advanceAsync(5_000)
  }
  assert.equal(revisions(world), [4, 4, 1])
  mesh.passed.frames.splice(0)
  mesh.reach = () => true
  world.at(2).unreachable.add(world.at(0).device.nodeId)
  world.at(2).gossip.follow()
  await clock.advanceAsync(130_000)
  assert.equal(revisions(world), [4, 4, 4])
  const kinds = (): readonly string[] => mesh.passed.frames.map(({ type }) => type).filter((type) => type !== 'fact')
  assert.ok(kinds().includes('delta') && !kinds().includes('snapshot'), kinds().join())
  mesh.passed.frames.splice(0)
  const late = createRigNode({
    hub,
    mesh,
    clock,
    device: world.at(2).device,
    snapshot: hub.snapshot(),
  })
  late.gossip.start()
  for (let i = 0; i < 70; i++) {
    hub.putNode(testDevice(`late-${i}`, 100 + i)).commit()
    world.at(0).intake.offer('delta', hub.delta({ epoch: 1, revision: 4 + i }) ?? new Uint8Array(), FILE)
  }
  await clock.advanceAsync(20_000)
  assert.is(late.revision(), 74)
  assert.ok(kinds().includes('snapshot'))
})

test('facts go round, and who was away learns them by comparing', async () => {
  const world = worldOf(5)
  const { clock } = world
  await clock.advanceAsync(10_000)
  for (const [index, node] of world.nodes.entries()) node.say(`198.51.100.${index}:51820`)
  await clock.advanceAsync(90_000)
  for (const node of world.nodes) assert.is(node.facts.facts.size, 4, node.device.name)
})

test('two that both moved find each other through the relay that both know', async () => {
  const world = worldOf(6)
  const { clock, mesh } = world
  await clock.advanceAsync(10_000)
  const [relay, one, two] = [world.at(0), world.at(4), world.at(5)]
  for (const node of [one, two]) {
    for (const other of world.nodes) if (other !== relay) node.unreachable.add(other.device.nodeId)
    node.gossip.follow()
  }
  mesh.reach = (from, to) =>
    [from, to].every((end) => end !== one.device.nodeId && end !== two.device.nodeId) ||
    [from, to].includes(relay.device.nodeId)
  one.say('198.51.100.4:1')
  await clock.advanceAsync(1_000)
  two.say('198.51.100.5:1')
  await clock.advanceAsync(5_000)
  assert.ok(one.facts.facts.has(two.device.nodeId) && two.facts.facts.has(one.device.nodeId))
})

test('a node that lost its boot counter learns what it has to exceed', async () => {
  const world = worldOf(3)
  const { clock } = world
  world.at(2).say('198.51.100.1:1', 7)
  await clock.advanceAsync(10_000)
  world.at(2).say('198.51.100.2:1', 1)
  await clock.advanceAsync(90_000)
  const { device, met } = world.at(2)
  assert.ok(met.length > 0)
  assert.is(world.at(1).facts.facts.get(device.nodeId)?.fact.boot, 7)
})

test('a removed node is sent away by whoever knows, hears nothing further, and its channel is closed', async () => {
  const world = worldOf(4)
  const { clock, hub } = world
  await clock.advanceAsync(10_000)
  hub.remove('node/node-3').commit()
  world.at(1).intake.offer('snapshot', hub.snapshot(), FILE)
  await clock.advanceAsync(5_000)
  assert.equal(revisions(world), [2, 2, 2, 1])
  const before = world.at(1).gossip.status().heard
  hub.putNode(testDevice('new', 99)).commit()
  world.at(0).intake.offer('snapshot', hub.snapshot(), FILE)
  world.at(3).say('198.51.100.1:1', 9)
  await clock.advanceAsync(120_000)
  assert.equal(revisions(world), [3, 3, 3, 1])
  assert.is(world.at(1).facts.facts.has(world.at(3).device.nodeId), false)
  assert.ok(world.at(1).gossip.status().heard >= before)
})

test('on a LAN a beacon is enough, before any tunnel is up', async () => {
  const world = worldOf(2, (index) => ({ lanHost: () => `192.168.1.${index + 1}` as Address }))
  const { clock, hub, mesh } = world
  const [one, two] = [world.at(0), world.at(1)]
  for (const [node, other] of [
    [one, two],
    [two, one],
  ] as const) {
    node.unreachable.add(other.device.nodeId)
    node.near.set(other.device.nodeId, { endpoints: [`192.168.1.${other === one ? 1 : 2}:51820` as never], heardAt: 0 })
    node.gossip.follow()
  }
  mesh.reach = (_from, _to, by) => by === 'lan'
  hub.putNode(testDevice('new', 99)).commit()
  one.intake.offer('snapshot', hub.snapshot(), FILE)
  await clock.advanceAsync(5_000)
  assert.equal(revisions(world), [2, 1])
  two.gossip.heardBeacon(one.device.nodeId, encodeState(one.holdings.state()))
  await clock.advanceAsync(5_000)
  assert.equal(revisions(world), [2, 2])
})

test('a peer that gives what does not verify, too much, or nothing is refused, and costs ever less', async () => {
  const world = worldOf(2)
  const { clock, mesh } = world
  const [victim, liar] = [world.at(0), world.at(1)]
  await clock.advanceAsync(5_000)
  await liar.gossip.stop()
  const forger = new FakeHub()
  forger.signer = forger.root
  forger.putNode(liar.device).commit({ epoch: 1, revision: 9 })
  const claimed = { ...victim.holdings.state(), version: { epoch: 1, revision: 9 } }
  const bomb = testDeflate(new Uint8Array(40 << 20))
  const answers: readonly (readonly Frame[])[] = [
    [{ type: 'snapshot', deflated: testDeflate(forger.snapshot()) }, { type: 'end' }],
    [{ type: 'snapshot', deflated: bomb }, { type: 'end' }],
    [{ type: 'delta', deflated: Uint8Array.of(1, 2, 3) }, { type: 'end' }],
    [{ type: 'end' }],
    [{ type: 'end' }, { type: 'end' }],
    [],
  ]
  let served = 0
  const door = mesh.door(liar.device.nodeId, clock)
  const address = liar.device.address as Address
  door.open({
    addresses: () => [address],
    keyOf: () => undefined,
    isNextDoor: () => true,
    onDatagram: () => undefined,
    onChannel(_caller, channel) {
      const frames = answers[served % answers.length] ?? []
      served += 1
      return {
        onFrame(frame) {
          if (frame.type !== 'state') return
          void channel.send({ type: 'state', state: claimed, stampsFollow: false })
          for (const one of frames) channel.send(one).catch(() => undefined)
        },
        onClosed: () => undefined,
      }
    },
  })
  for (let i = 0; i < 60; i++) {
    door.send(encodeWord({ type: 'hello', state: claimed }) ?? new Uint8Array(), victim.device.address as Address)
    await clock.advanceAsync(30_000)
  }
  assert.is(victim.revision(), 1)
  assert.ok(served >= answers.length && served < 20, `${served}`)
  assert.ok(victim.refused.length >= 2, victim.refused.join('\n'))
  assert.ok(victim.gossip.status().failed >= answers.length)
})

test('a flood of words from one member is cut short, and strangers are not heard at all', async () => {
  const world = worldOf(2)
  const { clock, mesh } = world
  await clock.advanceAsync(5_000)
  const hello = encodeWord({ type: 'hello', state: world.at(1).holdings.state() }) ?? new Uint8Array()
  const before = mesh.passed.datagrams
  for (let i = 0; i < 5_000; i++) mesh.inject(hello, world.at(1).device.address as Address, world.at(0).device.nodeId)
  for (let i = 0; i < 5_000; i++) mesh.inject(hello, '10.77.0.200' as Address, world.at(0).device.nodeId)
  await clock.advanceAsync(100)
  assert.ok(mesh.passed.datagrams - before < 100, `${mesh.passed.datagrams - before}`)
})

test('a file brings all that a node knows, and a damaged, cut or foreign one nothing', () => {
  const world = worldOf(2)
  const { hub } = world
  const [one, two] = [world.at(0), world.at(1)]
  hub.putNode(testDevice('new', 99)).commit()
  one.intake.offer('snapshot', hub.snapshot(), FILE)
  one.facts.offer(two.device.nodeId, factOf(two.device, '192.0.2.1:1', 1, 1).envelope)
  one.say('192.0.2.2:1')
  const file = writeCarried(one.holdings.holder(FILE, undefined))
  const holder = two.holdings.holder(FILE, undefined)
  const read = (bytes: Uint8Array) => attempt(() => readCarried(bytes, holder, hub.network))
  for (const bad of [
    file.subarray(0, -6),
    file.subarray(3),
    new Uint8Array(0),
    file.map((b, i) => (i === 200 ? b ^ 1 : b)),
  ]) {
    assert.ok(isHoldfastError(read(bad)), 'refused')
  }
  assert.is(two.revision(), 1)
  assert.is(read(file), true)
  assert.is(read(file), false)
  assert.equal([two.revision(), two.facts.facts.size], [2, 1])
})

test.run()
