// When tries begin anew: as soon as something is known that the failed ones knew nothing of.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { MAPPED, makeRig, PUBLIC, RELAY } from './controller-rig.fake.ts'
import type { PathCandidate } from './path.ts'

const ELSEWHERE: PathCandidate = { ...MAPPED, endpoint: '192.0.2.10:4712' as Endpoint }

function triesOf(rig: ReturnType<typeof makeRig>, { endpoint }: PathCandidate, since: number): number {
  return rig.since(since, 'probe').filter((one) => one.endpoint === endpoint).length
}

/** A pair on a relay whose other candidates failed so often that the next tries are minutes away. */
function settled() {
  const rig = makeRig()
  rig.connect([RELAY, PUBLIC, MAPPED], { [RELAY.endpoint]: 20 })
  for (let i = 0; i < 20; i++) {
    rig.tell({ type: 'traffic' })
    rig.run(20_000)
  }
  assert.is(rig.of(PUBLIC.endpoint)?.state, 'failed')
  const at = rig.now()
  rig.run(1_000)
  assert.is(triesOf(rig, PUBLIC, at), 0, 'nothing is tried now')
  return rig
}

test('a peer that is known elsewhere is tried everywhere, at once, and soon again', () => {
  const rig = settled()
  const at = rig.now()
  rig.tell({ type: 'candidates', list: [RELAY, PUBLIC, MAPPED, ELSEWHERE] })
  rig.run(0)
  for (const one of [PUBLIC, MAPPED, ELSEWHERE]) assert.is(triesOf(rig, one, at), 1, one.endpoint)
  assert.is(rig.since(at, 'call').length, 1, 'together with the peer')
  rig.run(11_050)
  assert.is(triesOf(rig, PUBLIC, at), 7)
})

test('a relay that is bound anew says nothing of the ways that failed', () => {
  const rig = settled()
  const at = rig.now()
  rig.tell({
    type: 'candidates',
    list: [{ ...RELAY, endpoint: '198.51.100.1:7002' as Endpoint }, RELAY, PUBLIC, MAPPED],
  })
  rig.run(1_000)
  assert.is(triesOf(rig, PUBLIC, at), 0)
})

test('a node that looks otherwise from outside tries what failed', () => {
  const rig = settled()
  const at = rig.now()
  rig.tell({ type: 'outlook-changed', moved: false })
  rig.run(0)
  assert.equal([triesOf(rig, PUBLIC, at), triesOf(rig, MAPPED, at)], [1, 1])
  assert.is(triesOf(rig, RELAY, at) <= 1, true, 'what works goes on')
})

test('what is held down stays so, whatever the node looks like from outside', () => {
  const rig = makeRig()
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 5, [RELAY.endpoint]: 20 })
  rig.answers.delete(PUBLIC.endpoint)
  rig.run(2_000)
  assert.is(rig.of(PUBLIC.endpoint)?.state, 'held-down')
  const at = rig.now()
  rig.tell({ type: 'outlook-changed', moved: false })
  rig.run(1_000)
  assert.is(triesOf(rig, PUBLIC, at), 0)
})

test('a node that goes out by another address tries what was held down', () => {
  const rig = makeRig()
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 5, [RELAY.endpoint]: 20 })
  rig.answers.delete(PUBLIC.endpoint)
  rig.run(2_000)
  assert.is(rig.of(PUBLIC.endpoint)?.state, 'held-down')
  const at = rig.now()
  rig.tell({ type: 'outlook-changed', moved: true })
  rig.run(0)
  assert.is(triesOf(rig, PUBLIC, at), 1)
})

test('when the last way that worked is dead, it is said once, and again only after another worked', () => {
  const rig = makeRig()
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 5, [RELAY.endpoint]: 20 })
  const at = rig.now()
  rig.answers.delete(PUBLIC.endpoint)
  rig.run(2_000)
  assert.is(rig.since(at, 'lost').length, 0, 'the relay works')
  rig.answers.clear()
  rig.run(30_000)
  assert.is(rig.since(at, 'lost').length, 1)
})

test('the first way that is proven carries the word to try together: what failed alone is tried at once', () => {
  const rig = makeRig()
  rig.connect([MAPPED, PUBLIC], {})
  rig.run(5_000)
  assert.is(rig.of(MAPPED.endpoint)?.state, 'failed')
  const at = rig.now()
  rig.answers.set(RELAY.endpoint, 20)
  rig.tell({ type: 'candidates', list: [MAPPED, PUBLIC, RELAY] })
  rig.run(200)
  assert.is(rig.of(RELAY.endpoint)?.state, 'valid')
  assert.ok(triesOf(rig, MAPPED, at) > 0)
  assert.is(rig.since(at, 'call').length, 1)
})

test.run()
