// A device under a membership lock: what the hub may still do, and what it may not.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { fakeLock, signLock, signMember } from '../../shared/host/lock-keys.fake.ts'
import type { Lock, SignedLock } from '../../shared/record/lock.ts'
import { FakeHub, type TestDevice, testDevice, testNetwork } from '../link/hub.fake.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { acceptSnapshot } from './accept.ts'
import { readCarriedLock } from './lock-pin.ts'
import { openLocked } from './locked.fake.ts'
import type { LockedHolding } from './locked.ts'

const a = testDevice('a', 1)
const b = testDevice('b', 2)
const thief = testDevice('thief', 3)
const first = fakeLock({ network: testNetwork, keys: [1, 2], threshold: 2 })

const memberOf = (device: TestDevice) => ({ ...device, addresses: [parseAddress(device.address)] })

function hubSigned(device: TestDevice, by: readonly number[]) {
  const { name, nodeId, deviceKey, wgKey, addresses } = memberOf(device)
  return signMember(testNetwork, { name, nodeId, deviceKey, wgKey, addresses }, by)
}

function putSigned(hub: FakeHub, device: TestDevice, by: readonly number[] = [1, 2]): FakeHub {
  return hub.putNode(device, { membership: hubSigned(device, by) })
}

const putLock = (hub: FakeHub, signed: SignedLock): FakeHub => hub.put(`lock/${signed.lock.serial}`, signed)

function setUp() {
  const hub = new FakeHub()
  const store = new MemoryStore()
  const journal: string[] = []
  const holding = openLocked(hub.anchors, store, journal)
  const take = (): void => {
    hub.commit()
    holding.take(acceptSnapshot(hub.anchors, holding.held(), hub.snapshot()))
  }
  const reopened = (): LockedHolding => {
    const again = openLocked(hub.anchors, store)
    again.load()
    return again
  }
  putLock(hub, signLock(first, [1, 2]))
  putSigned(putSigned(hub, a), b)
  take()
  return { hub, holding, journal, reopened, store, take }
}

const names = (holding: LockedHolding): string =>
  holding
    .inForce()
    ?.parsed.records.nodes.map(({ name }) => name)
    .join(' ') ?? 'nothing'

test('who is not signed for is held and does not run; those who are known go on', () => {
  const { hub, holding, reopened, take } = setUp()
  assert.is(names(holding), 'a b')
  hub.putNode(thief)
  take()
  assert.is(names(holding), 'a b')
  assert.equal(holding.leftOut(), { unsigned: ['thief'], revoked: [] })
  assert.ok(holding.held()?.records.has('node/thief'))
  assert.is(names(reopened()), 'a b')
  putSigned(hub, thief)
  take()
  assert.is(names(holding), 'a b thief')
  assert.equal(holding.leftOut(), { unsigned: [], revoked: [] })
})

test('removal needs no signature, and what is removed is gone', () => {
  const { hub, holding, take } = setUp()
  hub.remove('node/b')
  take()
  assert.is(names(holding), 'a')
})

test('a hub that drops, weakens or replaces the lock changes nothing, also over a restart', () => {
  const { hub, holding, reopened, take } = setUp()
  const attempts: readonly (() => void)[] = [
    () => void hub.remove('lock/1'),
    () => void putLock(hub, signLock(fakeLock({ network: testNetwork, keys: [9], threshold: 1 }), [9])),
    () =>
      void putLock(hub, signLock(fakeLock({ network: testNetwork, keys: [9], threshold: 1, after: first }), [9, 1])),
    () => void putLock(hub, signLock(fakeLock({ network: testNetwork, keys: [], threshold: 0, after: first }), [1])),
  ]
  hub.putNode(thief)
  for (const attempt of attempts) {
    attempt()
    take()
    assert.is(names(holding), 'a b')
    assert.match(holding.pin.refused() ?? '', /lock/)
    assert.is(names(reopened()), 'a b')
  }
})

test('a lock that its keys changed is followed, and an older one does not come back', () => {
  const { hub, holding, journal, take } = setUp()
  const second = fakeLock({ network: testNetwork, keys: [2, 3], threshold: 1, after: first, revoked: [b.nodeId] })
  putLock(hub, signLock(second, [1, 2]))
  take()
  assert.is(names(holding), 'a')
  assert.equal(holding.leftOut().revoked, ['b'])
  assert.is(holding.pin.refused(), undefined)
  hub.remove('lock/2')
  take()
  assert.is(names(holding), 'a')
  assert.match(holding.pin.refused() ?? '', 'lock 1 was offered')
  assert.equal(journal, [
    'membership-lock: lock 1, 2 of 2 keys, seen for the first time',
    'membership-lock: lock 2, 1 of 2 keys, follows lock 1',
  ])
})

test('a device that was away follows several changes at once', () => {
  const { hub, holding, take } = setUp()
  let last: Lock = first
  for (const keys of [
    [2, 3],
    [3, 4],
    [4, 5],
  ]) {
    const next = fakeLock({ network: testNetwork, keys, threshold: 1, after: last })
    putLock(hub, signLock(next, [1, 2, 3, 4, 5]))
    last = next
  }
  putSigned(putSigned(hub, a, [5]), b, [1])
  take()
  assert.is(holding.pin.lock()?.serial, 4)
  assert.is(names(holding), 'a')
})

test('what is pinned on the disk is what counts after somebody with root changed it', () => {
  const { hub, holding, store, take } = setUp()
  const anew = fakeLock({ network: testNetwork, keys: [8], threshold: 1, serial: 2 })
  putLock(hub, signLock(anew, [8]))
  putSigned(putSigned(putSigned(hub, a, [1, 2, 8]), b, [1, 2, 8]), thief, [8])
  take()
  assert.is(names(holding), 'a b')
  store.set('membership-lock', '')
  assert.is(holding.reload(), undefined)
  assert.is(names(holding), 'a b thief')
  store.set('membership-lock', '{"half')
  assert.match(holding.reload() ?? '', 'cannot be read')
  assert.is(names(holding), 'a b thief')
})

test('while an older set is followed, members are judged by what the newest says of them', () => {
  const hub = new FakeHub()
  const holding = openLocked(hub.anchors, new MemoryStore(), [], true)
  const take = (): void => {
    hub.commit()
    holding.take(acceptSnapshot(hub.anchors, holding.held(), hub.snapshot()))
  }
  putLock(hub, signLock(first, [1, 2]))
  putSigned(putSigned(hub, a), b)
  take()
  const second = fakeLock({ network: testNetwork, keys: [5], threshold: 1, after: first })
  putLock(hub, signLock(second, [1, 2, 5]))
  putSigned(putSigned(hub, a, [5]), b, [1, 2])
  take()
  assert.is(holding.inForce()?.version.revision, 1)
  assert.is(names(holding), 'a')
  // A key that the hub swapped beneath a signature does not come in with the older set either.
  const stolen = testDevice('a', 1)
  hub.putNode({ ...stolen, wgKey: thief.wgKey }, { membership: hubSigned(a, [5]) })
  take()
  assert.is(names(holding), '')
})

test('without a lock everybody runs whom the hub names, and signatures hurt nobody', () => {
  const hub = new FakeHub()
  putSigned(hub, a, [7]).putNode(b)
  hub.commit()
  const holding = openLocked(hub.anchors, new MemoryStore())
  holding.take(acceptSnapshot(hub.anchors, undefined, hub.snapshot()))
  assert.is(names(holding), 'a b')
  assert.is(holding.pin.refused(), undefined)
})

test('what is the same stays the same object', () => {
  const { hub, holding, take } = setUp()
  assert.is(holding.inForce(), holding.inForce())
  assert.is(holding.inForce(), holding.held())
  hub.putNode(thief)
  take()
  const filtered = holding.inForce()
  assert.is(holding.inForce(), filtered)
  assert.is(filtered?.parsed.records.policies, holding.held()?.parsed?.records.policies)
})

test('a lock that is carried by hand is one of this network, signed by its own keys', () => {
  const { hub } = setUp()
  const text = (signed: SignedLock): string => JSON.stringify({ lock: signed })
  assert.equal(readCarriedLock(text(signLock(first, [1, 2])), hub.anchors), first)
  assert.throws(() => readCarriedLock(text(signLock(first, [1])), hub.anchors), /lacks the signatures/)
  const elsewhere = fakeLock({ network: 'bbbbbbbbbbbb' as never, keys: [1], threshold: 1 })
  assert.throws(() => readCarriedLock(text(signLock(elsewhere, [1])), hub.anchors), /of network bbbbbbbbbbbb/)
  assert.throws(() => readCarriedLock('garbage', hub.anchors), /not a membership lock/)
})

test.run()
