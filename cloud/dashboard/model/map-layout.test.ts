// The map: spots in places of their own that do not move, and links that say how bad they are.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topologyDrawnMax } from '../../../shared/dashboard-limits.ts'
import { drawnSpots, type Layout, mainKind, pairsOf, placeSpots, qualityOf } from './map-layout.ts'

const spots = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ key: `site-${at}`, nodes: 20, online: 20 }))
const nobody = (): boolean => false

/** Corners of the line that a label takes up. */
function box({ label, radius, side, tilt, x, y }: Layout['spots'][number]): readonly (readonly [number, number])[] {
  const turn = (tilt * Math.PI) / 180
  const [near, far] = [radius + 6, radius + 6 + label.length * 8]
  const sign = side === 'left' ? -1 : 1
  return [near, far].flatMap((along) =>
    [-6, 6].map((across) => {
      const [dx, dy] = [sign * along, across]
      return [x + dx * Math.cos(turn) - dy * Math.sin(turn), y + dx * Math.sin(turn) + dy * Math.cos(turn)] as const
    }),
  )
}

test('every spot has a place of its own, the same each time, and its label stays in the drawing', () => {
  for (const screen of [200, 320, 700, 2_000]) {
    for (const count of [1, 2, 7, 12, 19, 60, topologyDrawnMax]) {
      const layout = placeSpots(spots(count), screen, nobody)
      const places = new Set(layout.spots.map(({ x, y }) => `${x.toFixed(2)} ${y.toFixed(2)}`))
      assert.is(places.size, count)
      assert.ok(layout.width <= Math.max(280, screen))
      for (const spot of layout.spots) {
        // A label that hangs upside down is read by nobody.
        assert.ok(Math.abs(((spot.tilt + 540) % 360) - 180) <= 90 + 1e-6, `${count} ${spot.tilt}`)
        for (const [x, y] of box(spot)) {
          assert.ok(Math.abs(x) <= layout.width / 2 + 8, `${screen} ${count} ${spot.key} ${x}`)
          assert.ok(Math.abs(y) <= layout.height / 2 + 8, `${screen} ${count} ${spot.key} ${y}`)
        }
      }
      assert.equal(placeSpots(spots(count), screen, nobody), layout)
    }
  }
})

test('where there is no room for all labels, some are left out, and never those that are told of', () => {
  const wide = placeSpots(spots(60), 760, nobody)
  assert.ok(wide.spots.every(({ label }) => label !== ''))
  const isTold = ({ key }: { readonly key: string }): boolean => key === 'site-7' || key === 'site-40'
  const narrow = placeSpots(spots(60), 320, isTold).spots
  const shown = narrow.filter(({ label }) => label !== '')
  assert.ok(shown.length >= 10 && shown.length < 60, String(shown.length))
  assert.ok(['site-7', 'site-40'].every((key) => shown.some((spot) => spot.key === key)))
  const apart = shown.map((spot, at) => {
    const next = shown[(at + 1) % shown.length]
    return next === undefined ? 0 : Math.hypot(spot.x - next.x, spot.y - next.y)
  })
  // A chord is a little shorter than its arc.
  assert.ok(Math.min(...apart) >= 12, String(Math.min(...apart)))
})

test('a name that is too long keeps its end, which tells it from its neighbours', () => {
  const named = Array.from({ length: 20 }, (_, at) => ({ key: `bremen-worker-${at + 1}`, nodes: 1, online: 1 }))
  const labels = placeSpots(named, 320, nobody).spots.map(({ label }) => label)
  assert.ok(labels[11]?.startsWith('bre'))
  assert.ok(labels[11]?.endsWith('r-12'), labels[11])
  assert.is(new Set(labels).size, 20)
})

test('of more spots than can be told apart the largest are drawn, and of equals those in trouble', () => {
  const many = [...spots(400), { key: 'big', nodes: 90, online: 90 }, { key: 'zone', nodes: 20, online: 3 }]
  const link = { a: 'site-1', b: 'site-399', paths: { none: 1 } }
  const drawn = drawnSpots({ spots: many, links: [link] })
  const keys = new Set(drawn.map(({ key }) => key))
  assert.is(drawn.length, topologyDrawnMax)
  assert.ok(['big', 'zone', 'site-1', 'site-399'].every((key) => keys.has(key)))
  assert.is(drawnSpots({ spots: spots(30), links: [] }).length, 30)
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
