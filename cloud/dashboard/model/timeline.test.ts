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
    events.map(momentOf).map(({ link, subject, text, tone }) => [tone, `${subject} ${text}`, link]),
    [
      ['warn', 'till-1 lost the hub; works on by itself', '#/nodes/till-1'],
      ['plain', 'p Policy was written', '#/policy'],
      ['plain', 'n Node was deleted', undefined],
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
  assert.is(many.length, 200)
  assert.is(many[0]?.subject, 'n499')
})

test.run()
