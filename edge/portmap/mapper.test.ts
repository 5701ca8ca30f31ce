// A device and its router: asked in the right order, renewed in time, asked again after a restart, and believed only
// about itself.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { utf8 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { type LeaseMemory, outsideEndpoint } from './lease.ts'
import { createMapper, type Mapper } from './mapper.ts'
import { createFakeRouter, type FakeRouter, pcpAnnouncement, testGateway } from './router.fake.ts'

const test = suite('mapper')
const MINUTE = 60_000
const HOUR = 3_600_000

interface Scene {
  readonly clock: FakeClock
  readonly router: FakeRouter
  readonly mapper: Mapper
  readonly kept: LeaseMemory[]
}

function scene(change: (router: FakeRouter) => void = () => undefined, remembered?: LeaseMemory): Scene {
  const clock = new FakeClock()
  const router = createFakeRouter(clock)
  change(router)
  const kept: LeaseMemory[] = []
  const mapper = createMapper({
    doors: router.doors,
    clock,
    entropy: seededEntropy(5),
    log: memoryLog(),
    port: 51_820,
    remembered,
    remember: (lease) => void kept.push(lease),
    onChange: () => undefined,
  })
  mapper.setGateway(testGateway)
  return { clock, router, mapper, kept }
}

function told({ mapper }: Pick<Scene, 'mapper'>): string {
  const state = mapper.state()
  if (state.type === 'held') return `${state.lease.protocol} ${outsideEndpoint(state.lease) ?? '-'}`
  return state.type === 'not-offered' ? `not offered: ${state.why ?? 'silent'}` : state.type
}

async function stopped({ clock, mapper, router }: Scene): Promise<void> {
  // What is under way arrives.
  await clock.advanceAsync(10)
  const asked = router.asked.length
  const done = mapper.stop()
  await clock.advanceAsync(10_000)
  await done
  assert.is(router.open(), 0, 'no socket is left')
  await clock.advanceAsync(10 * HOUR)
  assert.is(router.asked.length, asked, 'and no timer')
}

test('PCP where the router speaks it, and nothing else is asked', async () => {
  const one = scene()
  await one.clock.advanceAsync(10)
  assert.is(told(one), 'PCP 203.0.113.4:51820')
  assert.equal(one.router.asked, ['PCP map 7200'])
  assert.is(one.kept.length, 1)
  await stopped(one)
  assert.is(one.router.mappings.size, 1, 'what is stopped gives nothing back')
})

test('NAT-PMP where the router says that it is older', async () => {
  const one = scene((router) => (router.speaks = ['NAT-PMP', 'UPnP']))
  await one.clock.advanceAsync(10)
  assert.is(told(one), 'NAT-PMP 203.0.113.4:51820')
  await stopped(one)
})

test('UPnP where nobody answers the others; it is asked first from then on', async () => {
  const one = scene((router) => (router.speaks = ['UPnP']))
  await one.clock.advanceAsync(10_000)
  assert.is(told(one), 'UPnP 203.0.113.4:51820')
  assert.equal(one.router.asked, ['UPnP AddPortMapping 51820', 'UPnP GetExternalIPAddress'])
  one.router.speaks = ['PCP', 'UPnP']
  await one.clock.advanceAsync(70 * MINUTE)
  assert.is(told(one), 'UPnP 203.0.113.4:51820')
  await stopped(one)
})

test('a router that knows no end takes a lease without one; another port where others hold ours', async () => {
  const one = scene((router) => {
    router.speaks = ['UPnP']
    router.onlyPermanent = true
    router.mappings.set(51_820, { to: parseEndpoint('192.168.1.9:51820') })
  })
  await one.clock.advanceAsync(10_000)
  assert.is(told(one), 'UPnP 203.0.113.4:51827')
  const state = one.mapper.state()
  assert.is(state.type === 'held' && state.lease.lifetimeS, 0)
  await stopped(one)
})

test('renewed at half of its life, and the port stays', async () => {
  const one = scene((router) => (router.lifetimeSMax = 3_600))
  await one.clock.advanceAsync(10)
  const maps = (): number => one.router.asked.filter((what) => what.startsWith('PCP map')).length
  await one.clock.advanceAsync(26 * MINUTE)
  assert.is(maps(), 1)
  await one.clock.advanceAsync(8 * MINUTE)
  assert.is(maps(), 2)
  await one.clock.advanceAsync(10 * HOUR)
  assert.is(told(one), 'PCP 203.0.113.4:51820')
  assert.ok(maps() <= 2 + 10 * 2.3, `${maps()} renewals`)
  assert.is(one.router.mappings.size, 1)
  await stopped(one)
})

test('a restart that is called out is mended at once, one in silence within minutes', async () => {
  for (const speaks of [['PCP'], ['NAT-PMP'], ['UPnP']] as const) {
    const one = scene((router) => (router.speaks = speaks))
    await one.clock.advanceAsync(20 * MINUTE)
    assert.is(one.router.mappings.size, 1)
    one.router.restart()
    assert.is(one.router.mappings.size, 0)
    await one.clock.advanceAsync(speaks[0] === 'PCP' ? 6_000 : 6 * MINUTE)
    assert.is(one.router.mappings.size, 1, speaks[0])
    await stopped(one)
  }
})

test('a lost peer is reason enough to look, not to look all the time', async () => {
  const one = scene((router) => (router.speaks = ['UPnP']))
  await one.clock.advanceAsync(MINUTE)
  one.router.restart()
  one.mapper.doubt('peer')
  await one.clock.advanceAsync(6_000)
  assert.is(one.router.mappings.size, 1)
  const before = one.router.asked.length
  for (let second = 0; second < 60; second++) {
    one.mapper.doubt('peer')
    await one.clock.advanceAsync(1_000)
  }
  assert.ok(one.router.asked.length - before <= 6, `${one.router.asked.length - before} questions`)
  await stopped(one)
})

test('a router that has gone silent keeps its word until it ends', async () => {
  const one = scene()
  await one.clock.advanceAsync(10)
  one.router.speaks = []
  await one.clock.advanceAsync(118 * MINUTE)
  assert.is(told(one), 'PCP 203.0.113.4:51820')
  await one.clock.advanceAsync(4 * MINUTE)
  assert.match(told(one), /not offered/)
  one.router.speaks = ['PCP']
  await one.clock.advanceAsync(5 * MINUTE)
  assert.is(told(one), 'PCP 203.0.113.4:51820')
  await stopped(one)
})

test('one that offers nothing is asked ever more rarely, and again on another network', async () => {
  const one = scene((router) => (router.refusal = 2))
  await one.clock.advanceAsync(10_000)
  assert.match(told(one), /not offered: PCP: it allows nobody to map ports/)
  const asked = (): number => one.router.asked.filter((what) => what === 'PCP map 7200').length
  await one.clock.advanceAsync(24 * HOUR)
  assert.ok(asked() <= 16, `${asked()} questions a day`)
  one.router.refusal = 0
  one.mapper.setGateway({ ...testGateway, local: '192.168.1.6' as Address })
  await one.clock.advanceAsync(10)
  assert.is(told(one), 'PCP 203.0.113.4:51820')
  assert.is(one.router.mappings.get(51_820)?.to, '192.168.1.6:51820')
  one.mapper.setGateway(undefined)
  assert.is(told(one), 'no-gateway')
  await stopped(one)
})

test('another gateway while an answer is under way: the answer is not for it', async () => {
  const one = scene()
  await one.clock.advanceAsync(0)
  one.mapper.setGateway({ ...testGateway, local: '192.168.1.7' as Address })
  await one.clock.advanceAsync(20)
  const state = one.mapper.state()
  assert.is(state.type === 'held' && state.lease.local, '192.168.1.7')
  await stopped(one)
})

test('after a restart of the agent the same mapping is asked for', async () => {
  const first = scene((router) => router.mappings.set(51_820, { to: parseEndpoint('192.168.1.9:51820') }))
  await first.clock.advanceAsync(10)
  assert.is(told(first), 'PCP 203.0.113.4:51821')
  const [kept] = first.kept
  const second = scene((router) => {
    for (const [port, mapping] of first.router.mappings) router.mappings.set(port, mapping)
  }, kept)
  await second.clock.advanceAsync(10)
  assert.is(told(second), 'PCP 203.0.113.4:51821')
  assert.is(second.router.mappings.size, 2)
  await stopped(second)
})

test('nobody else on the LAN speaks for the router', async () => {
  const stranger = '192.168.1.66' as Address
  const location = utf8('HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.66:80/evil.xml\r\n\r\n')
  const server = parseEndpoint('192.168.1.1:5351')
  const one = scene((router) => {
    router.lies.push(
      { bytes: location, from: parseEndpoint('192.168.1.66:1900') },
      { bytes: location, from: parseEndpoint('192.168.1.1:1900') },
      // As the router, with another nonce, another port, and no meaning at all.
      { bytes: pcpAnnouncement(7), from: server },
      { bytes: new Uint8Array(60).fill(2), from: server },
      { bytes: Uint8Array.of(2, 0x81, ...new Uint8Array(58)), from: server },
      { bytes: new Uint8Array(2_000), from: server },
    )
  })
  await one.clock.advanceAsync(10)
  assert.is(told(one), 'PCP 203.0.113.4:51820')
  const before = one.router.asked.length
  await one.clock.advanceAsync(MINUTE)
  for (let i = 0; i < 100; i++) one.router.call(pcpAnnouncement(i), stranger)
  assert.is(one.router.asked.length, before)
  await stopped(one)
})

test('a flood of calls in the router’s own name costs a question every five seconds', async () => {
  const one = scene()
  await one.clock.advanceAsync(MINUTE)
  const before = one.router.asked.length
  for (let i = 0; i < 600; i++) {
    one.router.call(pcpAnnouncement(i % 2 === 0 ? 0 : 1_000_000), testGateway.address)
    await one.clock.advanceAsync(100)
  }
  assert.ok(one.router.asked.length - before <= 13, `${one.router.asked.length - before} questions in a minute`)
  await stopped(one)
})

test.run()
