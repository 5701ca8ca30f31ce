// The uplinks of a host that is made of maps: two default routes, relays that answer by those that live.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, isIpv6, parseEndpoint, portOf } from '../../shared/address/endpoint.ts'
import { FakeClock, memoryLog, seededEntropy, settle } from '../../shared/effects.fake.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { throughNat64 } from '../nat64/prefix.ts'
import { createNames } from '../paths/names.ts'
import type { LocalAddress } from '../plan/observed.ts'
import { answerStun } from '../relay/stun-answer.ts'
import { createFakeSteering } from './steering.fake.ts'
import { chosenIn, noSteering } from './steering.ts'
import type { UplinkRoute } from './uplink.ts'
import { createUplinks } from './uplinks.ts'

const ETH = parseAddress('192.168.1.10')
const LTE = parseAddress('10.64.0.7')
const RELAY = parseEndpoint('198.51.100.1:3478')
const local: readonly LocalAddress[] = [
  { interface: 'eth0', address: ETH, cidr: parseCidr('192.168.1.0/24'), physical: true },
  { interface: 'wwan0', address: LTE, cidr: parseCidr('10.64.0.7/32'), physical: true, pointToPoint: true },
]
const eth: UplinkRoute = { family: 4, interface: 'eth0', gateway: parseAddress('192.168.1.1'), metric: 100 }
const lte: UplinkRoute = { family: 4, interface: 'wwan0', metric: 700 }

const [ETH6, LTE6] = [parseAddress('2001:db8:1::10'), parseAddress('2001:db8:2::7')]
const local6: readonly LocalAddress[] = [
  { interface: 'eth0', address: ETH6, cidr: parseCidr('2001:db8:1::/64'), physical: true },
  { interface: 'wwan0', address: LTE6, cidr: parseCidr('2001:db8:2::/64'), physical: true },
]
/** Of both uplinks. */
const PREFIX = parseCidr('64:ff9b::/96')
const translated = (endpoint: Endpoint): Endpoint =>
  isIpv6(endpoint) ? endpoint : formatEndpoint(throughNat64(PREFIX, parseAddress(hostOf(endpoint))), portOf(endpoint))

function rig({ onlyIpv6 = false, relays = true, steering = createFakeSteering() } = {}) {
  const clock = new FakeClock()
  const alive = new Set<string>([ETH, LTE, ETH6, LTE6])
  const routes: UplinkRoute[] = onlyIpv6
    ? [eth, lte].map((one) => ({ family: 6, interface: one.interface, metric: one.metric }))
    : [eth, lte]
  const asked: Endpoint[] = []
  const open = new Set<string>()
  const knocked: Endpoint[] = []
  let [switches, port] = [0, 40_000]
  const uplinks = createUplinks({
    doors: {
      routes: () => routes,
      steering: async () => steering.driver(),
      openProbe: async (address, onMessage) => {
        open.add(address)
        port += 1
        const own = port
        return {
          port: own,
          send(bytes, to) {
            asked.push(to)
            const answer = answerStun(bytes, formatEndpoint(address, own))
            if (alive.has(address) && answer !== undefined) clock.after(40, () => onMessage(answer, to))
          },
          close: () => void open.delete(address),
        }
      },
      knock: async (address, to) => {
        knocked.push(to)
        return alive.has(address)
      },
    },
    clock,
    entropy: seededEntropy(1),
    log: memoryLog(),
    metered: false,
    ports: [51_820, 51_821],
    places: () => (relays ? [{ relay: parseNodeId('aaaaaaaaaaaaaaaa'), endpoint: RELAY }] : []),
    hub: [{ host: 'hub.example.org', port: 8_443 }],
    names: createNames(async () => [parseAddress('203.0.113.1')], clock, memoryLog()),
    ...(onlyIpv6 ? { through: translated } : {}),
    onSwitch: () => void (switches += 1),
  })
  const advance = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50)
      await settle()
    }
  }
  /** Frames go out each second, and are answered by the uplink in use if it lives. */
  const inUse = (): string => {
    const [first, second] = onlyIpv6 ? [ETH6, LTE6] : [ETH, LTE]
    return uplinks.chosen(onlyIpv6 ? 6 : 4) === 'wwan0' ? second : first
  }
  const live = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      socket.send(new Uint8Array(8), parseEndpoint('203.0.113.9:51820'))
      if (alive.has(inUse())) uplinks.noteHeard(parseEndpoint('203.0.113.9:51820'))
      await advance(1_000)
    }
  }
  const socket = uplinks.watched({ open: async () => true, send: () => undefined, close: async () => undefined })
  const begin = async (): Promise<void> => {
    uplinks.follow(onlyIpv6 ? local6 : local)
    await advance(3_000)
  }
  const chosen = (): string | undefined => chosenIn(steering.standing.get(4) ?? noSteering)
  return {
    uplinks,
    clock,
    steering,
    alive,
    routes,
    open,
    knocked,
    asked,
    advance,
    live,
    begin,
    chosen,
    switches: () => switches,
  }
}

test('a host with one uplink gets no rule and no socket', async () => {
  const one = rig()
  one.routes.pop()
  await one.begin()
  one.alive.clear()
  await one.live(60_000)
  assert.is(one.steering.changes, 0)
  assert.is(one.open.size, 0)
  assert.is(one.switches(), 0)
  assert.is(await one.uplinks.wayOut('hub.example.org', 8_443), undefined)
  one.uplinks.stop()
})

test('the other uplink is gone by once the preferred one is silent, and no longer than that', async () => {
  const one = rig()
  await one.begin()
  assert.is(one.chosen(), undefined)
  assert.is(one.steering.standing.get(4)?.routes.length, 2, 'each can be asked')
  await one.live(30_000)
  assert.is(await one.uplinks.wayOut('hub.example.org', 8_443), undefined)
  one.alive.delete(ETH)
  await one.live(8_000)
  assert.is(one.chosen(), 'wwan0')
  assert.is(one.switches(), 1)
  assert.equal(await one.uplinks.wayOut('hub.example.org', 8_443), { local: LTE, address: '203.0.113.1' })
  assert.equal(
    one.uplinks.report().map(({ inUse, interface: name, preferred, silentForMs }) => ({
      name,
      inUse,
      preferred,
      silent: silentForMs !== undefined,
    })),
    [
      { name: 'eth0', inUse: false, preferred: true, silent: true },
      { name: 'wwan0', inUse: true, preferred: false, silent: false },
    ],
  )
  one.alive.add(ETH)
  await one.live(30_000)
  assert.is(one.chosen(), undefined)
  assert.is(one.switches(), 2)
  one.uplinks.stop()
})

test('without relays the hub is knocked at', async () => {
  const one = rig({ relays: false })
  await one.begin()
  await one.uplinks.wayOut('hub.example.org', 8_443)
  one.alive.delete(ETH)
  await one.live(12_000)
  assert.is(one.chosen(), 'wwan0')
  assert.is(one.knocked[0], '203.0.113.1:8443')
  one.uplinks.stop()
})

test('neighbours on a link say nothing of it', async () => {
  const one = rig()
  await one.begin()
  one.alive.delete(ETH)
  for (let i = 0; i < 10; i++) {
    const socket = one.uplinks.watched({ open: async () => true, send: () => undefined, close: async () => undefined })
    socket.send(new Uint8Array(8), parseEndpoint('203.0.113.9:51820'))
    one.uplinks.noteHeard(parseEndpoint('192.168.1.77:51820'))
    await one.advance(1_000)
  }
  assert.is(one.chosen(), 'wwan0')
  one.uplinks.stop()
})

test('what stands outlives the process, and the next goes on with it', async () => {
  const first = rig()
  await first.begin()
  first.alive.delete(ETH)
  await first.live(8_000)
  first.uplinks.stop()
  assert.is(first.chosen(), 'wwan0')
  assert.is(first.open.size, 0)
  const next = rig({ steering: first.steering })
  next.alive.delete(ETH)
  await next.begin()
  assert.is(next.chosen(), 'wwan0')
  assert.is(next.switches(), 0)
  next.routes.pop()
  next.uplinks.follow(local)
  await next.advance(1_000)
  assert.equal(next.steering.standing.get(4), noSteering)
  assert.is(next.open.size, 0)
  next.uplinks.stop()
})

test('rules that somebody took away are laid again', async () => {
  const one = rig()
  await one.begin()
  one.alive.delete(ETH)
  await one.live(8_000)
  one.steering.standing.clear()
  await one.live(31_000)
  one.uplinks.follow(local)
  await one.advance(1_000)
  assert.is(one.chosen(), 'wwan0')
  one.uplinks.stop()
})

test('a kernel that can’t lead packets changes nothing', async () => {
  const one = rig()
  one.steering.refuses = true
  await one.begin()
  one.alive.delete(ETH)
  await one.live(20_000)
  assert.is(one.chosen(), undefined)
  one.uplinks.stop()
})

test('what goes through a translator tells of an uplink of IPv6 alone, and the next one is taken where it answers by that', async () => {
  const one = rig({ onlyIpv6: true })
  await one.begin()
  assert.is(one.uplinks.chosen(6), undefined)
  one.alive.delete(ETH6)
  await one.live(8_000)
  assert.is(one.uplinks.chosen(6), 'wwan0')
  assert.ok(one.asked.length > 0 && one.asked.every((to) => to === translated(RELAY)), one.asked.join(' '))
  assert.equal(await one.uplinks.wayOut('203.0.113.1', 8_443), {
    local: LTE6,
    address: '64:ff9b::cb00:7101',
  })
  // Where neither answers through the translator nothing is gained by a change.
  const other = rig({ onlyIpv6: true })
  await other.begin()
  other.alive.clear()
  await other.live(30_000)
  assert.is(other.switches(), 0)
})

test.run()
