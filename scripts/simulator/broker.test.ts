// The simulated broker keeps what MQTT promises and breaks only what it is told to break.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import type { Bus } from '../../shared/effects.ts'
import { createSimBroker, type SimBroker } from './broker.ts'
import { createNodeClock } from './node-clock.ts'

interface Client {
  readonly bus: Bus
  readonly heard: string[]
}

const text = new TextDecoder()

function client(broker: SimBroker, base: FakeClock, id: string, filters: readonly string[]): Client {
  const will = { topic: `gone/${id}`, payload: new Uint8Array(1), retain: true }
  const bus = broker.factory(id, createNodeClock(base))({ filters, will })
  const heard: string[] = []
  bus.start({
    onUp: () => heard.push('up'),
    onDown: () => heard.push('down'),
    onMessage: (topic, payload) => heard.push(`${topic} ${text.decode(payload)}`),
  })
  return { bus, heard }
}

const say = (words: string): Uint8Array => new TextEncoder().encode(words)

function scene(): { readonly base: FakeClock; readonly broker: SimBroker } {
  const base = new FakeClock()
  return { base, broker: createSimBroker(base, seededEntropy(1)) }
}

test('delivers by filter, and what is retained to those who come later', async () => {
  const { base, broker } = scene()
  const a = client(broker, base, 'a', ['hf/+/head'])
  await base.advanceAsync(100)
  void a.bus.publish({ topic: 'hf/1/head', payload: say('one'), retain: true })
  void a.bus.publish({ topic: 'hf/1/delta', payload: say('two') })
  await base.advanceAsync(1_000)
  const b = client(broker, base, 'b', ['hf/#'])
  await base.advanceAsync(1_000)
  assert.equal(a.heard, ['up', 'hf/1/head one'])
  assert.equal(b.heard, ['up', 'hf/1/head one'])
})

test('a lost client leaves its will, comes back by itself, and its publishes fail meanwhile', async () => {
  const { base, broker } = scene()
  const a = client(broker, base, 'a', [])
  const b = client(broker, base, 'b', ['gone/+'])
  await base.advanceAsync(100)
  broker.cut('a', true)
  let failure = ''
  a.bus.publish({ topic: 'x', payload: say('') }).catch((error: Error) => {
    failure = error.message
  })
  await base.advanceAsync(1_000)
  assert.match(failure, /down/)
  assert.ok(b.heard.some((line) => line.startsWith('gone/a')))
  broker.cut('a', false)
  await base.advanceAsync(10_000)
  assert.is(a.heard.at(-1), 'up')
})

test('a crashed client hears nothing, and nothing it waited for comes back', async () => {
  const { base, broker } = scene()
  const a = client(broker, base, 'a', ['#'])
  await base.advanceAsync(100)
  let settled = false
  const done = (): void => {
    settled = true
  }
  a.bus
    .publish({ topic: 'x', payload: say('') })
    .finally(done)
    .catch(() => undefined)
  broker.forget('a')
  await base.advanceAsync(60_000)
  assert.equal(a.heard, ['up'])
  assert.not(settled)
  assert.is(broker.inFlight(), 0)
})

test('bad weather loses and repeats', async () => {
  const { base, broker } = scene()
  const a = client(broker, base, 'a', ['x'])
  await base.advanceAsync(100)
  broker.weather = { loss: 0.5, twice: 0, delayMsMax: 10 }
  for (let i = 0; i < 200; i++) broker.inject({ topic: 'x', payload: say(String(i)) })
  await base.advanceAsync(1_000)
  const lost = 201 - a.heard.length
  assert.ok(lost > 60 && lost < 140, `${lost} of 200 lost`)
  broker.weather = { loss: 0, twice: 1, delayMsMax: 10 }
  a.heard.length = 0
  broker.inject({ topic: 'x', payload: say('twin') })
  await base.advanceAsync(1_000)
  assert.equal(a.heard, ['x twin', 'x twin'])
})

test.run()
