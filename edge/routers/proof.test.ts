// What is thought of a router that is asked: how many echoes in a row it may owe, and since when it is what it is.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { answered, missed, missesNeeded, type Proof, unasked } from './proof.ts'

function missing(proof: Proof, count: number, at = 0): Proof {
  return count === 0 ? proof : missing(missed(proof, at + 1), count - 1, at + 1)
}

test('three in a row are no bad luck on a good way, and one answer makes up for all of them', () => {
  const proven = answered(unasked(0), 10, 4)
  assert.equal([proven.state, proven.sinceMs, proven.rttMs], ['proven', 10, 4])
  assert.is(missing(proven, 2).state, 'proven')
  const failing = missing(proven, 3, 100)
  assert.equal([failing.state, failing.sinceMs, failing.misses], ['failing', 103, 3])
  assert.is(missing(failing, 5, 200).sinceMs, 103)
  const back = answered(failing, 500, 5)
  assert.equal([back.state, back.sinceMs, back.misses], ['proven', 500, 0])
})

test('a way that loses many is given more of them; what was lost while it failed is not held against it', () => {
  assert.equal([0, 0.01, 0.1, 0.3, 0.5].map(missesNeeded), [3, 3, 4, 8, 8])
  let lossy = answered(unasked(0), 0, 20)
  for (let at = 1; at < 200; at += 1) lossy = at % 4 === 0 ? missed(lossy, at) : answered(lossy, at, 20)
  assert.ok(lossy.loss > 0.15 && lossy.loss < 0.35, `${lossy.loss}`)
  assert.is(missing(answered(lossy, 200, 20), 4).state, 'proven')
  assert.is(answered(missing(answered(unasked(0), 1, 1), 50), 60, 1).loss, 0)
})

test.run()
