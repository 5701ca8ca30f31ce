// An agent whose peers change their device keys, and which changes its own: each is believed under the newest key that it has
// heard of, and its former key is worth nothing from then on.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../shared/address/cidr.ts'
import { type Fact, openFact, sealFact } from '../shared/fact/fact.ts'
import { sha256, verify } from '../shared/host/crypto.ts'
import { fakeLock, signLock, signMember } from '../shared/host/lock-keys.fake.ts'
import type { DeviceKey } from '../shared/ids.ts'
import { leadBy, signDeviceLink, splitLed } from '../shared/record/device-link.ts'
import { trustedKeys } from '../shared/record/envelope.ts'
import { openCapability } from '../shared/wire/capability.ts'
import { topics } from '../shared/wire/topics.ts'
import { again, begin, me, online, other, type Rig } from './agent-rig.fake.ts'
import { deviceFiles } from './keys/device-files.fake.ts'
import { type TestDevice, testDevice, testNetwork } from './link/hub.fake.ts'

const test = suite('agent device key')
const [next, thief] = [testDevice('next', 21), testDevice('thief', 22)]
const HOUR = 3_600_000

const linkTo = (to: TestDevice, serial = 1): Uint8Array =>
  signDeviceLink(serial, other.signer, to.signer, { network: testNetwork, node: other.nodeId })

/** `other` says something, under `by`, with `links` in front. `port` tells one word from another. */
async function say(
  rig: Rig,
  by: TestDevice,
  { boot = 1, links = [], port, seq }: { boot?: number; links?: readonly Uint8Array[]; port: number; seq: number },
): Promise<void> {
  const candidates = [{ kind: 'lan', endpoint: `192.168.1.9:${port}` }] as never
  const fact: Fact = { node: other.nodeId, boot, seq, candidates, observed: [], relays: [], natType: 'unknown', at: 1 }
  const payload = leadBy(links, sealFact(fact, by.signer, sha256))
  rig.broker.inject({ topic: topics.node(testNetwork, other.nodeId, 'fact'), payload, retain: true })
  await rig.advance(70_000)
}

/** What is kept of `other`, whoever signed it. */
function believed({ store }: Rig): readonly string[] {
  const envelope = new Map(store.loadFacts()).get(other.nodeId)
  if (envelope === undefined) return []
  const { envelope: signed } = splitLed(envelope)
  return [other, next, thief].flatMap(({ deviceKey }) => {
    try {
      const fact = openFact(signed, other.nodeId, deviceKey, verify, sha256)
      return fact.candidates.map(({ endpoint }) => endpoint)
    } catch {
      return []
    }
  })
}

test('links in front of a fact count at once, and the former key proves nothing any more', async () => {
  const rig = await online()
  await say(rig, other, { port: 1, seq: 9 })
  assert.equal(believed(rig), ['192.168.1.9:1'])
  await say(rig, next, { port: 2, seq: 1, links: [linkTo(next)] })
  assert.equal(believed(rig), ['192.168.1.9:2'], 'however far the former one had counted')
  await say(rig, other, { port: 3, seq: 99 })
  assert.equal(believed(rig), ['192.168.1.9:2'])
  await rig.stop()
  const later = again(rig)
  await later.agent.start()
  await say(later, other, { boot: 5, port: 4, seq: 1 })
  assert.equal(believed(later), ['192.168.1.9:2'], 'and it stays there over a restart')
  await say(later, next, { boot: 6, port: 5, seq: 1 })
  assert.equal(believed(later), ['192.168.1.9:5'])
  await later.stop()
})

test('facts under the former key count until the new one is known', async () => {
  const rig = await online()
  await say(rig, next, { port: 2, seq: 5 })
  assert.equal(believed(rig), [], 'nobody has said that it follows')
  await say(rig, other, { port: 3, seq: 6 })
  assert.equal(believed(rig), ['192.168.1.9:3'])
  rig.hub.putNode(other, { deviceKey: next.deviceKey, deviceSerial: 1 }).publish()
  await rig.advance(10_000)
  await say(rig, other, { port: 4, seq: 7 })
  assert.equal(believed(rig), ['192.168.1.9:3'], 'the record carries the new one')
  await say(rig, next, { port: 5, seq: 1 })
  assert.equal(believed(rig), ['192.168.1.9:5'])
  await rig.stop()
})

const codes = ({ agent }: Rig): readonly string[] => agent.status().health.map(({ code }) => code)

test('of two that follow one key the first counts, people are told, and the hub decides', async () => {
  const rig = await online()
  await say(rig, next, { port: 1, seq: 1, links: [linkTo(next)] })
  assert.not.ok(codes(rig).includes('device-key-forked'))
  await say(rig, thief, { port: 2, seq: 9, links: [linkTo(thief)] })
  assert.equal(believed(rig), ['192.168.1.9:1'])
  assert.ok(codes(rig).includes('device-key-forked'))
  rig.hub.putNode(other, { deviceKey: thief.deviceKey, deviceSerial: 1 }).publish()
  await rig.advance(70_000)
  assert.not.ok(codes(rig).includes('device-key-forked'))
  await say(rig, thief, { port: 3, seq: 10 })
  assert.equal(believed(rig), ['192.168.1.9:3'])
  await rig.stop()
})

test('the peer’s place in WireGuard does not change, and no operation touches it', async () => {
  const rig = await online()
  await say(rig, other, { port: 1, seq: 1 })
  const from = rig.kernel.journal.length
  await say(rig, next, { port: 1, seq: 1, links: [linkTo(next)] })
  rig.hub.putNode(other, { deviceKey: next.deviceKey, deviceSerial: 1 }).publish()
  await rig.advance(30_000)
  assert.equal(
    rig.kernel.journal.slice(from).flatMap(({ op }) => (op.startsWith('peer') ? [op] : [])),
    [],
  )
  await rig.stop()
})

/** What this device said last, and under which key. */
function said({ broker }: Rig): { readonly key: DeviceKey; readonly links: number } | undefined {
  const bytes = broker.retained(topics.node(testNetwork, me.nodeId, 'fact')) ?? new Uint8Array()
  const { envelope, links } = splitLed(bytes)
  const key = [me.deviceKey, ...links.map((link) => link.next)].find((one) => {
    try {
      return openFact(envelope, me.nodeId, one, verify, sha256).node === me.nodeId
    } catch {
      return false
    }
  })
  return key === undefined ? undefined : { key, links: links.length }
}

function rotating(): { readonly files: ReturnType<typeof deviceFiles>; readonly extra: object } {
  const files = deviceFiles(me)
  return { files, extra: { deviceFiles: files, signer: files.signer } }
}

test('the own key changes at once, what led to it goes along, and the former secret ends an hour after the record has the new one', async () => {
  const { extra, files } = rotating()
  const rig = await online({ extra })
  await rig.advance(15_000)
  const { device } = rig.agent.rotateDeviceKey()
  assert.equal([device.serial, device.inIntent, device.formerKept], [1, false, true])
  await rig.advance(20_000)
  assert.equal(said(rig), { key: device.key, links: 1 })
  await rig.advance(2 * HOUR)
  assert.is(rig.agent.keys().device.formerKept, true, 'the record does not have it yet')
  rig.hub.putNode(me, { deviceKey: device.key, deviceSerial: 1 }).publish()
  await rig.advance(20_000)
  assert.is(rig.agent.keys().device.inIntent, true)
  await rig.advance(2 * HOUR)
  assert.is(rig.agent.keys().device.formerKept, false)
  assert.is(files.signerOf(me.deviceKey), undefined)
  assert.is(rig.agent.status().nodeId, me.nodeId)
  await rig.stop()
})

test('relays are shown a capability for the key of the record, and asked for anew when that changes', async () => {
  const { extra } = rotating()
  const rig = await online({ extra })
  await rig.advance(15_000)
  const { device } = rig.agent.rotateDeviceKey()
  rig.hub.putNode(me, { deviceKey: device.key, deviceSerial: 1 }).publish()
  await rig.advance(20_000)
  const envelope = Buffer.from(rig.store.get('capability') ?? '', 'base64')
  const { deviceKey } = openCapability(envelope, trustedKeys([rig.hub.signer.publicKey], sha256), verify)
  assert.is(deviceKey, device.key)
  await rig.stop()
})

test('cut off before the change, the next start makes it', async () => {
  const { extra, files } = rotating()
  files.prepare(0)
  const rig = begin({ extra })
  rig.hub.attach(rig.broker)
  await rig.agent.start()
  await rig.advance(20_000)
  assert.is(files.read().current.serial, 1)
  assert.is(said(rig)?.key, files.read().current.key)
  await rig.stop()
})

test('a hub that was restored to before the change is led on again', async () => {
  const { extra } = rotating()
  const rig = await online({ extra })
  const { device } = rig.agent.rotateDeviceKey()
  rig.hub.putNode(me, { deviceKey: device.key, deviceSerial: 1 }).publish()
  await rig.advance(3 * HOUR)
  rig.hub.putNode(me).publish()
  await rig.advance(20_000)
  assert.equal(said(rig), { key: device.key, links: 1 })
  assert.not.ok(codes(rig).includes('device-key-forked'))
  await rig.stop()
})

test('a record that names somebody else’s key as this device’s is told of', async () => {
  const { extra } = rotating()
  const rig = await online({ extra })
  rig.agent.rotateDeviceKey()
  rig.hub.putNode(me, { deviceKey: thief.deviceKey, deviceSerial: 1 }).publish()
  await rig.advance(70_000)
  assert.ok(codes(rig).includes('device-key-forked'))
  assert.throws(() => rig.agent.rotateDeviceKey(), /a key that it does not have/)
  await rig.stop()
})

test('only so many changes while the hub does not take them, and none without files', async () => {
  const { extra } = rotating()
  const rig = await online({ extra })
  for (let times = 0; times < 4; times++) rig.agent.rotateDeviceKey()
  assert.throws(() => rig.agent.rotateDeviceKey(), /has not taken the last 4/)
  await rig.stop()
  const plain = await online()
  assert.throws(() => plain.agent.rotateDeviceKey(), /not kept in files/)
  await plain.stop()
})

const member = ({ address, deviceKey, name, nodeId, wgKey }: TestDevice, more: Partial<TestDevice> = {}) => {
  const signed = { name, nodeId, deviceKey, wgKey, addresses: [parseAddress(address)], ...more }
  return signMember(testNetwork, signed, [1, 2])
}

async function locked(extra: object): Promise<Rig> {
  const rig = await online({ extra })
  rig.hub.put('lock/1', signLock(fakeLock({ network: testNetwork, keys: [1, 2], threshold: 2 }), [1, 2]))
  for (const device of [me, other]) rig.hub.putNode(device, { membership: member(device) })
  rig.hub.publish()
  await rig.advance(10_000)
  return rig
}

test('under a membership lock the key is asked for, and in use once the record has it', async () => {
  const { extra } = rotating()
  const rig = await locked(extra)
  const { device } = rig.agent.rotateDeviceKey()
  assert.equal([device.key, device.serial], [me.deviceKey, 0])
  const asked = device.awaiting
  assert.ok(asked)
  await rig.advance(20_000)
  assert.equal(said(rig), { key: me.deviceKey, links: 1 }, 'shown, and not in use')
  const membership = member(me, { deviceKey: asked })
  rig.hub.putNode(me, { deviceKey: asked, deviceSerial: 1, membership }).publish()
  await rig.advance(20_000)
  assert.equal(said(rig), { key: asked, links: 1 })
  assert.equal([rig.agent.keys().device.awaiting, rig.agent.keys().device.inIntent], [undefined, true])
  await rig.stop()
})

test('under a membership lock no link leads anywhere that people have not signed for', async () => {
  const rig = await locked({})
  await say(rig, other, { port: 1, seq: 1 })
  await say(rig, next, { port: 2, seq: 2, links: [linkTo(next)] })
  assert.equal(believed(rig), ['192.168.1.9:1'])
  rig.hub.putNode(other, { deviceKey: next.deviceKey, deviceSerial: 1, membership: member(other) }).publish()
  await rig.advance(10_000)
  assert.ok(codes(rig).includes('members-unsigned'), 'signed for the former key')
  const membership = member(other, { deviceKey: next.deviceKey })
  rig.hub.putNode(other, { deviceKey: next.deviceKey, deviceSerial: 1, membership }).publish()
  await rig.advance(10_000)
  await say(rig, next, { port: 3, seq: 3 })
  assert.equal(believed(rig), ['192.168.1.9:3'])
  await rig.stop()
})

test.run()
