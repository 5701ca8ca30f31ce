// What is held and what is in force, where they are not the same: over restarts, updates of the agent and bad disks.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import type { WgKey } from '../../shared/ids.ts'
import { FakeHub } from '../link/hub.fake.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { acceptSnapshot } from './accept.ts'
import { a, c, setUp } from './holding.fake.ts'
import { createHolding, type Holding } from './holding.ts'

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
