// Who is told what and when: news goes round at once, nobody is woken for nothing, and whoever lies costs little.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NodeId } from '../../shared/ids.ts'
import { testDevice } from '../link/hub.fake.ts'
import type { MindEvent } from './mind.ts'
import { type MindStart, peerOf, rig, stateAt } from './mind-rig.fake.ts'

const ids = Array.from({ length: 12 }, (_, index) => testDevice(`node-${index}`, index).nodeId)
const [A = '' as NodeId, B = '' as NodeId] = ids
const DAY_MS = 86_400_000

test('news goes to three at once, then to whoever is left, and to nobody three times who is silent', () => {
  const one = rig(ids.map((node) => peerOf(node)))
  one.pass(10_000)
  one.clear()
  one.hold(stateAt(2))
  assert.is(one.helloTo().length, 3)
  one.pass(30_000)
  const counts = ids.map((node) => one.helloTo().filter((to) => to === node).length)
  assert.ok(Math.min(...counts) >= 1 && Math.max(...counts) <= 3, counts.join())
})

test('news that everybody has heard dies at once', () => {
  const one = rig(ids.map((node) => peerOf(node)))
  one.pass(10_000)
  one.clear()
  one.hold(stateAt(2))
  for (const node of one.helloTo()) one.tell({ type: 'heard', node, state: stateAt(2), how: 'answer' })
  one.pass(20_000)
  assert.is(one.helloTo().length, 3)
})

test('facts that differ right after an exchange of facts are exchanged as soon as they may be again, and not before', () => {
  for (const [metered, expected] of [
    [false, [10_000]],
    [true, []],
  ] as const) {
    const one = rig([peerOf(A)], { metered })
    one.pass(20_000)
    one.tell({ type: 'heard', node: A, state: stateAt(1, { facts: 1 }), how: 'answer' })
    one.tell({ type: 'ended', node: A, fine: true, facts: true })
    const from = one.now()
    one.clear()
    for (const ms of [1_000, 2_000]) {
      one.pass(ms)
      one.tell({ type: 'heard', node: A, state: stateAt(1, { facts: 2 }), how: 'answer' })
    }
    one.pass(30_000)
    const times = one.said.filter(({ type }) => type === 'exchange').map(({ at }) => at - from)
    assert.equal(times, expected)
  }
})

test('a fleet that hears its hub wakes nobody for a change; without the hub, or for a peer without, it does', () => {
  const resting = ids.slice(0, 5).map((node) => peerOf(node, { awake: false }))
  const online = rig(resting)
  online.online(true)
  online.hold({ ...stateAt(2), online: true }, false)
  online.pass(60_000)
  assert.equal(online.helloTo(), [])
  online.tell({ type: 'heard', node: B, state: stateAt(1), how: 'hello' })
  online.hold({ ...stateAt(3), online: true }, false)
  online.pass(30_000)
  assert.ok(online.helloTo().length > 0 && online.helloTo().every((node) => node === B))
  const alone = rig(resting)
  alone.hold(stateAt(2))
  alone.pass(20_000)
  assert.is(new Set(alone.helloTo()).size, resting.length)
})

test('a day without anything: peers that rest are asked a few times, and by a node that hears the hub never', () => {
  const resting = ids.map((node, index) => peerOf(node, { awake: false, relay: index === 0 }))
  const alone = rig(resting, { metered: true })
  alone.tell({ type: 'heard', node: A, state: stateAt(1), how: 'answer' })
  alone.pass(DAY_MS)
  assert.ok(alone.helloTo().length >= 4 && alone.helloTo().length <= 10, `${alone.helloTo().length}`)
  const online = rig(resting, { metered: true })
  online.online(true)
  online.clear()
  online.pass(DAY_MS)
  assert.equal(online.helloTo(), [])
})

test('one awake peer is asked each minute, every quarter of an hour where bytes are paid, and a relay asks two', () => {
  const awake = ids.map((node) => peerOf(node))
  const perHour = (options: Parameters<typeof rig>[1]): number => {
    const one = rig(awake, options)
    one.tell({ type: 'heard', node: A, state: stateAt(1), how: 'answer' })
    one.pass(60_000)
    one.clear()
    one.pass(3_600_000)
    return one.helloTo().length
  }
  const [usual, metered, relay] = [{}, { metered: true }, { isRelay: true }].map(perHour)
  assert.ok(Math.abs((usual ?? 0) - 60) <= 15, `${usual}`)
  assert.ok(Math.abs((metered ?? 0) - 4) <= 2, `${metered}`)
  assert.ok((relay ?? 0) > 1.5 * (usual ?? 0), `${relay}`)
})

test('a newer peer is asked for what it holds: at once, or after the hub had its chance; one at a time', () => {
  const one = rig(ids.map((node) => peerOf(node)))
  const asked = one.tell({ type: 'heard', node: A, state: stateAt(5), how: 'hello' })
  assert.equal(asked, [
    { type: 'answer', node: A },
    { type: 'exchange', node: A, facts: false, wakes: false },
  ])
  assert.equal(one.tell({ type: 'heard', node: B, state: stateAt(6), how: 'answer' }).length, 0)
  one.set(stateAt(6))
  one.tell({ type: 'ended', node: A, fine: true, facts: false })
  one.clear()
  one.pass(5_000)
  assert.equal(
    one.said.filter(({ type }) => type === 'exchange'),
    [],
  )
  const online = rig([peerOf(A)])
  online.online(true)
  assert.equal(online.tell({ type: 'heard', node: A, state: stateAt(5), how: 'hello' }).length, 1)
  online.pass(3_000)
  assert.is(online.said.filter(({ type }) => type === 'exchange').length, 1)
})

test('until the hub was found or looked for in vain nobody is woken for its absence, for 20 s at most', () => {
  const resting = [peerOf(A, { awake: false, near: true })]
  const wakes = (hub: Required<MindStart>['hub'], afterMs: number): boolean => {
    const one = rig(resting, { hub })
    one.pass(afterMs)
    const said = one.tell({ type: 'heard', node: A, state: stateAt(5), how: 'beacon' })
    one.pass(3_000)
    const asked = [...said, ...one.said].find(({ type }) => type === 'exchange')
    return asked?.type === 'exchange' && asked.wakes
  }
  assert.is(wakes('unknown', 0), false)
  assert.is(wakes('unknown', 15_000), false)
  assert.is(wakes('unknown', 20_000), true)
  assert.is(wakes('away', 0), false)
  assert.is(wakes('away', 5_000), true)
  assert.is(wakes('there', 60_000), false)

  const late = rig(resting, { hub: 'unknown' })
  late.pass(19_000)
  assert.equal(late.said, [])
  late.online(false)
  late.pass(20_000)
  assert.ok(late.helloTo().length > 0)
})

test('a peer that promises and does not give is asked ever more rarely', () => {
  const tries = rig([peerOf(A)])
  let exchanges = tries.tell({ type: 'heard', node: A, state: stateAt(9), how: 'hello' }).length - 1
  for (let minute = 0; minute < 24 * 60; minute++) {
    tries.clear()
    tries.tell({ type: 'ended', node: A, fine: false, facts: false })
    tries.pass(60_000)
    exchanges += tries.said.filter(({ type }) => type === 'exchange').length
  }
  assert.ok(exchanges < 300, `${exchanges}`)
})

test('facts are compared by who was answered, not too often, and not between two that hear the hub', () => {
  const one = rig([peerOf(A)])
  const differs = (how: 'hello' | 'answer', online = false): number =>
    one
      .tell({ type: 'heard', node: A, state: stateAt(1, { facts: 7, online }), how })
      .filter(({ type }) => type === 'exchange').length
  assert.is(differs('hello'), 0)
  assert.is(differs('answer'), 1)
  one.tell({ type: 'ended', node: A, fine: true, facts: true })
  one.clear()
  assert.is(differs('answer'), 0)
  one.pass(9_000)
  assert.is(one.said.filter(({ type }) => type === 'exchange').length, 0)
  one.pass(11_000)
  assert.is(one.said.filter(({ type }) => type === 'exchange').length, 1)
  one.tell({ type: 'ended', node: A, fine: true, facts: true })
  one.online(true)
  one.pass(20_000)
  assert.is(differs('answer', true), 0)
})

test('an own fact goes to relays even if they rest; one from the hub only to those without it', () => {
  const list = ids.map((node, index) => peerOf(node, { awake: false, relay: index === 0 }))
  const alone = rig(list)
  assert.equal(alone.tell({ type: 'fact', about: 'self' as NodeId, by: 'self' }), [], 'the hub may come in a moment')
  alone.pass(5_500)
  assert.equal(
    alone.said.filter(({ type }) => type === 'fact').map(({ node }) => node),
    [A],
  )
  const told = alone.tell({ type: 'fact', about: 'self' as NodeId, by: 'self' })
  assert.equal(
    told.map(({ node, type }) => [type, node]),
    [['fact', A]],
  )
  const online = rig(ids.map((node) => peerOf(node)))
  online.online(true)
  online.pass(6_000)
  assert.equal(online.tell({ type: 'fact', about: A, by: 'hub' }), [])
  online.tell({ type: 'heard', node: B, state: stateAt(1), how: 'hello' })
  assert.equal(
    online.tell({ type: 'fact', about: A, by: 'hub' }).map(({ node }) => node),
    [B],
  )
  const all = rig(ids.map((node) => peerOf(node)))
  all.pass(6_000)
  const passed = all.tell({ type: 'fact', about: A, by: B })
  assert.ok(passed.length === 3 && passed.every(({ node }) => node !== A && node !== B))
})

test('a fact of another node wakes nobody, not even a peer that spoke a moment ago', () => {
  const [, , resting = A, awake = A] = ids
  const one = rig([A, B, resting].map((node) => peerOf(node, { awake: false })).concat(peerOf(awake)))
  one.pass(6_000)
  one.tell({ type: 'heard', node: resting, state: stateAt(1), how: 'answer' })
  assert.equal(
    one.tell({ type: 'fact', about: A, by: B }).map(({ node }) => node),
    [awake],
  )
})

test('whatever is heard, the mind comes to rest and speaks to members only', () => {
  const nodes = fc.constantFrom(...ids)
  const how = fc.constantFrom('hello' as const, 'answer' as const, 'beacon' as const)
  const state = fc.record({ revision: fc.nat(9), facts: fc.nat(3), online: fc.boolean() })
  const events: fc.Arbitrary<MindEvent> = fc.oneof(
    fc.record({
      type: fc.constant('heard' as const),
      node: nodes,
      how,
      state: state.map((one) => stateAt(one.revision, one)),
    }),
    fc.record({ type: fc.constant('ended' as const), node: nodes, fine: fc.boolean(), facts: fc.boolean() }),
    fc.record({ type: fc.constant('fact' as const), about: nodes, by: nodes }),
    fc.record({ type: fc.constant('served' as const), node: nodes }),
    fc.record({ type: fc.constant('taken' as const), alone: fc.boolean() }),
    fc.record({ type: fc.constant('mode' as const), online: fc.boolean() }),
  )
  const steps = fc.array(fc.tuple(events, fc.nat(120_000)), { maxLength: 40 })
  fc.assert(
    fc.property(fc.nat(12), steps, fc.nat(), (count, list, seed) => {
      const members = ids.slice(0, count)
      const one = rig(
        members.map((node, index) => peerOf(node, { awake: index % 2 === 0, relay: index === 1 })),
        { seed },
      )
      for (const [event, ms] of list) {
        one.tell(event)
        one.pass(ms)
      }
      for (const { node } of one.said) assert.ok(members.includes(node))
    }),
    { numRuns: 60 },
  )
})

test.run()
