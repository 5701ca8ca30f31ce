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
  const sightOf = ({ node }: Router): RouterSight => ({ standing: 'there', ...sights[node] })
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

test('one that proves that it forwards goes before one that does not, and where none does the way decides as ever', () => {
  const near = { path: 'lan', rttMs: 1 } as const
  assert.is(choose({ a: { ...near, proof: 'failing' }, b: { path: 'relay', proof: 'proven' } }, 'a', { a: 1 }), 'b')
  assert.is(choose({ a: { ...near, proof: 'failing' }, b: { path: 'relay' } }, 'a'), 'b', 'it may forward')
  assert.is(choose({ a: near, b: { path: 'relay', proof: 'proven' } }, 'a'), 'b')
  assert.is(choose({ a: { ...near, proof: 'failing' }, b: { path: 'relay', proof: 'failing' } }, 'b'), 'a')
  assert.is(choose({ a: { proof: 'failing' }, b: { standing: 'gone', proof: 'proven' } }, 'b'), 'a')
  assert.is(choose({ a: { proof: 'proven', standing: 'held' }, b: { proof: 'proven' } }, 'b', { a: 1 }), 'b')
  assert.is(choose({ a: { proof: 'proven', standing: 'held' }, b: {} }, 'b'), 'a', 'better soon than in the dark')
})

test('one that is about to leave is left, but not for one that does not forward, or for nobody', () => {
  assert.is(choose({ a: { leaves: true, path: 'lan', proof: 'proven' }, b: { path: 'relay' } }, 'a', { a: 1 }), 'b')
  assert.is(choose({ a: { leaves: true }, b: { proof: 'failing' } }, 'a'), 'a')
  assert.is(choose({ a: { leaves: true }, b: { standing: 'gone' } }, 'a'), 'a')
  assert.is(choose({ a: { leaves: true }, b: { leaves: true } }, 'b'), 'b')
})

test('where sources are left as they are, all devices prefer the same one, however near another is', () => {
  const of = (inUse: string | undefined, sights: Readonly<Record<string, RouterSight>>): string | undefined =>
    chooseRouter([router('b', 10), router('a')], ({ node }) => sights[node] as RouterSight, inUse as NodeId, true)?.name
  const there = { standing: 'there', path: 'relay' } as const
  assert.is(of('a', { a: { standing: 'there', path: 'lan' }, b: there }), 'b')
  assert.is(of('b', { a: there, b: { ...there, proof: 'failing' } }), 'a', 'answers come by the other one')
  assert.is(of('b', { a: there, b: { standing: 'held', path: 'lan' } }), 'a')
})

test('whatever is seen: one that answers where any does, and chosen again by the same sight it stays', () => {
  const sight = fc.record({
    standing: fc.constantFrom<RouterSight['standing']>('there', 'held', 'gone'),
    path: fc.constantFrom(undefined, 'lan' as const, 'direct' as const, 'relay' as const, 'tls' as const),
    rttMs: fc.option(fc.integer({ min: 0, max: 400 }), { nil: undefined }),
    metric: fc.integer({ min: 1, max: 3 }),
    proof: fc.constantFrom(undefined, 'proven' as const, 'failing' as const),
    leaves: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(sight, { minLength: 1, maxLength: 6 }), fc.nat(5), (sights, held) => {
      const routers = sights.map(({ metric }, i) => router(`r${i}`, metric))
      const sightOf = ({ node }: Router): RouterSight => sights[Number(node.slice(1))] ?? { standing: 'gone' }
      const inUse = routers[held]?.node
      const chosen = chooseRouter(routers, sightOf, inUse)
      assert.ok(chosen)
      const ofProof = (proof: RouterSight['proof']) =>
        sights.filter((one) => one.standing !== 'gone' && one.proof === proof)
      const seen = sightOf(chosen)
      if (sights.some(({ standing }) => standing !== 'gone')) assert.is.not(seen.standing, 'gone')
      if (ofProof('proven').some(({ leaves }) => !leaves)) assert.is(seen.proof, 'proven')
      if (ofProof('proven').length + ofProof(undefined).length > 0)
        assert.is.not(seen.proof, seen.standing === 'gone' ? '' : 'failing')
      assert.is(chooseRouter(routers, sightOf, chosen.node)?.node, chosen.node)
    }),
    { numRuns: 2_000 },
  )
})

test.run()
