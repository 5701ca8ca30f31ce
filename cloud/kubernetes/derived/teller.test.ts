// What is at fault is told once, not faster than an API server likes, and again where it was not taken.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../../shared/effects.fake.ts'
import { HoldfastError } from '../../../shared/errors.ts'
import { admin } from '../../hub-world.fake.ts'
import { clusterEventsMax } from '../cluster-limits.ts'
import type { Derived } from './derived.ts'
import { derivePolicy } from './policies.ts'
import { createTeller } from './teller.ts'

function faulty(name: string, mood = 1): Derived {
  const input = {
    kind: 'NetworkPolicy',
    namespace: 'shop',
    name,
    uid: name,
    resourceVersion: '1',
    generation: 1,
    annotations: {},
    labels: {},
  } as const
  const options = { clusterName: 'kube', network: 'default' }
  return derivePolicy({ ...input, spec: { podSelector: {}, [`mood${mood}`]: 1 } }, options)
}

function world() {
  const clock = new FakeClock()
  const events: string[] = []
  const notes: string[] = []
  const refused = new Set<string>()
  const teller = createTeller({
    actor: admin,
    clock,
    log: memoryLog(),
    hub: { note: (_actor, verb, target) => void notes.push(`${verb} ${target}`) },
    cluster: {
      async tell({ name }, { note }) {
        if (refused.has(name)) throw new HoldfastError('forbidden', 'the namespace is being deleted')
        events.push(`${name}: ${note}`)
      },
    },
  })
  return { clock, events, notes, refused, teller }
}

test('each state of an object is told once, in an event and in the audit log', async () => {
  const { events, notes, teller } = world()
  for (const mood of [1, 1, 2, 2]) assert.is(await teller.tell([faulty('a', mood)]), 0)
  assert.equal(notes, ['refuse networkpolicy/shop/a', 'refuse networkpolicy/shop/a'])
  assert.match(events.join('\n'), /^a: spec\.mood1: is not a known field.*allows nothing\.\na: spec\.mood2: [^\n]*$/)
})

test('what was mended and broken again is told again', async () => {
  const { events, teller } = world()
  for (const list of [[faulty('a')], [], [faulty('a')]]) await teller.tell(list)
  assert.is(events.length, 2)
})

test('many at once are told in time, and none is left out', async () => {
  const { clock, events, teller } = world()
  const all = Array.from({ length: clusterEventsMax + 3 }, (_, index) => faulty(`p${index}`))
  let waitMs = await teller.tell(all)
  assert.is(events.length, clusterEventsMax)
  for (let turns = 0; waitMs > 0; turns++) {
    assert.ok(turns < 10)
    await clock.advanceAsync(waitMs)
    waitMs = await teller.tell(all)
  }
  assert.is(new Set(events).size, all.length)
})

test('an event that is not taken keeps nobody else from being told, and is tried again', async () => {
  const { events, notes, refused, teller } = world()
  refused.add('a')
  assert.ok((await teller.tell([faulty('a'), faulty('b')])) > 0)
  assert.is(events.length, 1)
  refused.clear()
  assert.is(await teller.tell([faulty('a'), faulty('b')]), 0)
  assert.is(events.length, 2)
  assert.is(notes.length, 2)
})

test.run()
