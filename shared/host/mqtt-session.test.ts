// A broker that misbehaves: silent, deaf, or talking without end. Played by hand, on a clock that moves when told.

import { type Duplex, duplexPair } from 'node:stream'
import { generate, parser } from 'mqtt-packet'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../bytes.ts'
import { FakeClock, settle } from '../effects.fake.ts'
import type { HoldfastError } from '../errors.ts'
import { mqttPacketMax } from '../limits.ts'
import { openSession, type Session } from './mqtt-session.ts'

interface Rig {
  readonly broker: Duplex
  readonly clock: FakeClock
  readonly session: Session
  readonly events: string[]
}

/** Bytes are passed along over several turns of the event loop. */
async function passed(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await settle()
}

async function connect(): Promise<Rig> {
  const [near, broker] = duplexPair()
  const clock = new FakeClock()
  const events: string[] = []
  const words = parser()
  broker.on('data', (chunk: Buffer) => words.parse(chunk))
  words.on('packet', (packet) => {
    if (packet.cmd !== 'subscribe') return
    broker.write(generate({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [1] }))
  })
  const session = openSession(
    near,
    { filters: ['a'], will: { topic: 'w', payload: utf8('') }, clientId: 'c', keepaliveS: 60, clock },
    {
      up: () => void events.push('up'),
      down: (error: HoldfastError) => void events.push(`${error.code}: ${error.message}`),
      message: (topic, payload) => void events.push(`${topic} ${payload.length}`),
    },
  )
  return { broker, clock, session, events }
}

async function connected(): Promise<Rig> {
  const rig = await connect()
  rig.broker.write(generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }))
  await passed()
  assert.equal(rig.events.splice(0), ['up'])
  return rig
}

test('a broker that never answers is given up', async () => {
  const { clock, events } = await connect()
  await clock.advanceAsync(19_000)
  assert.equal(events, [])
  await clock.advanceAsync(1_000)
  assert.equal(events, ['unreachable: the broker did not answer within 20 s'])
})

test('a broker that falls silent is noticed by keepalive, and at once by a probe', async () => {
  const quiet = await connected()
  await quiet.clock.advanceAsync(89_000)
  assert.equal(quiet.events, [])
  await quiet.clock.advanceAsync(2_000)
  assert.is(quiet.events.length, 1)
  const probed = await connected()
  probed.session.probe()
  await probed.clock.advanceAsync(10_000)
  assert.equal(probed.events, ['unreachable: the broker does not answer on the old connection'])
})

test('a broker that answers the probe stays', async () => {
  const { broker, clock, session, events } = await connected()
  session.probe()
  broker.write(generate({ cmd: 'pingresp' }))
  await passed()
  await clock.advanceAsync(20_000)
  assert.equal(events, [])
})

test('a broker that acknowledges nothing loses the link after a minute', async () => {
  const { broker, clock, session, events } = await connected()
  const lost = session.publish({ topic: 'x', payload: utf8('1') }).then(
    () => 'sent',
    () => 'lost',
  )
  for (let i = 0; i < 2; i++) {
    await clock.advanceAsync(30_000)
    broker.write(generate({ cmd: 'pingresp' }))
    await passed()
  }
  assert.is(await lost, 'lost')
  assert.equal(events, ['unreachable: the broker did not acknowledge x'])
})

test('a packet beyond the bound ends the connection before it fills the memory; one within it comes through', async () => {
  const { broker, events } = await connected()
  const fits = new Uint8Array(mqttPacketMax - 100)
  broker.write(generate({ cmd: 'publish', topic: 'a', payload: Buffer.from(fits), qos: 0, dup: false, retain: false }))
  await passed()
  assert.equal(events.splice(0), [`a ${fits.length}`])
  // The largest length that MQTT can announce, 256 MiB, and then data without end.
  broker.write(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f))
  let chunks = 0
  while (events.length === 0 && chunks < 100) {
    broker.write(new Uint8Array(64 << 10))
    chunks += 1
    await settle()
  }
  assert.match(events[0] ?? '', 'too-large')
  assert.ok(chunks < 40)
})

test.run()
