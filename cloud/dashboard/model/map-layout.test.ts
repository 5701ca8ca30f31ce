// The map: spots in places of their own that do not move, and links that say how bad they are.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mainKind, pairsOf, placeSpots, qualityOf } from './map-layout.ts'

const spots = (count: number) => Array.from({ length: count }, (_, at) => ({ key: `s${at}`, nodes: 1, online: 1 }))

test('every spot has a place of its own on the ring, the same each time', () => {
  for (const count of [2, 7, 18, 19, 120]) {
    const placed = placeSpots(spots(count))
    const places = new Set(placed.map(({ x, y }) => `${x.toFixed(3)} ${y.toFixed(3)}`))
    assert.is(places.size, count)
    for (const { tilt, x, y } of placed) {
      assert.ok(Math.abs(Math.hypot(x, y) - 1) < 1e-9)
      // A label that hangs upside down is read by nobody.
      assert.ok(count <= 18 ? tilt === 0 : Math.abs(((tilt + 540) % 360) - 180) <= 90 + 1e-6, `${count} ${tilt}`)
    }
    assert.equal(placeSpots(spots(count)), placed)
  }
  assert.equal(
    placeSpots(spots(1)).map(({ x, y }) => Math.abs(x) + Math.abs(y)),
    [0],
  )
})

test('a link is of the kind that most of its pairs go by, and as bad as its worst', () => {
  assert.is(mainKind({ paths: { relay: 3, direct: 2 } }), 'relay')
  assert.is(mainKind({ paths: { relay: 2, direct: 2 } }), 'relay')
  assert.is(pairsOf({ paths: { relay: 2, none: 1 } }), 3)
  const link = { a: 'a', b: 'b' }
  assert.is(qualityOf({ ...link, paths: { direct: 9, none: 1 } }), 'bad')
  assert.is(qualityOf({ ...link, paths: { direct: 9 }, rttUs: 200_000 }), 'poor')
  assert.is(qualityOf({ ...link, paths: { tls: 1 } }), 'poor')
  assert.is(qualityOf({ ...link, paths: { direct: 9 }, rttUs: 20_000 }), 'good')
})

test.run()
