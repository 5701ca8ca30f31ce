// A path fails, and the other end is the first to notice: this one follows it, and is not led back to what failed with it.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { makeRig, PUBLIC, RELAY, RELAY2, STRANGE } from './controller-rig.fake.ts'

const test = suite('path controller, the peer notices first')
/** Before and after this end finds the path overdue, and just before it is dead. */
const NOTICED_AFTER_MS = [60, 100, 150, 200]

/** The direct path and the first of two relays fall silent together; the peer turns to `to`. */
function failing(afterMs: number, to: Endpoint) {
  const rig = makeRig()
  rig.connect([PUBLIC, RELAY, RELAY2], { [PUBLIC.endpoint]: 1, [RELAY.endpoint]: 20, [RELAY2.endpoint]: 21 })
  rig.run(20_000)
  rig.answers.delete(PUBLIC.endpoint)
  rig.answers.delete(RELAY.endpoint)
  rig.answers.set(to, 21)
  const at = rig.now()
  rig.run(afterMs)
  rig.tell({ type: 'roamed', endpoint: to })
  const uses = () => rig.since(at, 'use').map(({ endpoint }) => endpoint)
  return { ...rig, uses }
}

test('its way is followed at once, and what failed is held down as if this end had noticed', () => {
  for (const afterMs of NOTICED_AFTER_MS) {
    const rig = failing(afterMs, RELAY2.endpoint)
    rig.run(1_000)
    assert.equal(rig.uses(), [], `${afterMs} ms`)
    assert.is(rig.paths.view().inUse?.endpoint, RELAY2.endpoint)
    assert.is(rig.of(PUBLIC.endpoint)?.state, 'held-down')
    rig.answers.set(PUBLIC.endpoint, 1)
    rig.run(25_000)
    assert.equal(rig.uses(), [], `${afterMs} ms, before the hold-down is over`)
    rig.run(10_000)
    assert.equal(rig.uses(), [PUBLIC.endpoint], `${afterMs} ms, after it`)
  }
})

test('where it comes by a place that nobody named, what was proven before the silence has to answer again', () => {
  for (const afterMs of NOTICED_AFTER_MS) {
    const rig = failing(afterMs, STRANGE)
    rig.answers.delete(RELAY2.endpoint)
    rig.run(3_000)
    assert.equal(rig.uses(), [], `${afterMs} ms`)
    assert.is(rig.paths.view().inUse?.endpoint, STRANGE)
  }
})

test('where such a place does not answer, what answers again is used', () => {
  const rig = failing(150, STRANGE)
  rig.answers.delete(STRANGE)
  rig.run(500)
  assert.equal(rig.uses(), [RELAY2.endpoint])
})

test('turned back to before anything is overdue, the path dies as any other', () => {
  const rig = failing(20, RELAY2.endpoint)
  rig.run(1_000)
  assert.equal(rig.uses(), [PUBLIC.endpoint, RELAY2.endpoint])
  assert.is(rig.of(PUBLIC.endpoint)?.state, 'held-down')
})

test.run()
