// Two controllers in virtual time, of which one comes to be elsewhere, or on another kind of way.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { connect, isOn, makeWay } from './controller.fake.ts'

const MINUTE = 60_000

test('through another uplink a path that failed before it ever answered there is tried on, not held down', () => {
  const [punched, relay] = [makeWay('direct', 'mapped', 5), makeWay('relay', 'relay', 15)]
  const world = connect([punched, relay], { payloadEveryMs: 10 })
  world.run(20_000)
  assert.ok(isOn(world, punched))
  punched.up = false
  world.run(20)
  world.tell('a', { type: 'network-changed' })
  world.run(2_000)
  assert.ok(isOn(world, relay))
  assert.is(world.a.paths.view().candidates.find(({ kind }) => kind === 'direct')?.heldUntil, undefined)
  punched.up = true
  world.run(15_000)
  assert.ok(isOn(world, punched))
})

test('both ends leave TLS for a relay that opens late, whatever the line loses', () => {
  for (const loss of [0, 0.1, 0.3]) {
    const relay = makeWay('relay', 'relay', 15, { up: false, loss })
    const tls = makeWay('tls', 'relay', 20, { loss: loss / 10 })
    const world = connect([relay, tls], { seed: 5 })
    world.run(5 * MINUTE)
    assert.ok(isOn(world, tls), `loss ${loss}`)
    relay.up = true
    for (const side of ['a', 'b'] as const) world.tell(side, { type: 'asked', endpoint: relay.at[side] })
    world.run(10_000)
    assert.ok(isOn(world, relay), `loss ${loss}`)
  }
})

test('public addresses behind firewalls on both sides are met however long the way was closed before', () => {
  for (let seed = 1; seed <= 8; seed += 1) {
    const [six, relay] = [makeWay('direct', 'public', 5, { natMs: 30_000, up: false }), makeWay('relay', 'relay', 15)]
    const world = connect([six, relay], { seed, payloadEveryMs: 1_000 })
    world.run(20 * MINUTE)
    assert.ok(isOn(world, relay), `${seed}`)
    six.up = true
    // One end tries by then, and calls the other.
    world.run(11 * MINUTE)
    assert.ok(isOn(world, six), `${seed}`)
  }
})

test.run()
