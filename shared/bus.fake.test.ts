// The broker of the other tests: it must have MQTT's manners, or they prove nothing.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeBroker, matchesFilter } from './bus.fake.ts'
import { fromUtf8, utf8 } from './bytes.ts'
import { FakeClock, settle } from './effects.fake.ts'
import type { Bus, BusHandlers } from './effects.ts'

interface Client {
  readonly bus: Bus
  readonly heard: string[]
}

function client(broker: FakeBroker, id: string, filters: readonly string[]): Client {
  const heard: string[] = []
  const bus = broker.factory(id)({ filters, will: { topic: `will/${id}`, payload: utf8('gone'), retain: true } })
  const handlers: BusHandlers = {
    onUp: () => void heard.push('up'),
    onDown: (reason, code) => void heard.push(`down ${reason}${code === undefined ? '' : ` ${code}`}`),
    onMessage: (topic, payload) => void heard.push(`${topic} ${fromUtf8(payload)}`),
  }
  bus.start(handlers)
  return { bus, heard }
}

for (const [filter, topic, expected] of [
  ['a/b', 'a/b', true],
  ['a/b', 'a/b/c', false],
  ['a/+/c', 'a/b/c', true],
  ['a/+', 'a', false],
  ['a/#', 'a/b/c', true],
  ['a/#', 'a', true],
  ['+/b', 'a/c', false],
] as const) {
  test(`${filter} ${expected ? 'matches' : 'does not match'} ${topic}`, () => {
    assert.is(matchesFilter(filter, topic), expected)
  })
}

test('a late subscriber gets the retained message and only the last one', async () => {
  const broker = new FakeBroker()
  const writer = client(broker, 'w', [])
  await settle()
  await writer.bus.publish({ topic: 't/1', payload: utf8('old'), retain: true })
  await writer.bus.publish({ topic: 't/1', payload: utf8('new'), retain: true })
  await writer.bus.publish({ topic: 't/2', payload: utf8('passing') })
  const reader = client(broker, 'r', ['t/+'])
  await settle()
  assert.equal(reader.heard, ['up', 't/1 new'])
})

test('a will fires when a client is killed, not when it closes', async () => {
  const broker = new FakeBroker()
  const a = client(broker, 'a', [])
  client(broker, 'b', [])
  const reader = client(broker, 'r', ['will/#'])
  await settle()
  await a.bus.close()
  broker.kill('b')
  await settle()
  assert.equal(reader.heard, ['up', 'will/b gone'])
})

test('publishing without a link is refused, and the link comes back by itself', async () => {
  const clock = new FakeClock()
  const broker = new FakeBroker({ clock, latencyMs: 5, retryMs: 100 })
  const { bus, heard } = client(broker, 'a', ['t'])
  await clock.advanceAsync(10)
  broker.setDown(true)
  assert.equal(heard, ['up', 'down the broker is gone'])
  const refused = await bus.publish({ topic: 't', payload: utf8('x') }).then(
    () => 'taken',
    (error: unknown) => (error as { code: string }).code,
  )
  assert.is(refused, 'unreachable')
  broker.setDown(false)
  await clock.advanceAsync(99)
  assert.is(heard.length, 2)
  await clock.advanceAsync(1)
  assert.is(heard.at(-1), 'up')
})

test('a refused client learns why', async () => {
  const broker = new FakeBroker()
  broker.refuse('a', 'unauthenticated')
  const { heard } = client(broker, 'a', [])
  await settle()
  assert.equal(heard, ['down turned away unauthenticated'])
  broker.refuse('a', undefined)
  await settle()
  assert.is(heard.at(-1), 'up')
})

test.run()
