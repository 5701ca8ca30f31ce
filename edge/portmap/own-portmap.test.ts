// When a router is asked at all, and what is said of it.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address, Cidr } from '../../shared/address/cidr.ts'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import type { LocalAddress } from '../plan/observed.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import type { DefaultRoute } from './doors.ts'
import { createOwnPortMapping, leaseKey, type PortMapping, type PortMappingScene } from './own-portmap.ts'
import { createFakeRouter, type FakeRouter } from './router.fake.ts'
import { gatewayOf } from './uplink.ts'

const test = suite('own port mapping')
const routeBy = (name: string, gateway: string, metric = 100): DefaultRoute => {
  return { interface: name, gateway: gateway as Address, metric }
}
const at = (name: string, address: string, cidr: string, physical = true): LocalAddress => {
  return { interface: name, address: address as Address, cidr: cidr as Cidr, physical }
}
const HOME = at('eth0', '192.168.1.5', '192.168.1.0/24')
const ROUTE = routeBy('eth0', '192.168.1.1')
const SCENE: PortMappingScene = { local: [HOME], wanted: true, seen: [], direct: 0 }

interface Bench {
  readonly clock: FakeClock
  readonly router: FakeRouter
  readonly ports: PortMapping
  readonly store: MemoryStore
  readonly loaded: () => number
  routes: readonly DefaultRoute[]
}

function bench(store = new MemoryStore()): Bench {
  const clock = new FakeClock()
  const router = createFakeRouter(clock)
  let loads = 0
  const open = async () => {
    loads += 1
    return router.doors
  }
  const made: Bench = {
    clock,
    router,
    store,
    routes: [ROUTE],
    loaded: () => loads,
    ports: createOwnPortMapping({
      doors: { routes: () => made.routes, router: open },
      clock,
      entropy: seededEntropy(3),
      log: memoryLog(),
      port: 51_820,
      store,
      keep: { write: (_, run) => (run(), true), attempt: (_, run) => run() },
      onChange: () => undefined,
    }),
  }
  return made
}

/** The modules behind the door are loaded by the real event loop. */
async function follow({ clock, ports }: Bench, scene: PortMappingScene): Promise<void> {
  ports.follow(scene)
  for (let tries = 0; tries < 100 && ports.report().state === 'no-gateway'; tries++) await clock.advanceAsync(0)
  await clock.advanceAsync(100)
}

test('the preferred route’s router, where a private address stands behind it', () => {
  const phone = at('wwan0', '10.20.0.2', '10.20.0.0/30')
  const both = [routeBy('wwan0', '10.20.0.1', 700), ROUTE]
  assert.equal(gatewayOf(both, [HOME, phone]), { interface: 'eth0', address: '192.168.1.1', local: '192.168.1.5' })
  assert.is(gatewayOf(both.slice(0, 1), [HOME, phone])?.interface, 'wwan0')
  assert.is(gatewayOf([], [HOME]), undefined)
  assert.is(gatewayOf([ROUTE], [phone]), undefined, 'no address there')
  assert.is(gatewayOf([ROUTE], [at('eth0', '203.0.113.5', '203.0.113.0/24')]), undefined, 'no NAT in front')
  assert.is(
    gatewayOf([routeBy('docker0', '172.17.0.1')], [at('docker0', '172.17.0.2', '172.17.0.0/16', false)]),
    undefined,
  )
  const two = [at('eth0', '10.9.0.5', '10.9.0.0/24'), HOME]
  assert.is(gatewayOf([ROUTE], two)?.local, '192.168.1.5', 'the address on the router’s own block')
})

test('nothing is loaded where there is no router, or none is needed', async () => {
  const one = bench()
  one.routes = []
  one.ports.follow(SCENE)
  assert.is(one.ports.report().state, 'no-gateway')
  one.routes = [ROUTE]
  one.ports.follow({ ...SCENE, wanted: false })
  assert.is(one.ports.report().state, 'unneeded')
  one.ports.follow({ ...SCENE, seen: ['192.168.1.5'] })
  assert.is(one.ports.report().state, 'unneeded', 'nobody translates this node’s address')
  assert.is(one.loaded(), 0)
  await one.ports.stop()
})

test('held, said with its double NAT, kept, and let go where it is not wanted any more', async () => {
  const one = bench()
  await follow(one, SCENE)
  assert.is(one.ports.outside(), '203.0.113.4:51820')
  const report = one.ports.report()
  assert.equal([report.state, report.protocol, report.lifetimeS, report.doubleNat], ['held', 'PCP', 7_200, undefined])
  one.ports.follow({ ...SCENE, seen: ['203.0.113.4', '2001:db8::7'] })
  assert.is(one.ports.report().doubleNat, undefined)
  one.ports.follow({ ...SCENE, seen: ['198.51.100.7'] })
  assert.is(one.ports.report().doubleNat, 'differs')
  assert.match(one.store.get(leaseKey) ?? '', /"protocol":"PCP"/)
  one.ports.follow({ ...SCENE, wanted: false })
  assert.is(one.ports.outside(), undefined)
  one.ports.follow(SCENE)
  await one.clock.advanceAsync(100)
  assert.is(one.ports.outside(), '203.0.113.4:51820')
  assert.is(one.loaded(), 1)
  await one.ports.stop()
  assert.is(one.router.open(), 0)
})

test('a router behind another NAT is found out by its own address', async () => {
  for (const external of ['100.64.3.2', '192.168.0.17']) {
    const one = bench()
    one.router.external = external
    await follow(one, SCENE)
    assert.is(one.ports.report().doubleNat, 'private')
    assert.is(one.ports.outside(), `${external}:51820`, 'a neighbour behind the same NAT may use it')
    await one.ports.stop()
  }
  const none = bench()
  none.router.external = '0.0.0.0'
  await follow(none, SCENE)
  assert.equal([none.ports.report().state, none.ports.outside()], ['held', undefined])
  await none.ports.stop()
})

test('others see another address, or a peer is lost: the router is looked at', async () => {
  const one = bench()
  await follow(one, { ...SCENE, seen: ['203.0.113.4'], direct: 2 })
  await one.clock.advanceAsync(60_000)
  one.router.restart()
  one.router.mappings.clear()
  one.ports.follow({ ...SCENE, seen: ['203.0.113.4'], direct: 1 })
  await one.clock.advanceAsync(6_000)
  assert.is(one.router.mappings.size, 1)
  one.router.external = '203.0.113.99'
  const before = one.router.asked.length
  await one.clock.advanceAsync(60_000)
  one.ports.follow({ ...SCENE, seen: ['203.0.113.99'], direct: 1 })
  await one.clock.advanceAsync(100)
  assert.ok(one.router.asked.length > before)
  await one.ports.stop()
})

test('a lease that was kept is asked for again; one that can’t be read is nobody’s loss', async () => {
  const first = bench()
  await follow(first, SCENE)
  await first.ports.stop()
  const kept = JSON.parse(first.store.get(leaseKey) ?? '') as { nonce: string }
  const second = bench(first.store)
  await follow(second, SCENE)
  assert.is((JSON.parse(second.store.get(leaseKey) ?? '') as { nonce: string }).nonce, kept.nonce)
  await second.ports.stop()
})

test('switched off', async () => {
  const none = {
    clock: new FakeClock(),
    entropy: seededEntropy(1),
    log: memoryLog(),
    port: 1,
    store: new MemoryStore(),
  }
  const keep = { write: () => true, attempt: () => undefined }
  const off = createOwnPortMapping({ ...none, keep, doors: undefined, onChange: () => undefined })
  off.follow(SCENE)
  assert.equal([off.report().state, off.outside()], ['off', undefined])
  await off.stop()
})

test.run()
