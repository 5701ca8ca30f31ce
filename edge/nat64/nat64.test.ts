// A host that comes to a network of IPv6 alone, and leaves it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, type Cidr, parseCidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { FakeClock, memoryLog, settle } from '../../shared/effects.fake.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { UplinkRoute } from '../uplinks/uplink.ts'
import { wayOutThrough } from './doors.ts'
import { createNat64 } from './nat64.ts'

const SIX: UplinkRoute = { family: 6, interface: 'eth0', metric: 100 }
const FOUR: UplinkRoute = { family: 4, interface: 'eth0', metric: 100 }
const TRANSLATED = '2001:db8:64::c000:aa' as Address
const FAR = '203.0.113.7:51820' as Endpoint
const FAR_OUT = '[2001:db8:64::cb00:7107]:51820' as Endpoint
const LAN: LocalAddress = {
  interface: 'eth0',
  address: '198.51.100.2' as Address,
  cidr: parseCidr('198.51.100.0/24'),
  physical: true,
}

function rig({ routes = [SIX], prefix }: { routes?: readonly UplinkRoute[]; prefix?: Cidr } = {}) {
  const clock = new FakeClock()
  let answers: readonly Address[] | undefined = [TRANSLATED]
  let asked = 0
  let now = routes
  let changes = 0
  const nat64 = createNat64({
    prefix,
    routes: () => now,
    clock,
    log: memoryLog(),
    async ask() {
      asked += 1
      if (answers === undefined) throw new Error('no name server')
      return answers
    },
  })
  nat64.listen(() => (changes += 1))
  return {
    clock,
    nat64,
    asked: () => asked,
    changes: () => changes,
    answer: (next: readonly Address[] | undefined) => (answers = next),
    route: (next: readonly UplinkRoute[]) => (now = next),
    async look(local: readonly LocalAddress[] = []) {
      nat64.follow(local)
      await settle()
    },
  }
}

test('where IPv4 leads out by itself nothing is asked, and nothing changed', async () => {
  for (const routes of [[FOUR, SIX], [FOUR], []]) {
    const one = rig({ routes })
    await one.look()
    assert.is(one.asked(), 0)
    assert.is(one.nat64.out(FAR), FAR)
    assert.is(one.nat64.prefix(), undefined)
    assert.is(one.changes(), 0)
  }
})

test('a network of IPv6 alone tells its prefix, and endpoints of IPv4 go through it and come back', async () => {
  const one = rig()
  await one.look()
  assert.is(one.nat64.prefix(), '2001:db8:64::/96')
  assert.is(one.changes(), 1)
  assert.is(one.nat64.out(FAR), FAR_OUT)
  assert.is(one.nat64.in(FAR_OUT), FAR)
  const six = '[2001:db8::7]:51820' as Endpoint
  assert.is(one.nat64.out(six), six)
  assert.is(one.nat64.in(six), six)
  await one.look()
  assert.is(one.asked(), 1)
  assert.is(one.changes(), 1)
})

test('neighbours, and what nobody routes, are not the translator’s', async () => {
  const one = rig()
  await one.look([LAN])
  for (const near of ['198.51.100.9:51820', '192.168.1.5:51820', '127.0.0.1:51820'] as Endpoint[])
    assert.is(one.nat64.out(near), near)
  assert.is(one.nat64.outHost('hub.example.org'), 'hub.example.org')
})

test('a name server that is away is asked again, and what it said before stays', async () => {
  const one = rig()
  one.answer(undefined)
  await one.look()
  await one.look()
  assert.is(one.asked(), 1)
  one.clock.advance(15_000)
  one.answer([TRANSLATED])
  await one.look()
  assert.is(one.nat64.prefix(), '2001:db8:64::/96')
  one.answer(undefined)
  one.clock.advance(600_000)
  await one.look()
  assert.is(one.asked(), 3)
  assert.is(one.nat64.prefix(), '2001:db8:64::/96')
  one.answer([])
  one.clock.advance(600_000)
  await one.look()
  assert.is(one.nat64.prefix(), undefined, 'the network has none any more')
})

test('IPv4 that comes back is gone by at once, and the next network is asked anew', async () => {
  const one = rig()
  await one.look()
  one.route([FOUR, SIX])
  await one.look()
  assert.is(one.nat64.out(FAR), FAR)
  assert.is(one.changes(), 2)
  one.route([SIX])
  one.answer(['64:ff9b::c000:aa' as Address])
  await one.look()
  assert.is(one.nat64.prefix(), '64:ff9b::/96')
})

test('a prefix that people gave is asked of nobody', async () => {
  const one = rig({ prefix: parseCidr('64:ff9b::/96') })
  await one.look()
  assert.is(one.asked(), 0)
  assert.is(one.nat64.prefix(), '64:ff9b::/96')
})

test('connections to addresses of IPv4 go through it, names as any program’s, and a chosen uplink first', async () => {
  const one = rig()
  await one.look()
  const find = wayOutThrough(one.nat64, async () => undefined)
  assert.equal(await find('203.0.113.7', 443), { address: '2001:db8:64::cb00:7107' })
  assert.is(await find('hub.example.org', 443), undefined)
  const by = { local: '2001:db8::2' as Address, address: '2001:db8::1' }
  assert.equal(await wayOutThrough(one.nat64, async () => by)('203.0.113.7', 443), by)
  const kept = { address: '203.0.113.7' }
  assert.equal(await wayOutThrough(one.nat64, async () => kept)('hub.example.org', 443), {
    address: '2001:db8:64::cb00:7107',
  })
})

test.run()
