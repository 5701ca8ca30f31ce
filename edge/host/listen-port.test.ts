// The port of WireGuard: the configured one if it can be had, else one that stays.

import { createSocket } from 'node:dgram'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import type { Observed } from '../plan/observed.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { chooseListenPort, isUdpPortFree, type ListenPort } from './listen-port.ts'

const nothing: Observed = { routes: [], forwarding: [], local: [] }

function ours(listenPort: number, up = true): Observed {
  return { ...nothing, link: { up, mtu: 1_420, addresses: [] }, device: { listenPort, peers: [] } }
}

interface Host {
  readonly store?: MemoryStore
  readonly taken?: readonly number[]
  readonly observed?: Observed
  readonly configured?: number
}

function choose({ store = new MemoryStore(), taken = [], observed = nothing, configured = 51_820 }: Host) {
  const isFree = async (port: number): Promise<boolean> => !taken.includes(port)
  const driver = { read: async () => observed }
  return chooseListenPort({ configured, store, isFree, driver, avoid: [51_822], log: memoryLog() })
}

const other = (port: number, configured = 51_820): ListenPort => ({
  port,
  detail: `UDP port ${configured} was taken by another program; listening on ${port}`,
})

test('the configured port where it is free, or held by our own interface', async () => {
  assert.equal(await choose({}), { port: 51_820 })
  assert.equal(await choose({ taken: [51_820], observed: ours(51_820) }), { port: 51_820 })
})

test('another port where somebody has it; an interface that is down holds none', async () => {
  assert.equal(await choose({ taken: [51_820] }), other(51_830))
  assert.equal(await choose({ taken: [51_820], observed: ours(51_820, false) }), other(51_830))
  assert.equal(await choose({ taken: [51_820, 51_830, 51_841] }), other(51_850))
  assert.equal(
    await choose({ taken: [51_811], configured: 51_811 }),
    other(51_831, 51_811),
    'not next to the mesh port',
  )
})

test('the other port stays, whoever comes and goes, until another is configured', async () => {
  const store = new MemoryStore()
  await choose({ store, taken: [51_820] })
  assert.equal(await choose({ store }), other(51_830))
  assert.equal(await choose({ store, taken: [51_820, 51_830], observed: ours(51_830) }), other(51_830))
  assert.equal(await choose({ store, taken: [51_820, 51_830] }), other(51_840))
  assert.equal(await choose({ store, configured: 4_500 }), { port: 4_500 })
  assert.equal(await choose({ store }), other(51_840))
})

test('nothing keeps the agent from starting', async () => {
  const store = new MemoryStore()
  store.full = true
  assert.equal(await choose({ store, taken: [51_820] }), other(51_830))
  store.set = () => undefined
  Object.assign(store, { get: () => 'not what was written' })
  assert.equal(await choose({ store }), { port: 51_820 })
  const all = Array.from({ length: 65_536 }, (_, port) => port)
  assert.equal(await choose({ taken: all }), {
    port: 51_820,
    detail: 'UDP port 51820 is taken, and so are those above it',
  })
  const failing = {
    read: async (): Promise<Observed> => {
      throw new HoldfastError('unsupported', 'no ip')
    },
  }
  const options = { configured: 1, store, isFree: async () => false, driver: failing, avoid: [], log: memoryLog() }
  assert.equal(await chooseListenPort(options), { port: 1 })
})

test('a port that a program has is seen, in either family', async () => {
  for (const type of ['udp4', 'udp6'] as const) {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' })
    const port = await ownPort()
    const bound = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false))
      socket.bind({ port, address: type === 'udp4' ? '127.0.0.1' : '::1' }, () => resolve(true))
    })
    // A host without IPv6 has nothing to see there.
    if (!bound) continue
    assert.is(await isUdpPortFree(port), false)
    await new Promise<void>((resolve) => socket.close(() => resolve()))
    assert.is(await isUdpPortFree(port), true)
  }
})

test.run()
