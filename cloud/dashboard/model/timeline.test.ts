// Events in sentences: each kind has one, the newest comes first, and what is said again is not a line again.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName } from '../../../shared/ids.ts'
import type { PastEvent } from '../../api/event-log.ts'
import { momentOf, momentsOf, withMoment } from './timeline.ts'

const name = parseName('till-1')
const version = { epoch: 2, revision: 7 }
const at = { id: 'x-1', at: 5 }

test('each kind of event has its sentence', () => {
  const events: readonly PastEvent[] = [
    { ...at, type: 'node', name, state: 'offline' },
    { ...at, type: 'put', kind: 'Policy', name: 'p', resourceVersion: '1' },
    { ...at, type: 'delete', kind: 'Node', name: 'n', resourceVersion: '1' },
    { ...at, type: 'published', network: name, version },
    { ...at, type: 'acknowledged', name, version },
    { ...at, type: 'taken-back', name, version, check: 'hub', certain: true },
    { ...at, type: 'override', name },
    { ...at, type: 'update', name, phase: 'halted', wave: 1, done: 2 },
  ]
  assert.equal(
    events.map(momentOf).map(({ subjects, text, tone }) => [tone, `${subjects[0]?.name} ${text}`, subjects[0]?.link]),
    [
      ['warn', 'till-1 lost the hub; works on by itself', '#/nodes/till-1'],
      ['plain', 'p was written (Policy)', '#/policy'],
      ['plain', 'n was deleted (Node)', undefined],
      ['plain', 'till-1 revision 2.7 was published', undefined],
      ['good', 'till-1 runs revision 2.7', '#/nodes/till-1'],
      ['bad', 'till-1 took back revision 2.7: hub', '#/nodes/till-1'],
      ['warn', 'till-1 has other policy overrides', '#/nodes/till-1'],
      ['bad', 'till-1 agent update: halted, wave 1, 2 done', undefined],
    ],
  )
})

test('an event of a newer hub is shown by its kind', () => {
  const event = { ...at, type: 'eclipse' } as unknown as PastEvent
  assert.is(momentOf(event).text, 'eclipse')
})

test('the newest comes first; the same again counts up; there is an end', () => {
  const event = (id: number): PastEvent => ({ type: 'node', name, state: 'online', id: `x-${id}`, at: id })
  const twice = momentsOf([event(3), event(2), event(1)])
  assert.equal(
    twice.map(({ id, text, times }) => [id, text, times]),
    [
      ['x-3', 'has news of its health or uplink', 2],
      ['x-1', 'is online', 1],
    ],
  )
  let many = twice
  for (let i = 0; i < 500; i++) {
    many = withMoment(many, momentOf({ type: 'node', name: parseName(`n${i}`), state: 'online', id: `y-${i}`, at: i }))
  }
  assert.equal(
    [many.length, many[0]?.subjects.length, many[0]?.subjects[0]?.name, many[0]?.times],
    [2, 501, 'n499', 501],
    'five hundred nodes that come are one line',
  )
})

test('the same of many nodes is one line, with who, how often, first and last; an hour later it is another', () => {
  const minute = 60_000
  const event = (id: number, node: string, state: 'online' | 'offline', saidAt: number): PastEvent => {
    return { type: 'node', name: parseName(node), state, id: `x-${id}`, at: saidAt }
  }
  const told = momentsOf(
    [
      event(1, 'a', 'offline', minute),
      event(2, 'b', 'offline', 2 * minute),
      event(3, 'a', 'online', 3 * minute),
      event(4, 'a', 'offline', 4 * minute),
      event(5, 'b', 'online', 5 * minute),
      event(6, 'a', 'offline', 6 * minute),
      event(7, 'c', 'offline', 70 * minute),
    ].toReversed(),
  )
  assert.equal(
    told.map(({ at: lastAt, firstAt, subjects, texts, times }) => [
      subjects.map(({ name: who }) => who).join(' '),
      texts,
      times,
      firstAt / minute,
      lastAt / minute,
    ]),
    [
      ['c', 'lost the hub; work on by themselves', 1, 70, 70],
      // Its last state, whatever was said of others since.
      ['a', 'have news of their health or uplink', 1, 6, 6],
      ['b a', 'are online', 2, 3, 5],
      ['a b', 'lost the hub; work on by themselves', 3, 1, 4],
    ],
  )
})

test('a browser that is open for a week keeps a bounded list of bounded lines', () => {
  let many: ReturnType<typeof momentsOf> = []
  for (let hour = 0; hour < 250; hour++) {
    const happened = { type: 'node', state: 'online', name: parseName(`n${hour}`) } as const
    many = withMoment(many, momentOf({ ...happened, id: `y-${hour}`, at: hour * 3_600_000 }))
  }
  assert.is(many.length, 200)
  for (let index = 0; index < 1_005; index++) {
    const event = { type: 'override', name: parseName(`n${index}`), id: `z-${index}`, at: index } as const
    many = withMoment(many, momentOf(event))
  }
  assert.equal([many[0]?.subjects.length, many[0]?.more, many[0]?.times], [1_000, true, 1_005])
})

test.run()
