// Newer intent is taken whoever brings it, what is held already is no news, and where it came from survives a restart.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import { FakeHub, testDevice } from '../link/hub.fake.ts'
import { createHealth } from '../report/health.ts'
import { createKeepsakes } from '../store/keepsakes.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { createHolding } from './holding.ts'
import { createIntake, type Taken } from './intake.ts'

const one = testDevice('one', 1)
const two = testDevice('two', 2)
const fromPeer = { by: 'peer', peer: parseName('two') } as const

function rig(hub: FakeHub, store = new MemoryStore()) {
  const clock = new FakeClock()
  const health = createHealth({ clock })
  const keep = createKeepsakes(store, clock, health, memoryLog())
  const holding = createHolding(hub.anchors, store, memoryLog())
  holding.load()
  const taken: Taken[] = []
  const onTaken = (news: Taken): void => void taken.push(news)
  const doors = { anchors: hub.anchors, holding, store, keep, health, clock, log: memoryLog(), onTaken }
  return { clock, health, holding, intake: createIntake(doors), store, taken }
}

test('takes what is newer from anybody, and tells who brought it', () => {
  const hub = new FakeHub().putNode(one)
  const first = hub.commit()
  hub.putNode(two)
  const second = hub.commit()
  const { clock, holding, intake, store, taken } = rig(hub)
  assert.is(intake.origin(), undefined)
  assert.is(intake.offer('snapshot', hub.snapshot(first), { by: 'file' }), true)
  assert.equal(intake.origin(), { by: 'file', at: clock.now() })
  const delta = hub.delta(first.version, second) ?? new Uint8Array()
  assert.is(intake.offer('delta', delta, fromPeer), true)
  assert.is(intake.offer('delta', delta, { by: 'hub' }), false)
  assert.is(intake.offer('snapshot', hub.snapshot(first), { by: 'file' }), false)
  assert.equal([holding.held()?.version, taken.length], [second.version, 2])
  assert.equal(taken[1]?.before?.version, first.version)
  assert.equal(intake.origin(), { ...fromPeer, at: clock.now() })
  const later = rig(hub, store)
  assert.equal(later.intake.origin(), { ...fromPeer, at: clock.now() })
  assert.equal(
    store.loadJournal(10).map(({ detail }) => detail),
    ['revision 1 from file', 'revision 2 from peer two'],
  )
})

test('what does not verify changes nothing, and a full disk is told but keeps nobody from the newest', () => {
  const hub = new FakeHub().putNode(one)
  hub.commit()
  const { health, holding, intake, store, taken } = rig(hub)
  const forged = hub.snapshot().slice()
  forged[100] = (forged[100] ?? 0) ^ 1
  try {
    intake.offer('snapshot', forged, fromPeer)
    assert.unreachable()
  } catch (error) {
    assert.ok(isHoldfastError(error, 'bad-signature'))
  }
  assert.equal([holding.held(), taken], [undefined, []])
  store.full = true
  assert.is(intake.offer('snapshot', hub.snapshot(), fromPeer), true)
  assert.equal([holding.held()?.version.revision, health.has('disk-full')], [1, true])
})

test('an origin that was kept for another revision says nothing of this one', () => {
  const hub = new FakeHub().putNode(one)
  hub.commit()
  const { intake, store } = rig(hub)
  intake.offer('snapshot', hub.snapshot(), fromPeer)
  for (const text of ['{', 'null', '{"epoch":1,"revision":7,"by":"hub","at":1}', '{"epoch":1,"revision":1,"by":"x"}']) {
    store.set('intent-origin', text)
    assert.is(rig(hub, store).intake.origin(), undefined)
  }
})

test.run()
