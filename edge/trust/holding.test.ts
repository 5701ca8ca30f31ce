// What is held and what is in force, where they are not the same: over restarts, updates of the agent and bad disks.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import type { WgKey } from '../../shared/ids.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { FakeHub, testDevice, testSigner } from '../link/hub.fake.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { acceptDelta, acceptSnapshot } from './accept.ts'
import { createHolding, type Holding } from './holding.ts'
import type { Anchors } from './keys.ts'

const a = testDevice('a', 1)
const b = testDevice('b', 2)
const c = testDevice('c', 3)

function setUp() {
  const hub = new FakeHub().putNode(a).putNode(b)
  hub.commit()
  const store = new MemoryStore()
  const open = (): Holding => {
    const holding = createHolding(hub.anchors, store, memoryLog())
    assert.is(holding.load(), undefined)
    return holding
  }
  const holding = open()
  holding.take(acceptSnapshot(hub.anchors, undefined, hub.snapshot()))
  /** The newest set of the hub, as a delta. */
  const follow = (to: Holding): unknown => {
    const held = to.held()
    return to.take(
      acceptDelta(hub.anchors, held, hub.delta(held?.version ?? { epoch: 0, revision: 0 }) ?? new Uint8Array()),
    )
  }
  return { hub, store, open, holding, follow }
}

/** `held/in force: members`. */
function shown(holding: Holding): string {
  const members = holding.inForce()?.parsed.records.nodes.map((node) => node.name)
  return `${holding.held()?.version.revision}/${holding.inForce()?.version.revision}: ${members?.join(' ')}`
}

test('what is not understood is held, and the last set that is stays in force; after a restart too', () => {
  const { hub, open, holding, follow } = setUp()
  hub.put('teapot/x', {}).putNode(c).commit()
  follow(holding)
  assert.is(shown(holding), '2/1: a b')
  assert.is(shown(open()), '2/1: a b')
  hub.put('teapot/y', {}).commit()
  follow(holding)
  assert.is(shown(open()), '3/1: a b')
  hub.remove('teapot/x').remove('teapot/y').commit()
  follow(holding)
  assert.is(shown(holding), '4/4: a b c')
  assert.is(shown(open()), '4/4: a b c')
})

test('a member that the newer set removed stays removed, and one with another key', () => {
  const { hub, open, holding, follow } = setUp()
  hub.putNode(c).commit()
  follow(holding)
  const key = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' as WgKey
  hub
    .put('teapot/x', {})
    .remove('node/b')
    .putNode(c, { wgKey: key, colour: 'red' })
    .putNode(a, { colour: 'blue' })
    .commit()
  follow(holding)
  assert.is(shown(holding), '3/2: a')
  assert.is(shown(open()), '3/2: a')
})

test('a set that waited comes into force once the agent understands it, and is the stored set from then on', () => {
  const { hub, store, open } = setUp()
  hub.putNode(c).commit()
  const { head, version, records } = hub.latest
  // As an older agent would have left it.
  store.saveWaiting({ head, version, records })
  const updated = open()
  assert.is(shown(updated), '2/2: a b c')
  assert.is(store.loadSet()?.version.revision, 1)
  updated.save()
  assert.is(store.loadSet()?.version.revision, 2)
  assert.is(store.loadWaiting(), undefined)
  assert.is(shown(open()), '2/2: a b c')
})

test('a full disk keeps both in memory, and both are stored when there is room', () => {
  const { hub, store, open, holding, follow } = setUp()
  store.full = true
  hub.putNode(c).commit()
  assert.ok(follow(holding) !== undefined)
  hub.put('teapot/x', {}).commit()
  assert.ok(follow(holding) !== undefined)
  assert.is(shown(holding), '3/2: a b c')
  store.full = false
  holding.save()
  assert.is(shown(open()), '3/2: a b c')
})

test('a waiting set that is damaged costs nothing, and is no chance for an older one', () => {
  const { hub, store, holding, follow } = setUp()
  hub.put('teapot/x', {}).commit()
  const older = acceptSnapshot(hub.anchors, holding.held(), hub.snapshot())
  hub.put('teapot/y', {}).commit()
  follow(holding)
  const waiting = store.loadWaiting()
  assert.ok(waiting)
  store.saveWaiting({ ...waiting, records: new Map([...waiting.records].slice(1)) })
  const after = createHolding(hub.anchors, store, memoryLog())
  assert.match(after.load() ?? '', 'does not verify')
  assert.is(shown(after), '1/1: a b')
  assert.throws(() => after.take(older), /revision 3 was held here/)
})

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

test('staged: a disk that took the last good set and not the set that followed has lost nothing', () => {
  const { hub, store } = setUp()
  hub.putNode(c).commit()
  const { head, version, records } = hub.latest
  store.saveGood({ head, version, records })
  assert.is(store.loadSet()?.version.revision, 1)
  const holding = createHolding(hub.anchors, store, memoryLog(), true)
  assert.is(holding.load(), undefined)
  assert.is(staged(holding), '2/2: a b c, good 2')
  holding.save()
  assert.is(store.loadSet()?.version.revision, 2)
})

/** As `shown`, with what is the last good one. */
const staged = (holding: Holding): string => `${shown(holding)}, good ${holding.lastGood()?.version.revision}`

test('staged: a newer set is followed when somebody says so, and is the last good one when somebody says that', () => {
  const { hub, store, follow } = setUp()
  const open = (): Holding => {
    const holding = createHolding(hub.anchors, store, memoryLog(), true)
    assert.is(holding.load(), undefined)
    return holding
  }
  const holding = open()
  assert.is(staged(holding), '1/1: a b, good 1')
  hub.putNode(c).commit()
  follow(holding)
  assert.is(staged(holding), '2/1: a b, good 1')
  assert.is(staged(open()), '2/1: a b, good 1')
  const second = holding.understood()
  assert.ok(second)
  holding.follow(second)
  assert.is(staged(holding), '2/2: a b c, good 1')
  assert.is(holding.confirm(second), undefined)
  assert.is(staged(open()), '2/2: a b c, good 2')
  hub.remove('node/b').commit()
  follow(holding)
  assert.is(staged(holding), '3/2: a c, good 2', 'who is removed is gone, whatever is followed')
  assert.is(staged(open()), '3/2: a c, good 2')
})

test('staged: a last good set that is damaged is not used, and one that a full disk refused is stored later', () => {
  const { hub, store, follow } = setUp()
  const holding = createHolding(hub.anchors, store, memoryLog(), true)
  holding.load()
  hub.putNode(c).commit()
  follow(holding)
  const good = store.loadGood()
  assert.ok(good)
  store.saveGood({ ...good, records: new Map([...good.records].slice(1)) })
  const after = createHolding(hub.anchors, store, memoryLog(), true)
  after.load()
  assert.is(staged(after), '2/2: a b c, good 2')
  store.full = true
  const second = holding.understood()
  assert.ok(second)
  assert.ok(holding.confirm(second) !== undefined)
  store.full = false
  holding.save()
  assert.is(store.loadGood()?.version.revision, 2)
})

test('a first set that is not understood is held, and nothing is in force', () => {
  const hub = new FakeHub().putNode(a).put('teapot/x', {})
  hub.commit()
  const store = new MemoryStore()
  const holding = createHolding(hub.anchors, store, memoryLog())
  holding.take(acceptSnapshot(hub.anchors, undefined, hub.snapshot()))
  assert.is(shown(holding), '1/undefined: undefined')
  const again = createHolding(hub.anchors, store, memoryLog())
  again.load()
  assert.is(shown(again), '1/undefined: undefined')
})

test.run()
