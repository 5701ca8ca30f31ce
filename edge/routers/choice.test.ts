// Which router is used: one that answers, by the better way, and not another one at each breath of wind.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Name, NodeId } from '../../shared/ids.ts'
import type { Router } from '../plan/routes.ts'
import { chooseRouter, type RouterSight } from './choice.ts'

function router(name: string, metric = 100): Router {
  return { node: name as NodeId, name: name as Name, metric }
}

function choose(
  sights: Readonly<Record<string, Partial<RouterSight>>>,
  inUse?: string,
  metrics: Readonly<Record<string, number>> = {},
) {
  const routers = Object.keys(sights).map((name) => router(name, metrics[name]))
  const sightOf = (node: NodeId): RouterSight => ({ standing: 'there', ...sights[node] })
  return chooseRouter(routers, sightOf, inUse as NodeId | undefined)?.name
}

test('while nothing is known, the lowest metric, then the order given; what is in use stays among equals', () => {
  assert.is(choose({}), undefined)
  assert.is(choose({ a: {}, b: {} }), 'a')
  assert.is(choose({ a: {}, b: {} }, 'b'), 'b')
  assert.is(choose({ a: {}, b: {} }, 'a', { b: 10 }), 'b')
})

test('one that is gone is left, one that is back too short a time is the second choice, and where all are gone nothing changes', () => {
  assert.is(choose({ a: { standing: 'gone' }, b: {} }, 'a', { a: 1 }), 'b')
  assert.is(choose({ a: { standing: 'held' }, b: {} }, 'b', { a: 1 }), 'b')
  assert.is(choose({ a: { standing: 'held' }, b: { standing: 'gone' } }, 'b'), 'a')
  assert.is(choose({ a: { standing: 'gone' }, b: { standing: 'gone' } }, 'b'), 'b')
})

test('the kind of path goes before the round trip, and that before the metric', () => {
  assert.is(choose({ a: { path: 'relay', rttMs: 5 }, b: { path: 'direct', rttMs: 90 } }, 'a'), 'b')
  assert.is(choose({ a: { path: 'direct', rttMs: 60 }, b: { path: 'direct', rttMs: 20 } }, 'a', { a: 1 }), 'b')
  assert.is(choose({ a: { path: 'direct', rttMs: 25 }, b: { path: 'direct', rttMs: 20 } }, 'b', { a: 1 }), 'a')
  assert.is(choose({ a: { path: 'direct', rttMs: 42 }, b: { path: 'direct', rttMs: 20 } }, 'a'), 'a', 'nearly as good')
  assert.is(choose({ a: { path: 'direct', rttMs: 42 }, b: { path: 'direct', rttMs: 20 } }), 'b')
  assert.is(choose({ a: { path: 'lan', rttMs: 1 }, b: {} }, 'a', { b: 10 }), 'b', 'nobody knows the way to b')
})

test('whatever is seen: one that answers where any does, and chosen again by the same sight it stays', () => {
  const sight = fc.record({
    standing: fc.constantFrom<RouterSight['standing']>('there', 'held', 'gone'),
    path: fc.constantFrom(undefined, 'lan' as const, 'direct' as const, 'relay' as const, 'tls' as const),
    rttMs: fc.option(fc.integer({ min: 0, max: 400 }), { nil: undefined }),
    metric: fc.integer({ min: 1, max: 3 }),
  })
  fc.assert(
    fc.property(fc.array(sight, { minLength: 1, maxLength: 6 }), fc.nat(5), (sights, held) => {
      const routers = sights.map(({ metric }, i) => router(`r${i}`, metric))
      const sightOf = (node: NodeId): RouterSight => sights[Number(node.slice(1))] ?? { standing: 'gone' }
      const inUse = routers[held]?.node
      const chosen = chooseRouter(routers, sightOf, inUse)
      assert.ok(chosen)
      const standings = new Set(sights.map(({ standing }) => standing))
      const best = (['there', 'held', 'gone'] as const).find((one) => standings.has(one))
      assert.is(sightOf(chosen.node).standing, best === 'gone' ? 'gone' : best)
      assert.is(chooseRouter(routers, sightOf, chosen.node)?.node, chosen.node)
    }),
    { numRuns: 2_000 },
  )
})

test.run()
