// What passes is counted by what it is for, kept over restarts and for one day, and makes a node sparing in time.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import type { FrameSocket } from '../paths/doors.ts'
import { createLedger } from './ledger.ts'
import { createUpkeep } from './upkeep.ts'

const V4 = '192.0.2.1:3478' as Endpoint
const V6 = '[2001:db8::1]:3478' as Endpoint
const HOUR_MS = 3_600_000
const RELAY_FRAME = Uint8Array.of(0xf0, 0x68, 0x72, 1, 5, 0, 0, 0, ...new Uint8Array(22))
const STUN = Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...new Uint8Array(12))
const PATH_FRAME = Uint8Array.of(0xf0, 0x68, 0x66, 1, ...new Uint8Array(90))

function socketOf() {
  let receive: (bytes: Uint8Array, from: Endpoint) => void = () => undefined
  const sent: Uint8Array[] = []
  const socket: FrameSocket = {
    async open(onMessage) {
      receive = onMessage
      return true
    },
    send: (bytes) => void sent.push(bytes),
    close: async () => undefined,
  }
  return { socket, sent, receive: (bytes: Uint8Array, from: Endpoint) => receive(bytes, from) }
}

test('frames of relays and looks from outside count, both ways, with their headers; probes of paths do not', async () => {
  const { receive, sent, socket } = socketOf()
  const upkeep = createUpkeep({ clock: new FakeClock(), log: memoryLog(), wireguardBytes: () => 0 })
  const metered = upkeep.metered(socket)
  const heard: Uint8Array[] = []
  await metered.open((bytes) => void heard.push(bytes))
  metered.send(RELAY_FRAME, V4)
  receive(RELAY_FRAME, V6)
  metered.send(STUN, V4)
  metered.send(PATH_FRAME, V4)
  receive(PATH_FRAME, V4)
  assert.equal(upkeep.status(), {
    bytesToday: 58 + 78 + 48,
    by: { relays: 136, outlook: 48, wireguard: 0, hub: 0, gossip: 0 },
    thrift: 0,
  })
  assert.equal([sent.length, heard.length], [3, 2])
})

test('what others count is taken in once', () => {
  const figures = { hub: 100, wireguard: 7 }
  const upkeep = createUpkeep({
    clock: new FakeClock(),
    log: memoryLog(),
    hubBytes: () => figures.hub,
    wireguardBytes: () => figures.wireguard,
  })
  upkeep.look()
  upkeep.look()
  figures.hub = 150
  upkeep.look()
  assert.equal(upkeep.status().by, { relays: 0, outlook: 0, wireguard: 7, hub: 150, gossip: 0 })
})

test('a budget that runs out is told, and a new day is a new budget', () => {
  const clock = new FakeClock()
  const figures = { hub: 0 }
  const upkeep = createUpkeep({
    clock,
    log: memoryLog(),
    budgetBytesPerDay: 100_000,
    hubBytes: () => figures.hub,
    wireguardBytes: () => 0,
  })
  assert.is(upkeep.look(), false)
  figures.hub = 99_000
  assert.is(upkeep.look(), true)
  assert.is(upkeep.status().thrift, 2)
  clock.advance(25 * HOUR_MS)
  assert.is(upkeep.look(), true)
  assert.equal([upkeep.status().thrift, upkeep.status().bytesToday], [0, 0])
})

test('a restart goes on with the day, another day begins anew, and nonsense is nothing', () => {
  const clock = new FakeClock()
  const before = createLedger(clock)
  before.add('relays', 50_000)
  before.add('hub', 2)
  const kept = before.remember()
  const after = createLedger(clock)
  after.recall(kept)
  after.add('hub', 1)
  assert.equal(after.spent(), { relays: 50_000, outlook: 0, wireguard: 0, hub: 3, gossip: 0 })
  for (const nonsense of [undefined, 'x', '{}', '{"day":1,"spent":{}}', kept.replace('50000', '-1')]) {
    const ledger = createLedger(clock)
    ledger.recall(nonsense)
    assert.is(ledger.total(), 0)
  }
  clock.advance(24 * HOUR_MS)
  const tomorrow = createLedger(clock)
  tomorrow.recall(kept)
  assert.is(tomorrow.total(), 0)
})

test('writes are few: one for every forty thousand bytes', () => {
  const ledger = createLedger(new FakeClock())
  for (let i = 0; i < 10_000; i++) ledger.add('relays', 116)
  assert.ok(ledger.memoryRevision() > 0 && ledger.memoryRevision() <= (10_000 * 116) / 40_000)
})

test.run()
