// An agent whose peers change their keys, and which changes its own: WireGuard follows in one step, and only to whom it may.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../shared/address/cidr.ts'
import { fromBase64, toBase64 } from '../shared/bytes.ts'
import { type Fact, openFact, sealFact } from '../shared/fact/fact.ts'
import { openKeyStatement, sealKeyStatement } from '../shared/fact/key-statement.ts'
import { sha256, verify } from '../shared/host/crypto.ts'
import { fakeLock, signLock, signMember } from '../shared/host/lock-keys.fake.ts'
import type { WgKey } from '../shared/ids.ts'
import { fakeWgKey } from '../shared/record/parsed.fake.ts'
import { topics } from '../shared/wire/topics.ts'
import { again, begin, me, online, other, type Rig, third } from './agent-rig.fake.ts'
import { keyFiles } from './keys/key-files.fake.ts'
import { type TestDevice, testNetwork } from './link/hub.fake.ts'

const test = suite('agent keys')
const [K1, K2] = [fakeWgKey(51), fakeWgKey(52)]
let seq = 0

/** `device` says that it has the key. */
async function state(rig: Rig, device: TestDevice, serial: number, wgKey: WgKey, by = device): Promise<void> {
  const word = { network: testNetwork, node: device.nodeId, serial, wgKey }
  const fact: Fact = {
    node: device.nodeId,
    boot: 1,
    seq: ++seq,
    candidates: [],
    observed: [],
    relays: [],
    natType: 'unknown',
    keyStatement: toBase64(sealKeyStatement(word, by.signer, sha256)),
    at: 1,
  }
  const payload = sealFact(fact, device.signer, sha256)
  rig.broker.inject({ topic: topics.node(testNetwork, device.nodeId, 'fact'), payload, retain: true })
  await rig.advance(10_000)
}

const kernelKeys = ({ kernel }: Rig): readonly WgKey[] => [...(kernel.device?.peers.keys() ?? [])]

test('a peer that states another key passes over in one operation, its former key goes later, and it stays there over a restart', async () => {
  const rig = await online()
  const from = rig.kernel.journal.length
  await state(rig, other, 1, K1)
  assert.equal(kernelKeys(rig), [K1])
  const ops = rig.kernel.journal.slice(from).filter(({ op }) => op !== 'policy-set' && op !== 'ruleset-set')
  assert.equal(
    ops.map((op) => [op.op, 'wgKey' in op ? op.wgKey : undefined]),
    [
      ['peer-set', K1],
      ['peer-remove', other.wgKey],
    ],
  )
  await rig.advance(70_000)
  await rig.stop()
  const later = again(rig)
  await later.agent.start()
  await later.advance(1_000)
  assert.equal(kernelKeys(later), [K1])
  await later.stop()
})

test('an older word, another’s word and another’s key change nothing', async () => {
  const rig = await online()
  await state(rig, other, 2, K2)
  await state(rig, other, 1, K1)
  await state(rig, other, 3, K1, third)
  assert.equal(kernelKeys(rig), [K2])
  await state(rig, other, 4, me.wgKey)
  assert.equal(kernelKeys(rig), [other.wgKey], 'who claims another’s key is known by its record alone')
  await rig.stop()
})

test('the hub’s record with that serial takes over from the word, and a later key by intent alone is followed', async () => {
  const rig = await online()
  await state(rig, other, 1, K1)
  rig.hub.putNode(other, { wgKey: K1, wgSerial: 1 }).publish()
  await rig.advance(10_000)
  assert.equal(kernelKeys(rig), [K1])
  const from = rig.kernel.journal.length
  rig.hub.putNode(other, { wgKey: K2, wgSerial: 2 }).publish()
  await rig.advance(10_000)
  assert.equal(kernelKeys(rig), [K2])
  const ops = rig.kernel.journal.slice(from).map(({ op }) => op)
  assert.ok(ops.indexOf('peer-set') < ops.indexOf('peer-remove'), 'the former key goes after it')
  await rig.stop()
})

const first = fakeLock({ network: testNetwork, keys: [1, 2], threshold: 2 })

const ended = fakeLock({ network: testNetwork, keys: [], threshold: 0, after: first, serial: 2 })

async function lockOn(rig: Rig): Promise<void> {
  rig.hub.put('lock/1', signLock(first, [1, 2]))
  for (const device of [me, other]) {
    const { address, deviceKey, name, nodeId, wgKey } = device
    const member = { name, nodeId, deviceKey, wgKey, addresses: [parseAddress(address)] }
    rig.hub.putNode(device, { membership: signMember(testNetwork, member, [1, 2]) })
  }
  rig.hub.publish()
  await rig.advance(10_000)
}

/** As the hub publishes it once people have signed for the key, too. */
function signedNext(device: TestDevice, wgKey: WgKey, by: readonly number[]) {
  const { address, deviceKey, name, nodeId } = device
  const present = { name, nodeId, deviceKey, wgKey: device.wgKey, addresses: [parseAddress(address)] }
  const membership = signMember(testNetwork, present, [1, 2])
  return { membership, next: { wgKey, serial: 1, membership: signMember(testNetwork, { ...present, wgKey }, by) } }
}

test('under a membership lock a word counts for the very key that enough people have signed for', async () => {
  const rig = await online()
  await lockOn(rig)
  await state(rig, other, 1, K1)
  assert.equal(kernelKeys(rig), [other.wgKey], 'nobody has signed')
  rig.hub.putNode(other, signedNext(other, K1, [1])).publish()
  await rig.advance(10_000)
  assert.equal(kernelKeys(rig), [other.wgKey], 'one of two has')
  rig.hub.putNode(other, signedNext(other, K2, [1, 2])).publish()
  await rig.advance(10_000)
  assert.equal(kernelKeys(rig), [other.wgKey], 'for another key')
  rig.hub.putNode(other, signedNext(other, K1, [1, 2])).publish()
  await rig.advance(10_000)
  assert.equal(kernelKeys(rig), [K1])
  await rig.stop()
})

test('a key that is signed for, and that the device has not turned to, changes nothing', async () => {
  const rig = await online()
  await lockOn(rig)
  rig.hub.putNode(other, signedNext(other, K1, [1, 2])).publish()
  await rig.advance(10_000)
  assert.equal(kernelKeys(rig), [other.wgKey])
  await rig.stop()
})

test('under a membership lock the own key is asked for, and changes when people have signed', async () => {
  const { files, key } = keyFiles(me.wgKey)
  const rig = await online({ extra: { keyFiles: files } })
  await lockOn(rig)
  const report = await rig.agent.rotateKey()
  assert.equal([report.wgKey, report.awaiting], [me.wgKey, key])
  await rig.advance(20_000)
  assert.equal(told(rig), { network: testNetwork, node: me.nodeId, serial: 1, wgKey: key, asked: true })
  assert.is(rig.kernel.device?.wgKey, me.wgKey)
  rig.hub.putNode(me, signedNext(me, key, [1, 2])).publish()
  await rig.advance(20_000)
  assert.is(rig.kernel.device?.wgKey, key)
  assert.equal(told(rig), { network: testNetwork, node: me.nodeId, serial: 1, wgKey: key })
  assert.equal(kernelKeys(rig), [other.wgKey])
  await rig.stop()
})

test('changed before there was a lock that people signed for the former key under, it goes back and asks', async () => {
  const { files, key } = keyFiles(me.wgKey)
  const rig = await online({ extra: { keyFiles: files } })
  const rotated = rig.agent.rotateKey()
  await rig.advance(10_000)
  await rotated
  assert.is(rig.kernel.device?.wgKey, key)
  await lockOn(rig)
  await rig.advance(20_000)
  assert.is(rig.kernel.device?.wgKey, me.wgKey)
  assert.is(told(rig)?.asked, true)
  rig.hub
    .remove('lock/1')
    .put('lock/2', signLock(ended, [1, 2]))
    .put('lock/1', signLock(first, [1, 2]))
    .publish()
  await rig.advance(20_000)
  assert.is(rig.kernel.device?.wgKey, key, 'a lock that ends asks nobody any more')
  await rig.stop()
})

function told({ broker }: Rig) {
  const envelope = broker.retained(topics.node(testNetwork, me.nodeId, 'fact')) ?? new Uint8Array()
  const { keyStatement } = openFact(envelope, me.nodeId, me.deviceKey, verify, sha256)
  if (keyStatement === undefined) return undefined
  const holder = { network: testNetwork, node: me.nodeId, deviceKey: me.deviceKey }
  return openKeyStatement(fromBase64(keyStatement), holder, verify, sha256)
}

test('the own key changes in the kernel, is stated until the record says so, and then no more', async () => {
  const { files, key } = keyFiles(me.wgKey)
  const rig = await online({ extra: { keyFiles: files } })
  const rotated = rig.agent.rotateKey()
  await rig.advance(10_000)
  const { inIntent, serial, wgKey } = await rotated
  assert.equal([wgKey, serial, inIntent], [key, 1, false])
  assert.is(rig.kernel.device?.wgKey, key)
  assert.equal(kernelKeys(rig), [other.wgKey], 'peers are untouched')
  assert.equal(told(rig), { network: testNetwork, node: me.nodeId, serial: 1, wgKey: key })
  rig.hub.putNode(me, { wgKey: key, wgSerial: 1 }).publish()
  await rig.advance(20_000)
  assert.is(told(rig), undefined)
  assert.is(rig.agent.keys().inIntent, true)
  await rig.stop()
})

test('cut off between the disk and the kernel, the next start brings the kernel after it, and says so only then', async () => {
  const { files, key } = keyFiles(me.wgKey)
  files.prepare(0)
  files.use(key)
  const rig = begin({ extra: { keyFiles: files } })
  rig.hub.attach(rig.broker)
  await rig.agent.start()
  await rig.advance(10_000)
  assert.is(rig.kernel.device?.wgKey, key)
  assert.is(told(rig)?.wgKey, key)
  assert.equal(kernelKeys(rig), [other.wgKey], 'it is a member by its own word')
  await rig.stop()
})

test('cut off before the change, the next start makes it', async () => {
  const { files, key } = keyFiles(me.wgKey)
  files.prepare(0)
  const rig = begin({ extra: { keyFiles: files } })
  rig.hub.attach(rig.broker)
  await rig.agent.start()
  await rig.advance(10_000)
  assert.is(rig.kernel.device?.wgKey, key)
  assert.is(told(rig)?.wgKey, key)
  await rig.stop()
})

test('a disk that takes no key costs the change, and nothing else', async () => {
  const { HoldfastError } = await import('../shared/errors.ts')
  const { files } = keyFiles(me.wgKey)
  files.prepare(0)
  const use = (): never => {
    throw new HoldfastError('failed', 'no space left on device')
  }
  const rig = begin({ extra: { keyFiles: { ...files, use } } })
  rig.hub.attach(rig.broker)
  await rig.agent.start()
  await rig.advance(10_000)
  assert.is(rig.kernel.device?.wgKey, me.wgKey)
  assert.match(String(await rig.agent.rotateKey().catch((reason: unknown) => reason)), /no space/)
  assert.equal(kernelKeys(rig), [other.wgKey])
  await rig.stop()
})

test('a kernel that refuses the key keeps the word unsaid', async () => {
  const { HoldfastError } = await import('../shared/errors.ts')
  const { files } = keyFiles(me.wgKey)
  const rig = await online({ extra: { keyFiles: files } })
  rig.kernel.fault = ({ op }) => (op === 'device-set' ? new HoldfastError('failed', 'no') : undefined)
  const rotated = rig.agent.rotateKey()
  await rig.advance(20_000)
  await rotated
  assert.is(rig.kernel.device?.wgKey, me.wgKey)
  assert.is(told(rig), undefined)
  await rig.stop()
})

test('a hub that was restored to before the change is told again', async () => {
  const { files, key } = keyFiles(me.wgKey)
  const rig = await online({ extra: { keyFiles: files } })
  const rotated = rig.agent.rotateKey()
  await rig.advance(10_000)
  await rotated
  rig.hub.putNode(me, { wgKey: key, wgSerial: 1 }).publish()
  await rig.advance(10_000)
  rig.hub.putNode(me).publish()
  await rig.advance(20_000)
  assert.is(told(rig)?.wgKey, key)
  assert.equal(kernelKeys(rig), [other.wgKey], 'and the mesh stands meanwhile')
  await rig.stop()
})

test.run()
