// Payload is told from WireGuard's own words, peer by peer, and where nothing passes nothing is asked.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { WgKey } from '../../shared/ids.ts'
import { fakeWgKey } from '../../shared/record/parsed.fake.ts'
import type { ObservedPeer } from '../plan/observed.ts'
import { createTraffic } from './traffic.ts'

const [ONE, TWO] = [fakeWgKey(1), fakeWgKey(2)]

function rig() {
  const clock = new FakeClock()
  const peers = new Map<WgKey, ObservedPeer>()
  let link: { rxBytes: number; txBytes: number } | undefined = { rxBytes: 0, txBytes: 0 }
  let broken = false
  let reads = 0
  const heard: string[] = []
  const own = new Map<WgKey, number>()
  const traffic = createTraffic({
    clock,
    ownBytes: (peer) => own.get(peer) ?? 0,
    log: memoryLog(),
    wireguard: {
      passed: () => link,
      peers: async () => {
        reads += 1
        if (broken) throw new HoldfastError('failed', 'gone')
        return [...peers.values()]
      },
    },
    onPeer: ({ wgKey }, payload) => heard.push(`${wgKey === ONE ? 'one' : 'two'} ${payload ? 'payload' : 'quiet'}`),
  })
  const set = (wgKey: WgKey, rxBytes: number, txBytes: number, handshakeAt = 1): void => {
    peers.set(wgKey, { wgKey, allowedIps: [], keepaliveS: 25, handshakeAt, rxBytes, txBytes })
  }
  return {
    clock,
    heard,
    own,
    peers,
    set,
    traffic,
    reads: () => reads,
    breaks: (now: boolean) => void (broken = now),
    /** Payload through the interface, as the kernel counts it. */
    passes: (bytes: number) => void (link = { rxBytes: (link?.rxBytes ?? 0) + bytes, txBytes: link?.txBytes ?? 0 }),
    vanishes: () => void (link = undefined),
    /** One look. */
    look: async () => {
      heard.length = 0
      await clock.advanceAsync(1_000)
      return [...heard]
    },
  }
}

test('words of our own are no payload, whether the kernel counts them at once or late; more than they is', async () => {
  const { look, own, passes, set, traffic } = rig()
  set(ONE, 0, 0)
  traffic.start()
  passes(1)
  await look()
  own.set(ONE, 300)
  set(ONE, 150, 150)
  passes(300)
  assert.equal(await look(), ['one quiet'])
  // Said while no session stood: the handshake comes first, and the counters follow.
  own.set(ONE, 600)
  set(ONE, 151, 150)
  passes(1)
  assert.equal(await look(), ['one quiet'])
  set(ONE, 300, 290)
  passes(1)
  assert.equal(await look(), ['one quiet'])
  own.set(ONE, 700)
  set(ONE, 700, 500)
  passes(1)
  assert.equal(await look(), ['one payload'])
  set(ONE, 900, 700)
  passes(1)
  assert.equal(await look(), ['one payload'])
})

test('payload is told of who had it', async () => {
  const { look, passes, set, traffic } = rig()
  set(ONE, 5_000, 5_000)
  set(TWO, 0, 0)
  traffic.start()
  assert.equal(await look(), ['one quiet', 'two quiet'], 'the first look compares with nothing')
  set(ONE, 5_000, 5_100)
  passes(68)
  assert.equal(await look(), ['one payload', 'two quiet'])
  traffic.stop()
})

test('where nothing passes, WireGuard is not asked', async () => {
  const { look, reads, set, traffic } = rig()
  set(ONE, 0, 0)
  traffic.start()
  await look()
  const before = reads()
  for (let i = 0; i < 10; i++) assert.equal(await look(), [])
  assert.is(reads(), before)
  traffic.stop()
})

test('keepalives and handshakes are no payload; a packet beside them is', async () => {
  const { look, passes, set, traffic } = rig()
  set(ONE, 0, 0, 1)
  traffic.start()
  await look()
  // Somebody else's payload makes it look.
  passes(1)
  set(ONE, 32, 32, 1)
  assert.equal(await look(), ['one quiet'], 'a keepalive each way')
  passes(1)
  set(ONE, 32 + 92 + 32, 32 + 148 + 32, 2)
  assert.equal(await look(), ['one quiet'], 'a handshake, its confirmation, a keepalive')
  passes(1)
  set(ONE, 32 + 92 + 32, 32 + 148 + 32 + 96, 2)
  assert.equal(await look(), ['one payload'], 'the smallest packet with anything inside, and a keepalive')
  traffic.stop()
})

test('counters that began anew are no payload', async () => {
  const { look, passes, set, traffic } = rig()
  set(ONE, 50_000, 50_000)
  traffic.start()
  await look()
  passes(1)
  set(ONE, 20_000, 0)
  assert.equal(await look(), ['one quiet'])
  traffic.stop()
})

test('a peer that left is forgotten, and back again it is new', async () => {
  const { look, passes, peers, set, traffic } = rig()
  set(ONE, 0, 0)
  set(TWO, 0, 0)
  traffic.start()
  await look()
  peers.delete(TWO)
  passes(1)
  assert.equal(await look(), ['one quiet'])
  set(TWO, 9_000, 9_000)
  passes(1)
  assert.equal(await look(), ['one quiet', 'two quiet'])
  traffic.stop()
})

test('an interface that is gone or can’t be read stops nothing', async () => {
  const { breaks, look, passes, reads, set, traffic, vanishes } = rig()
  set(ONE, 0, 0)
  traffic.start()
  await look()
  breaks(true)
  passes(1)
  assert.equal(await look(), [])
  breaks(false)
  vanishes()
  const before = reads()
  assert.equal(await look(), [])
  assert.is(reads(), before)
  passes(100)
  set(ONE, 0, 200)
  assert.equal(await look(), ['one payload'])
  traffic.stop()
})

test('a look that failed is made up for, though nothing passes meanwhile', async () => {
  const { breaks, look, passes, set, traffic } = rig()
  set(ONE, 0, 0)
  traffic.start()
  await look()
  breaks(true)
  set(ONE, 0, 200)
  passes(100)
  await look()
  breaks(false)
  assert.equal(await look(), ['one payload'])
  traffic.stop()
})

test('stopped, it tells nothing and leaves no timer', async () => {
  const { clock, heard, passes, set, traffic } = rig()
  set(ONE, 0, 0)
  traffic.start()
  traffic.stop()
  passes(1)
  await clock.advanceAsync(10_000)
  assert.equal(heard, [])
  assert.is(clock.untilNext(), Number.POSITIVE_INFINITY)
})

test.run()
