// What a node publishes: at which of its addresses, for whom, and never at a port that somebody else has; and what the kernel is
// told of it.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cidr, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { parseName } from '../../shared/ids.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import { renderServices } from '../plan/nft-services.ts'
import type { LocalAddress } from '../plan/observed.ts'
import { type Listening, listenersOf, type Publishing, publishing } from './publish.ts'
import { createPublishedTold } from './status.ts'
import { goneOutside } from './table.ts'

const card = (name: string, address: string, block: string, physical = true): LocalAddress => ({
  interface: name,
  address: parseAddress(address),
  cidr: parseCidr(block),
  physical,
})
const local = [
  card('eth0', '203.0.113.7', '203.0.113.0/24'),
  card('eth1', '192.168.1.1', '192.168.1.0/24'),
  card('eth1', 'fd00:1::1', 'fd00:1::/64'),
  card('docker0', '172.17.0.1', '172.17.0.0/16', false),
]
const gateways = { matchLabels: { role: 'gateway' } }
const web = { ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }], backends: { matchLabels: { role: 'web' } } }

function published(
  services: Readonly<Record<string, object>>,
  { cards = local, labels = { role: 'gateway' }, listening = [] as readonly Listening[] } = {},
): Publishing {
  const { services: known } = fakeRecords({ nodes: [{ name: 'a', labels: { role: 'web' } }], services })
  const virtual = (at: number) => [`10.77.0.20${at}`, `fd77::c${at}`].map(parseAddress)
  const given = known.map((one, at) => ({ ...one, addresses: virtual(at + 1) }))
  return publishing({ services: given, self: { labels }, local: cards, listening: () => listening })
}

const places = ({ ports }: Publishing): readonly string[] =>
  ports.map(({ address, from, port, protocol, service }) => `${service} ${protocol} ${address} ${port} ${from.join()}`)

test('it is published at every address on a network, or at those that are named, for whom is named', () => {
  const say = (more: object) => ({ web: { ...web, publish: [{ gateways, port: 80, from: ['LAN'], ...more }] } })
  assert.equal(places(published(say({}))), [
    'web tcp 203.0.113.7 80 203.0.113.0/24',
    'web tcp 192.168.1.1 80 192.168.1.0/24',
    'web tcp fd00:1::1 80 fd00:1::/64',
  ])
  assert.equal(places(published(say({ interfaces: ['docker0'], from: ['0.0.0.0/0'] }))), [
    'web tcp 172.17.0.1 80 0.0.0.0/0',
  ])
  assert.equal(places(published(say({ addresses: ['192.168.0.0/16'], port: 8_000, servicePort: 80 }))), [
    'web tcp 192.168.1.1 8000 192.168.1.0/24',
  ])
  // Nobody of that family may come.
  assert.equal(places(published(say({ interfaces: ['eth1'], from: ['fd00::/8'] }))), ['web tcp fd00:1::1 80 fd00::/8'])
  assert.equal(published(say({}), { labels: { role: 'web' } }), { ports: [], refused: [] })
})

test('an address that goes is published no more, and where none is left people are told', () => {
  const services = { web: { ...web, publish: [{ gateways, port: 80, from: ['LAN'], interfaces: ['eth1'] }] } }
  assert.is(published(services, { cards: local.slice(0, 2) }).ports.length, 1)
  const gone = published(services, { cards: local.slice(0, 1) })
  assert.equal(gone.ports, [])
  assert.equal(gone.refused, ['Service/web TCP port 80 is not published: this node has no address now that is meant'])
  const strange = published(services, { cards: [card('eth1"', '192.168.1.1', '192.168.1.0/24')] })
  assert.equal(strange.ports, [])
})

test('what a program of the device listens at stays its own, at the address where it does', () => {
  const services = { web: { ...web, publish: [{ gateways, port: 22, servicePort: 80, from: ['LAN'] }] } }
  const sshd = { protocol: 'tcp', port: 22, program: 'sshd' } as const
  const all = published(services, { listening: [sshd] })
  assert.equal(all.ports, [])
  assert.is(
    all.refused[0],
    'Service/web is not published at 203.0.113.7 TCP port 22: sshd of this device listens there',
  )
  const one = published(services, { listening: [{ ...sshd, address: parseAddress('192.168.1.1') }] })
  assert.is(one.ports.length, 2)
  assert.is(one.refused.length, 1)
  // The same number of the other transport is another port.
  assert.is(published(services, { listening: [{ protocol: 'udp', port: 22 }] }).refused.length, 0)
})

test('names lead from one port to several services, and each name to one', () => {
  const at = (...hostnames: readonly string[]) => ({
    ...web,
    publish: [
      { gateways, protocol: 'TLS', port: 443, servicePort: 80, from: ['LAN'], interfaces: ['eth1'], hostnames },
    ],
  })
  const { ports, refused } = published({
    a: at('a.example.com'),
    b: at('b.example.com', '*.b.example.com'),
    c: at('a.example.com'),
  })
  const why = 'Service/a is'
  assert.equal(refused, [
    `Service/c is not published at 192.168.1.1 TCP port 443: ${why}`,
    `Service/c is not published at fd00:1::1 TCP port 443: ${why}`,
  ])
  const [four, six] = listenersOf(ports)
  assert.equal([four?.address, four?.port, six?.address], ['192.168.1.1', 443, 'fd00:1::1'])
  assert.equal(four?.routes, [
    { hostnames: ['a.example.com'], from: ['192.168.1.0/24'], to: { address: '10.77.0.201', port: 80 } },
    {
      hostnames: ['b.example.com', '*.b.example.com'],
      from: ['192.168.1.0/24'],
      to: { address: '10.77.0.202', port: 80 },
    },
  ])
  // A port that is led by names is not led without.
  const plain = { ...web, publish: [{ gateways, port: 443, servicePort: 80, from: ['LAN'], interfaces: ['eth1'] }] }
  const mixed = published({ a: at('a.example.com'), d: plain })
  assert.is(mixed.refused.length, 2)
  assert.equal(listenersOf(published({ d: plain }).ports), [])
})

test('requests lead from one port to several services by host and path, and each of both to one', () => {
  const at = (...more: readonly object[]) => ({
    ...web,
    publish: more.map((one) => {
      return { gateways, protocol: 'HTTP', port: 80, from: ['LAN'], interfaces: ['eth0'], ...one }
    }),
  })
  const { ports, refused } = published({
    a: at({ hostnames: ['a.example.com'] }),
    b: at({ hostnames: ['a.example.com', '*.b.example.com'], paths: [{ value: '/b' }, { type: 'Exact', value: '/' }] }),
    c: at({ hostnames: ['a.example.com'], paths: [{ value: '/' }] }, { paths: [{ value: '/off' }], answer: 503 }),
    d: at({ hostnames: ['*.b.example.com'], paths: [{ value: '/b/' }] }),
  })
  assert.equal(refused, [
    'Service/c is not published at 203.0.113.7 TCP port 80: Service/a is',
    'Service/d is not published at 203.0.113.7 TCP port 80: Service/b is',
  ])
  const from = ['203.0.113.0/24']
  const to = (address: string) => ({ address, port: 80 })
  assert.equal(listenersOf(ports), [
    {
      protocol: 'HTTP',
      address: '203.0.113.7',
      port: 80,
      routes: [
        { hostnames: ['a.example.com'], from, to: to('10.77.0.201') },
        {
          hostnames: ['a.example.com', '*.b.example.com'],
          paths: [
            { type: 'Prefix', value: '/b' },
            { type: 'Exact', value: '/' },
          ],
          from,
          to: to('10.77.0.202'),
        },
        { paths: [{ type: 'Prefix', value: '/off' }], answer: 503, from, to: to('10.77.0.203') },
      ],
    },
  ])
  // Where both say a weight, and the same order, they share what both are asked for.
  const shares = [at({ weight: 1 }), at({ weight: 9 }), at({ weight: 9, order: 'x' }), at({})]
  const [a, b, c, d] = shares
  const both = published({ a, b, c, d } as Record<string, typeof web>)
  assert.equal(
    listenersOf(both.ports)[0]?.routes.map((one) => ('weight' in one ? one.weight : 'none')),
    [1, 9],
  )
  assert.equal(both.refused, [
    'Service/c is not published at 203.0.113.7 TCP port 80: Service/a is',
    'Service/d is not published at 203.0.113.7 TCP port 80: Service/a is',
  ])
  // The hub is told of the place once, whatever is asked for there.
  const two = at({ hostnames: ['a.example.com'] }, { hostnames: ['b.example.com'], weight: 3 })
  assert.equal(createPublishedTold()(published({ a: two, b: at({}) })), [
    { service: 'a', at: '203.0.113.7:80', protocol: 'HTTP' },
    { service: 'b', at: '203.0.113.7:80', protocol: 'HTTP' },
  ])
  // Nothing else is at a port where requests are read.
  const tls = {
    ...web,
    publish: [{ gateways, protocol: 'TLS', port: 80, from: ['LAN'], hostnames: ['x.example.com'] }],
  }
  assert.match(published({ a: at({}), b: tls }).refused[0] ?? '', /Service\/b is not published .*: Service\/a is/)
})

test('of two services at one port the first by name has it', () => {
  const publish = [{ gateways, port: 80, from: ['LAN'], interfaces: ['eth0'] }]
  const { ports, refused } = published({ b: { ...web, publish }, a: { ...web, publish } })
  assert.equal(
    ports.map(({ service }) => service),
    ['a'],
  )
  assert.equal(refused, ['Service/b is not published at 203.0.113.7 TCP port 80: Service/a is'])
})

function text(ports: Publishing['ports'], lost: readonly string[] = []): string {
  const virtual = ['10.77.0.201', 'fd77::c1'].map(parseAddress)
  const ways = virtual.map((one, at) => {
    const to = [{ address: parseAddress(['10.77.0.1', 'fd77::1'][at] ?? ''), port: 8_080 }]
    return { virtual: one, protocol: 'tcp' as const, port: 80, to }
  })
  const [first = parseAddress('10.77.0.201')] = virtual
  const gone = lost.map((backend) => ({ virtual: first, backend: parseAddress(backend) }))
  return renderServices({ interface: 'hf0', virtual, ways, lost: gone, published: ports })
}

test('the kernel leads those who may come as it leads its own, and hides where they come from beyond', () => {
  const from = ['10.0.0.0/8', '10.1.0.0/16', 'LAN']
  const services = {
    web: { ...web, publish: [{ gateways, port: 8_000, servicePort: 80, from, interfaces: ['eth1'] }] },
  }
  const { ports } = published(services)
  const nft = text(ports, ['10.77.0.1'])
  const lines = new Set(nft.split('\n').map((line) => line.trim()))
  for (const line of [
    'ip saddr { 10.0.0.0/8, 192.168.1.0/24 } update @used4 { 10.77.0.201 } goto lead_0',
    'ip6 saddr { fd00:1::/64 } update @used6 { fd77::c1 } goto lead_1',
    'iifname "eth1" ip daddr . meta l4proto . th dport vmap { 192.168.1.1 . tcp . 8000 : goto published_0 }',
    'iifname "eth1" ip6 daddr . meta l4proto . th dport vmap { fd00:1::1 . tcp . 8000 : goto published_1 }',
    'oifname "hf0" ct original ip daddr 192.168.1.1 meta l4proto tcp ct original proto-dst { 8000 } masquerade',
    'meta l4proto tcp ct status dnat ct original ip daddr 192.168.1.1 ct original proto-dst 8000 ct reply ip saddr { 10.77.0.1 } goto refuse',
  ]) {
    assert.ok(lines.has(line), `${line}\n${nft}`)
  }
  assert.not.match(text([]), /published/)
  fc.assert(
    fc.property(
      fc.shuffledSubarray([...ports], { minLength: ports.length }),
      (some) => text(some, ['10.77.0.1']) === nft,
    ),
  )
})

test('a service that nobody serves is led nowhere, but was asked for', () => {
  const services = {
    web: { ...web, publish: [{ gateways, port: 53, protocol: 'UDP', from: ['LAN'], interfaces: ['eth0'] }] },
  }
  const { ports } = published(services)
  const line = 'ip saddr { 203.0.113.0/24 } update @used4 { 10.77.0.201 }\n'
  assert.ok(text(ports).includes(line))
  const gone = [{ virtual: parseAddress('10.77.0.201'), backend: parseAddress('10.77.0.1') }]
  assert.equal(goneOutside(gone, ports), [{ virtual: parseAddress('203.0.113.7'), backend: parseAddress('10.77.0.1') }])
})

test('whoever may come from everywhere comes from everywhere', () => {
  const anywhere = ['0.0.0.0/0', '::/0', '10.0.0.0/8'] as readonly string[] as readonly Cidr[]
  const services = { [parseName('web')]: { ...web, publish: [{ gateways, port: 80, from: anywhere }] } }
  const nft = text(published(services).ports)
  assert.match(nft, 'ip saddr { 0.0.0.0/0 } update')
  assert.match(nft, 'ip6 saddr { ::/0 } update')
})

test.run()
