// An agent on a LAN without anybody else: what a neighbour's beacon says is in the kernel at once.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress, parseCidr } from '../shared/address/cidr.ts'
import { FakeClock, seededEntropy } from '../shared/effects.fake.ts'
import { openFact } from '../shared/fact/fact.ts'
import { sha256, verify } from '../shared/host/crypto.ts'
import { begin, me, other, type Rig, third } from './agent-rig.fake.ts'
import { createBeaconCodec } from './lan/beacon.ts'
import { createSegment, type FakeSegment, factAt, localAt, testCrypto } from './lan/lan.fake.ts'
import { type TestDevice, testNetwork } from './link/hub.fake.ts'

const test = suite('agent lan')
const codec = createBeaconCodec({ network: testNetwork, crypto: testCrypto, entropy: seededEntropy(1) })
const endpointOf = ({ kernel }: Rig, device: TestDevice): string | undefined =>
  kernel.device?.peers.get(device.wgKey)?.endpoint

interface Scene {
  readonly rig: Rig
  readonly segment: FakeSegment
}

/** An agent whose hub is away. */
async function alone(): Promise<Scene> {
  const segment = createSegment()
  const socket = segment.socket(() => '192.168.1.5' as Address)
  const rig = begin({ clock: new FakeClock(), extra: { lan: { socket, crypto: testCrypto } } })
  rig.broker.setDown(true)
  await rig.agent.start()
  await rig.advance(1_000)
  return { rig, segment }
}

function hear({ rig, segment }: Scene, device: TestDevice, address: string, seq: number): void {
  const keys = [rig.hub.signer.publicKey]
  for (const bytes of codec.seal(keys, { kind: 'call', node: device.nodeId, fact: factAt(device, address, seq) })) {
    segment.inject(bytes, address)
  }
}

test('a neighbour’s word leads to its endpoint within a moment, and again when it moves', async () => {
  const scene = await alone()
  const { rig } = scene
  assert.is(endpointOf(rig, other), undefined)
  hear(scene, other, '192.168.1.7', 1)
  await rig.advance(100)
  assert.is(endpointOf(rig, other), '192.168.1.7:51820')
  await rig.advance(10_000)
  hear(scene, other, '192.168.1.8', 2)
  await rig.advance(100)
  assert.is(endpointOf(rig, other), '192.168.1.8:51820')
  hear(scene, other, '192.168.1.7', 1)
  await rig.advance(10_000)
  assert.is(endpointOf(rig, other), '192.168.1.8:51820')
  await rig.stop()
})

test('who has no record gets no endpoint and no answer', async () => {
  const scene = await alone()
  const before = scene.segment.said.length
  hear(scene, third, '192.168.1.9', 1)
  await scene.rig.advance(400)
  assert.is(endpointOf(scene.rig, third), undefined)
  assert.is(scene.segment.said.slice(before).filter(({ to }) => to !== undefined).length, 0)
  await scene.rig.stop()
})

test('says its own fact before any hub was reached, and at once when its address changes', async () => {
  const { rig, segment } = await alone()
  const told = (): string | undefined => {
    const beacon = codec.open([rig.hub.signer.publicKey], segment.said.at(-1)?.bytes ?? new Uint8Array())
    const fact = openFact(beacon?.fact ?? new Uint8Array(), me.nodeId, me.deviceKey, verify, sha256)
    return fact.candidates.map(({ endpoint }) => endpoint).join()
  }
  assert.is(told(), '192.168.1.5:51820')
  rig.kernel.local = [localAt('192.168.1.55')]
  rig.agent.wake()
  await rig.advance(700)
  assert.is(told(), '192.168.1.55:51820')
  await rig.stop()
})

test('no word where there is no link for it', async () => {
  const { rig, segment } = await alone()
  const address = parseAddress('100.64.1.2')
  rig.kernel.local = [
    { interface: 'wwan0', address, cidr: parseCidr('100.64.1.0/24'), physical: true, pointToPoint: true },
    { interface: 'docker0', address: parseAddress('172.17.0.1'), cidr: parseCidr('172.17.0.0/16'), physical: false },
  ]
  rig.agent.wake()
  await rig.advance(1_000)
  const before = segment.said.length
  await rig.advance(120_000)
  assert.is(segment.said.length, before)
  await rig.stop()
})

test('a stopped agent says nothing and leaves no timer', async () => {
  const { rig, segment } = await alone()
  await rig.stop()
  const before = segment.said.length
  await rig.advance(120_000)
  assert.is(segment.said.length, before)
})

test.run()
