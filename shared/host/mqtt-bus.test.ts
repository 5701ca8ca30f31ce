// The bus against a real broker in this process, over streams in memory and over TCP.

import { once } from 'node:events'
import { createServer } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Aedes } from 'aedes'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, utf8 } from '../bytes.ts'
import { FakeClock, memoryLog } from '../effects.fake.ts'
import type { Bus, BusMessage } from '../effects.ts'
import { type ErrorCode, isHoldfastError } from '../errors.ts'
import { systemClock, systemEntropy } from './clock.ts'
import { createMqttBusFactory, type MqttBusOptions } from './mqtt-bus.ts'

// Timers of the system clock keep no process alive, and the streams here are in memory.
const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

type Event = { readonly type: 'up' } | { readonly type: 'down'; readonly code: ErrorCode | undefined } | BusMessage

/** A bus whose events can be awaited in order. */
function watched(bus: Bus) {
  const events: Event[] = []
  let wake = (): void => undefined
  const push = (event: Event): void => {
    events.push(event)
    wake()
  }
  bus.start({
    onUp: () => push({ type: 'up' }),
    onDown: (_reason, code) => push({ type: 'down', code }),
    onMessage: (topic, payload) => push({ topic, payload }),
  })
  const next = async (): Promise<Event> => {
    for (;;) {
      const event = events.shift()
      if (event !== undefined) return event
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return { bus, next }
}

async function setUp(changes: Partial<MqttBusOptions> = {}) {
  const broker = await Aedes.createBroker()
  const streams: Duplex[] = []
  const factory = createMqttBusFactory({
    connect: async () => {
      const [near, far] = duplexPair()
      broker.handle(far)
      streams.push(near)
      return near
    },
    clientId: 'probe',
    clock: systemClock,
    entropy: systemEntropy,
    log: memoryLog(),
    backoff: () => 1,
    ...changes,
  })
  const client = watched(factory({ filters: ['a/+', 'will'], will: { topic: 'will', payload: utf8('gone') } }))
  return { broker, client, streams, factory }
}

const will: BusMessage = { topic: 'will', payload: utf8('gone') }

test('delivers what it publishes, and retained messages to whoever comes later', async () => {
  const { broker, client, factory } = await setUp()
  assert.is(((await client.next()) as { type: string }).type, 'up')
  await client.bus.publish({ topic: 'a/b', payload: utf8('1'), retain: true })
  const message = (await client.next()) as BusMessage
  assert.equal([message.topic, fromUtf8(message.payload)], ['a/b', '1'])
  await client.bus.close()
  const later = watched(factory({ filters: ['a/#'], will }))
  const first = await later.next()
  const second = await later.next()
  assert.equal([first, second].map((event) => ('type' in event ? event.type : fromUtf8(event.payload))).sort(), [
    '1',
    'up',
  ])
  await later.bus.close()
  broker.close()
})

test('a bus whose broker has not answered yet is closed at once', async () => {
  const [near, far] = duplexPair()
  const clock = new FakeClock()
  const { broker, client } = await setUp({ clock, connect: async () => near })
  await new Promise((resolve) => far.once('data', resolve))
  await client.bus.close()
  assert.ok(near.destroyed)
  broker.close()
})

test('publishing without a link is refused at once', async () => {
  const { broker, client, streams } = await setUp({ backoff: () => 60_000 })
  await client.next()
  streams[0]?.destroy()
  assert.equal(await client.next(), { type: 'down', code: 'unreachable' })
  const error = await client.bus.publish({ topic: 'a/b', payload: utf8('1') }).catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(error, 'unreachable'))
  await client.bus.close()
  broker.close()
})

test('comes back after a lost link, subscribed again; a nudge skips the wait', async () => {
  const { broker, client, streams } = await setUp({ backoff: () => 3_600_000 })
  await client.next()
  streams[0]?.destroy()
  await client.next()
  client.bus.nudge()
  assert.equal(await client.next(), { type: 'up' })
  assert.is(streams.length, 2)
  await client.bus.publish({ topic: 'a/b', payload: utf8('again') })
  assert.is(((await client.next()) as BusMessage).topic, 'a/b')
  await client.bus.close()
  broker.close()
})

test('a nudge begins patience anew, and one that comes within a second of another is none', async () => {
  const clock = new FakeClock()
  const failures: number[] = []
  const { broker, client } = await setUp({
    clock,
    connect: () => Promise.reject(new Error('no route')),
    backoff(state) {
      failures.push(state.failures)
      return 10_000
    },
  })
  const fail = async (act: () => void): Promise<void> => {
    act()
    assert.equal(await client.next(), { type: 'down', code: 'unreachable' })
  }
  await fail(() => undefined)
  await fail(() => clock.advance(10_000))
  await fail(() => client.bus.nudge())
  client.bus.nudge()
  await fail(() => clock.advance(10_000))
  await fail(() => client.bus.nudge())
  await fail(() => clock.advance(10_000))
  assert.equal(failures, [1, 2, 1, 2, 1, 2])
  await client.bus.close()
  broker.close()
})

test('a nudge ends a try that waits for an answer by a way that is gone', async () => {
  const clock = new FakeClock()
  const tries: PromiseWithResolvers<Duplex>[] = []
  const { broker, client } = await setUp({
    clock,
    connect: () => {
      const next = Promise.withResolvers<Duplex>()
      tries.push(next)
      return next.promise
    },
    backoff: () => 500,
  })
  client.bus.nudge()
  assert.equal(await client.next(), { type: 'down', code: 'unreachable' })
  clock.advance(500)
  assert.is(tries.length, 2)
  const [late] = duplexPair()
  tries[0]?.resolve(late)
  await once(late, 'close')
  await client.bus.close()
  broker.close()
})

test('a lost connection publishes the will, a goodbye does not', async () => {
  const { broker, client, factory } = await setUp()
  await client.next()
  for (const goodbye of [true, false]) {
    const published: string[] = []
    broker.on('publish', (packet) => published.push(packet.topic))
    const [near, far] = duplexPair()
    broker.handle(far)
    const other = watched(
      createMqttBusFactory({
        connect: async () => near,
        clientId: 'other',
        clock: systemClock,
        entropy: systemEntropy,
        log: memoryLog(),
        backoff: () => 3_600_000,
      })({ filters: ['x'], will }),
    )
    await other.next()
    const gone = new Promise<void>((resolve) => broker.once('clientDisconnect', () => resolve()))
    if (goodbye) await other.bus.close()
    else near.destroy()
    await gone
    if (goodbye) assert.not(published.includes('will'))
    else assert.is(((await client.next()) as BusMessage).topic, 'will')
    await other.bus.close()
  }
  assert.type(factory, 'function')
  await client.bus.close()
  broker.close()
})

test('a refusal of credentials and one of a subscription are told apart', async () => {
  const strict = await setUp({ backoff: () => 3_600_000, username: 'n', password: 'wrong' })
  strict.broker.authenticate = (_client, _user, _password, done) => {
    done(Object.assign(new Error('no'), { returnCode: 4 }), null)
  }
  await strict.client.bus.close()
  const { broker } = strict
  for (const [rule, code] of [
    ['authenticate', 'unauthenticated'],
    ['authorizeSubscribe', 'forbidden'],
  ] as const) {
    if (rule === 'authorizeSubscribe') {
      broker.authenticate = (_client, _user, _password, done) => done(null, true)
      broker.authorizeSubscribe = (_client, _subscription, done) => done(null, null)
    }
    const [near, far] = duplexPair()
    broker.handle(far)
    const refused = watched(
      createMqttBusFactory({
        connect: async () => near,
        clientId: 'refused',
        username: 'n',
        password: 'p',
        clock: systemClock,
        entropy: systemEntropy,
        log: memoryLog(),
        backoff: () => 3_600_000,
      })({ filters: ['x'], will }),
    )
    assert.equal(await refused.next(), { type: 'down', code })
    await refused.bus.close()
  }
  broker.close()
})

test('works over TCP, and a broker that vanishes is reported', async () => {
  const broker = await Aedes.createBroker()
  const server = createServer((socket) => broker.handle(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { connect } = await import('node:net')
  const factory = createMqttBusFactory({
    connect: () =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => resolve(socket))
        socket.once('error', reject)
      }),
    clientId: 'tcp',
    clock: systemClock,
    entropy: systemEntropy,
    log: memoryLog(),
    backoff: () => 1,
  })
  const client = watched(factory({ filters: ['a/#'], will }))
  assert.equal(await client.next(), { type: 'up' })
  const payload = new Uint8Array(200_000).fill(7)
  await client.bus.publish({ topic: 'a/large', payload })
  assert.is(((await client.next()) as BusMessage).payload.length, payload.length)
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  broker.close()
  await closed
  assert.equal(await client.next(), { type: 'down', code: 'unreachable' })
  assert.equal(await client.next(), { type: 'down', code: 'unreachable' })
  await client.bus.close()
})

/** Bytes of buffers that somebody holds. What is free is given back one turn after the first collection. */
async function held(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  await setImmediate()
  collect()
  return process.memoryUsage().arrayBuffers
}

test('thousands of packet lengths pin no memory', async () => {
  const { broker, client } = await setUp({ queueMax: 10_000 })
  await client.next()
  const before = await held()
  for (let round = 0; round < 30; round++) {
    const lengths = Array.from({ length: 100 }, (_, index) => 200 + round * 100 + index)
    await Promise.all(lengths.map((size) => client.bus.publish({ topic: 'z', payload: new Uint8Array(size) })))
  }
  // 3,000 lengths would pin some 190 MiB as slices of a 64 KiB pool, or half of 24 MiB of an 8 KiB one.
  const grownMiB = ((await held()) - before) / (1 << 20)
  await client.bus.close()
  broker.close()
  assert.ok(grownMiB < 4, `${grownMiB.toFixed(1)} MiB more in buffers`)
})

test.run()
