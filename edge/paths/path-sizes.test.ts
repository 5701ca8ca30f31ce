// Who is measured when, and what peers are held to: in virtual time, over paths that carry what the test says.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { parseName, parseNodeId, type WgKey } from '../../shared/ids.ts'
import { pathSizesMax } from '../../shared/limits.ts'
import { fakeWgKey } from '../../shared/record/parsed.fake.ts'
import { createPathSizes, type PathSizes } from './path-sizes.ts'

const KEY = fakeWgKey(1)
const NODE = parseNodeId('pppppppppppppppp')
const DIRECT = '192.0.2.1:51820' as Endpoint
const RELAY = '198.51.100.1:61000' as Endpoint
const RTT_MS = 20

interface Rig {
  readonly clock: FakeClock
  sizes: PathSizes
  /** Largest packet of the mesh that each path carries. */
  readonly carries: Map<Endpoint, number>
  readonly sent: { readonly at: number; readonly to: Endpoint; readonly bytes: number }[]
  mtu: number
  changes: number
  /** Seconds of traffic by `endpoint`, with the looks and the answers that come with them. */
  flow(seconds: number, endpoint: Endpoint, txBytes: number, rxBytes?: number): void
  answer(endpoint: Endpoint, times?: number): void
  restart(metered?: boolean): void
}

function rig(metered = false): Rig {
  const clock = new FakeClock()
  let [tx, rx] = [0, 0]
  const make = (onMeter: boolean): PathSizes => {
    const sizes: PathSizes = createPathSizes({
      clock,
      log: memoryLog(),
      metered: onMeter,
      mtu: () => one.mtu,
      send(peer: WgKey, probe, to, bytes) {
        const size = bytes === undefined ? 0 : bytes - 32
        one.sent.push({ at: clock.monotonic(), to, bytes: size })
        if (size > (one.carries.get(to) ?? 0)) return
        clock.after(RTT_MS, () => void sizes.heard(peer, to, probe, RTT_MS))
      },
      onChange: () => void (one.changes += 1),
    })
    sizes.setPeers([{ name: parseName('gate'), nodeId: NODE, wgKey: KEY }])
    return sizes
  }
  const one: Rig = {
    clock,
    sizes: undefined as unknown as PathSizes,
    carries: new Map([
      [DIRECT, 1_440],
      [RELAY, 1_440],
    ]),
    sent: [],
    mtu: 1_420,
    changes: 0,
    answer(endpoint, times = 1) {
      for (let i = 0; i < times; i++) one.sizes.heard(KEY, endpoint, i + 1, RTT_MS)
    },
    flow(seconds, endpoint, txBytes, rxBytes = txBytes) {
      for (let i = 0; i < seconds; i++) {
        tx += txBytes
        rx += rxBytes
        const peer = { wgKey: KEY, allowedIps: [], keepaliveS: 25, handshakeAt: 0, rxBytes: rx, txBytes: tx, endpoint }
        one.sizes.look(peer, true)
        one.answer(endpoint)
        clock.advance(1_000)
      }
    },
    restart(onMeter = metered) {
      one.sizes.stop()
      one.sizes = make(onMeter)
    },
  }
  one.sizes = make(metered)
  return one
}

const held = ({ sizes }: Rig): number | undefined => sizes.held.get(NODE)

test('a peer without payload is never measured', () => {
  const one = rig()
  for (let i = 0; i < 100; i++) {
    one.answer(DIRECT)
    one.clock.advance(1_000)
  }
  assert.equal(one.sent, [])
})

test('a valid path is measured once, with one probe, and a whole one changes nothing', () => {
  const one = rig()
  one.flow(10, DIRECT, 500)
  assert.equal(
    one.sent.map(({ bytes }) => bytes),
    [1_420],
  )
  assert.is(held(one), undefined)
  assert.is(one.changes, 0)
  assert.equal(one.sizes.view(NODE, DIRECT)?.whole, true)
})

test('a path that carries less is held to it; what is found is told and remembered', () => {
  const one = rig()
  one.carries.set(DIRECT, 1_340)
  one.flow(8, DIRECT, 500)
  assert.is(held(one), 1_328)
  const view = one.sizes.view(NODE, DIRECT)
  assert.equal([view?.bytes, view?.whole, view?.tooBig], [1_328, false, 1_344])
  assert.ok(one.changes <= 3, `${one.changes} changes of routes`)
  assert.is(one.sizes.memoryRevision(), 1)
  const text = one.sizes.remember()
  one.restart()
  one.sizes.recall(text)
  assert.is(held(one), 1_328, 'before the first packet')
  one.sent.length = 0
  one.flow(5, DIRECT, 500)
  assert.equal([held(one), one.sent.map(({ bytes }) => bytes)], [1_328, [1_328]])
})

test('a hole that opens under traffic is found within seconds, and the least is lost meanwhile', () => {
  const one = rig()
  one.flow(10, DIRECT, 1_000_000)
  one.carries.set(DIRECT, 1_340)
  const openedAt = one.clock.monotonic()
  while (held(one) === undefined) one.flow(1, DIRECT, 1_400, 100)
  assert.ok(one.clock.monotonic() - openedAt <= 3_000)
  one.flow(6, DIRECT, 10_000)
  assert.is(held(one), 1_328)
})

test('also where little flows, if nothing comes back any more', () => {
  const one = rig()
  one.flow(20, DIRECT, 2_000, 1_000)
  one.carries.set(DIRECT, 1_340)
  one.flow(16, DIRECT, 1_452, 0)
  assert.is(held(one), 1_328)
})

test('what it costs: a small share of much, and next to nothing of little', () => {
  const cost = (metered: boolean, txBytes: number): number => {
    const one = rig(metered)
    one.flow(600, DIRECT, txBytes)
    return one.sent.reduce((sum, { bytes }) => sum + bytes + 60, 0)
  }
  assert.ok(cost(false, 1_000_000) <= 600 * 1_500)
  assert.ok(cost(false, 70_000) / (600 * 70_000) <= 0.025, `${cost(false, 70_000)}`)
  assert.ok(cost(true, 70_000) / (600 * 70_000) <= 0.01, `${cost(true, 70_000)}`)
  assert.ok(cost(false, 1_300) <= 14 * 1_500, `${cost(false, 1_300)}`)
  assert.ok(cost(true, 1_300) <= 6 * 1_500, `${cost(true, 1_300)}`)
  assert.is(cost(false, 100), cost(true, 100))
})

test('a path kept ready is measured too, so that a switch to it is a switch to its size', () => {
  const one = rig()
  one.carries.set(RELAY, 1_300)
  one.flow(3, DIRECT, 500)
  one.answer(RELAY, 3)
  one.clock.advance(10_000)
  assert.is(held(one), undefined)
  one.flow(1, RELAY, 500)
  assert.is(held(one), 1_296)
  one.flow(1, DIRECT, 500)
  assert.is(held(one), undefined)
})

test('a switch to a path never measured keeps the size there was, until its own is known', () => {
  const one = rig()
  one.carries.set(DIRECT, 1_340)
  one.flow(8, DIRECT, 500)
  one.flow(1, RELAY, 500)
  assert.is(held(one), 1_328)
  one.flow(4, RELAY, 500)
  assert.is(held(one), undefined)
})

test('another MTU of the network, another uplink: measured anew', () => {
  const one = rig()
  one.flow(5, DIRECT, 500)
  one.mtu = 1_380
  one.flow(5, DIRECT, 500)
  assert.is(one.sizes.view(NODE, DIRECT)?.bytes, 1_380)
  one.carries.set(DIRECT, 1_300)
  one.sizes.networkChanged()
  one.flow(8, DIRECT, 500)
  assert.is(held(one), 1_296)
})

test('who is no peer any more is held to nothing, and forgotten', () => {
  const one = rig()
  one.carries.set(DIRECT, 1_340)
  one.flow(8, DIRECT, 500)
  one.sizes.setPeers([])
  assert.is(held(one), undefined)
  assert.is(one.sizes.remember(), '{}')
  assert.is(one.sizes.heard(KEY, DIRECT, 0x8000_0001, 20), true, 'still no answer for the controllers')
})

test('memory is bounded, and nonsense in it is no harm', () => {
  const one = rig()
  for (let port = 1; port <= 3 * pathSizesMax; port++) {
    const endpoint = `192.0.2.9:${port}` as Endpoint
    one.carries.set(endpoint, 1_340)
    one.flow(8, endpoint, 500)
  }
  const kept = (JSON.parse(one.sizes.remember()) as Record<string, unknown[]>)[NODE]
  assert.is(kept?.length, pathSizesMax)
  for (const text of ['', '[]', '{"x":1}', '{"x":[[1,2]]}', '{"x":[["nowhere",1300]]}', '{"x":[["192.0.2.1:1",-5]]}']) {
    one.restart()
    one.sizes.recall(text)
    assert.is(one.sizes.held.size, 0, text)
  }
})

test.run()
