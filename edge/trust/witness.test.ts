// How far a device knows that it was where a bit of its disk has flipped: nothing older comes into force.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { rootLinksMax } from '../../shared/limits.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { testSigner } from '../link/hub.fake.ts'
import type { MemoryStore } from '../store/memory.fake.ts'
import { acceptSnapshot } from './accept.ts'
import { c, setUp } from './holding.fake.ts'
import { createHolding, type Holding } from './holding.ts'
import type { Anchors } from './keys.ts'

/** A store where a record of the set went bad; returns what a restart finds there. */
function damaged(anchors: Anchors, store: MemoryStore, record: string): Holding {
  store.damageRecord(record)
  const after = createHolding(anchors, store, memoryLog(), true)
  assert.match(after.load() ?? '', 'does not verify')
  return after
}

test('a damaged set under another signing key than that of enrolment is no chance for an older one', () => {
  const { follow, holding, hub, store } = setUp()
  // As enrolment gave them.
  const { anchors } = hub
  const first = acceptSnapshot(hub.anchors, undefined, hub.snapshot())
  hub.signer = testSigner(9)
  hub.putKey(hub.signer, 7).commit()
  follow(holding)
  hub.putNode(c).commit()
  follow(holding)
  const after = damaged(anchors, store, 'node/a')
  assert.is(after.held(), undefined, 'nor does the last good one, which is older, come into force')
  assert.throws(() => after.take(first), /revision 3 was held here/)
})

test('where the key record itself is damaged, that of the last good set vouches for the head', () => {
  const { follow, hub, store } = setUp()
  const { anchors } = hub
  const holding = createHolding(anchors, store, memoryLog(), true)
  holding.load()
  hub.signer = testSigner(9)
  hub.putKey(hub.signer, 7).commit()
  follow(holding)
  const good = holding.understood()
  if (good !== undefined) holding.confirm(good)
  const second = acceptSnapshot(hub.anchors, undefined, hub.snapshot())
  hub.putNode(c).commit()
  follow(holding)
  const third = acceptSnapshot(hub.anchors, undefined, hub.snapshot())
  const after = damaged(anchors, store, `key/${keyIdOf(hub.signer.publicKey, sha256)}`)
  assert.is(store.loadGood()?.version.revision, 2)
  assert.is(after.held(), undefined)
  assert.throws(() => after.take(second), /revision 3 was held here/)
  after.take(third)
  assert.is(after.held()?.version.revision, 3)
})

test('where there is no other key record, the copy of its certificate vouches for the head', () => {
  const { follow, holding, hub, store } = setUp()
  const { anchors } = hub
  const first = acceptSnapshot(anchors, undefined, hub.snapshot())
  for (const seed of [9, 10, 11]) {
    hub.signer = testSigner(seed)
    hub.putKey(hub.signer, seed).commit()
    follow(holding)
  }
  const values = store.writes.value
  hub.putNode(c).commit()
  follow(holding)
  assert.is(store.writes.value, values, 'written only where a key is new')
  const after = damaged(anchors, store, `key/${keyIdOf(hub.signer.publicKey, sha256)}`)
  assert.throws(() => after.take(first), /revision 5 was held here/)
})

test('copies that cannot be read vouch for nothing, and are made anew', () => {
  const { follow, holding, hub, store } = setUp()
  hub.putKey(hub.signer, 3).commit()
  follow(holding)
  const kept = store.get('signing-keys')
  for (const words of ['', '{', '[7]', JSON.stringify(Array.from({ length: 9 }, () => 'AAAA'))]) {
    store.set('signing-keys', words)
    const after = createHolding(hub.anchors, store, memoryLog())
    assert.is(after.load(), undefined)
    assert.is(store.get('signing-keys'), kept)
  }
})

test('a damaged set under a root that the pin has not followed yet still tells how far it was', () => {
  const { follow, holding, hub, store } = setUp()
  const first = acceptSnapshot(hub.anchors, undefined, hub.snapshot())
  const { anchors } = hub
  hub.rotateRoot(testSigner(8)).commit()
  follow(holding)
  hub.signer = testSigner(9)
  hub.putKey(hub.signer, 900).commit()
  follow(holding)
  store.damageRecord('node/a')
  const after = createHolding(anchors, store, memoryLog())
  assert.match(after.load() ?? '', 'does not verify')
  assert.throws(() => after.take(first), /revision 3 was held here/)
})

/** A device without a pin, after so many rotations of the root and one of the signing key; the last good set is of before. */
function rotated(rotations: number) {
  const { follow, hub, store } = setUp()
  const { anchors } = hub
  const first = acceptSnapshot(anchors, undefined, hub.snapshot())
  const holding = createHolding(anchors, store, memoryLog(), true)
  holding.load()
  for (let at = 0; at < rotations; at++) hub.rotateRoot(testSigner(300 + at))
  hub.signer = testSigner(9)
  hub.putKey(hub.signer, 900).commit()
  follow(holding)
  return { anchors, first, follow, holding, hub, store }
}

test('where the link to the root itself is damaged, its copy leads on: neither a peer nor the last good set goes back', () => {
  for (const link of ['root/1', 'root/2']) {
    const { anchors, first, store } = rotated(2)
    assert.is(store.loadGood()?.version.revision, 1)
    const after = damaged(anchors, store, link)
    assert.is(after.held(), undefined)
    assert.throws(() => after.take(first), /revision 2 was held here/)
  }
})

test('the longest chain of roots, in the set and in the last good one, is not too long for a witness', () => {
  const { anchors, first, follow, holding, hub, store } = rotated(rootLinksMax)
  const good = holding.understood()
  if (good !== undefined) holding.confirm(good)
  hub.putNode(c).commit()
  follow(holding)
  const after = damaged(anchors, store, 'node/a')
  assert.throws(() => after.take(first), /revision 3 was held here/)
})

test('copies of before there were links in them count, and get those of the set', () => {
  const { anchors, first, hub, store } = rotated(2)
  const kept = store.get('signing-keys') ?? ''
  const { keys } = JSON.parse(kept) as { keys: string[] }
  store.set('signing-keys', JSON.stringify(keys))
  assert.is(createHolding(anchors, store, memoryLog(), true).load(), undefined)
  assert.is(store.get('signing-keys'), kept)
  store.set('signing-keys', JSON.stringify(keys))
  const after = damaged(anchors, store, `key/${keyIdOf(hub.signer.publicKey, sha256)}`)
  assert.throws(() => after.take(first), /revision 2 was held here/)
})

test.run()
