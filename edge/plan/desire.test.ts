// From records to what a device should look like: routes through routers, and never against the networks it stands in.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address, Cidr } from '../../shared/address/cidr.ts'
import type { NodeId } from '../../shared/ids.ts'
import { type FakeIntent, fakeRecords, fakeWgKey } from '../../shared/record/parsed.fake.ts'
import { desire, type Wish } from './desire.ts'

const VIA = { via: { matchLabels: { role: 'gw' } } }
const INTENT: FakeIntent = {
  nodes: [
    { name: 'self' },
    { name: 'gw-b', labels: { role: 'gw' }, advertise: ['192.168.0.0/16'] },
    { name: 'gw-a', labels: { role: 'gw' }, advertise: ['192.168.50.0/24'] },
  ],
  routes: { plant: { destination: '192.168.50.0/24', ...VIA } },
}

function wish(intent: FakeIntent, local: readonly [string, string][] = [], device = 'eth0'): Wish {
  return desire({
    records: fakeRecords(intent),
    self: 'baaaaaaaaaaaaaaa' as NodeId,
    wgKey: fakeWgKey(1),
    interface: 'hf0',
    listenPort: 51_820,
    meshPort: 51_822,
    endpoints: new Map(),
    local: local.map(([address, cidr]) => ({
      interface: device,
      address: address as Address,
      cidr: cidr as Cidr,
      physical: device === 'eth0',
    })),
  })
}

function routes({ desired }: Pick<Wish, 'desired'>): readonly string[] {
  return desired.routes.map(({ destination }) => destination)
}

test('a subnet goes through the first router by name that advertises it', () => {
  const { desired, omissions } = wish(INTENT)
  assert.equal(omissions, [])
  assert.equal(routes({ desired }), ['10.77.0.0/24', '192.168.50.0/24', 'fd77::/64'])
  const through = desired.peers.filter((peer) => peer.allowedIps.includes('192.168.50.0/24' as Cidr))
  assert.equal(
    through.map((peer) => peer.name),
    ['gw-a'],
  )
})

test('the network a host stands in wins over a routed one', () => {
  for (const block of ['192.168.50.0/24', '192.168.0.0/16']) {
    const result = wish(INTENT, [['192.168.50.7', block]])
    assert.equal(routes(result), ['10.77.0.0/24', 'fd77::/64'])
    assert.equal(
      result.omissions.map(({ code }) => code),
      ['address-conflict'],
    )
  }
})

test('so does a network of its containers, in the family of IPv6 as well; it is named, and where it is the narrower one, too', () => {
  const at = (destination: string, own: string, address: string): Wish => {
    const nodes = INTENT.nodes.map((node) => ({ ...node, advertise: [destination] }))
    const input = { ...INTENT, nodes, routes: { plant: { destination, ...VIA } } }
    return wish(input, [[address, own]], 'docker0')
  }
  for (const [block, own, address] of [
    ['172.17.0.0/16', '172.17.0.0/16', '172.17.0.1'],
    ['172.17.4.0/24', '172.17.0.0/16', '172.17.0.1'],
    ['fd00:d0c::/64', 'fd00:d0c::/64', 'fd00:d0c::1'],
  ] as const) {
    const { desired, omissions } = at(block, own, address)
    assert.not(routes({ desired }).includes(block), block)
    assert.match(omissions[0]?.detail ?? '', /^Route\/plant is not followed here: .* the network on docker0/)
  }
  const wide = at('172.16.0.0/12', '172.17.0.0/16', '172.17.0.1')
  assert.ok(routes(wide).includes('172.16.0.0/12'))
  assert.equal(
    wide.omissions.map(({ code, detail }) => [code, detail]),
    [['address-overlap', 'Route/plant: 172.16.0.0/12 leads through the mesh but for 172.17.0.0/16 on docker0']],
  )
})

test('a route that holds one of the own networks and is another of them is not followed for the sake of that one', () => {
  const wide = { ...INTENT, routes: { plant: { destination: '192.168.0.0/16', ...VIA } } }
  const nodes = INTENT.nodes.map((node) => ({ ...node, advertise: ['192.168.0.0/16'] }))
  const [self, ...others] = nodes
  const intent = { ...wide, nodes: [{ name: self?.name ?? '' }, ...others] }
  const held = wish(intent, [['192.168.50.7', '192.168.50.0/24']])
  assert.ok(routes(held).includes('192.168.0.0/16'))
  assert.equal(
    held.omissions.map(({ code, routers }) => [code, routers !== undefined]),
    [['address-overlap', true]],
  )
  const both = wish(intent, [
    ['192.168.50.7', '192.168.50.0/24'],
    ['192.168.7.7', '192.168.0.0/16'],
  ])
  assert.not.ok(routes(both).includes('192.168.0.0/16'))
  assert.match(
    both.omissions[0]?.detail ?? '',
    /^Route\/plant is not followed here: 192\.168\.0\.0\/16 is the network on eth0/,
  )
})

test('a mesh inside the local network takes no address from it', () => {
  const { desired, omissions } = wish(INTENT, [['10.1.2.3', '10.0.0.0/8']])
  assert.equal(routes({ desired }), ['192.168.50.0/24', 'fd77::/64'])
  assert.equal(desired.addresses, ['fd77::1/128'])
  assert.ok(omissions.some(({ code }) => code === 'address-conflict'))
})

test('a router for a subnet forwards it and has no route to it through others', () => {
  const nodes = [{ name: 'self', labels: { role: 'gw' }, advertise: ['192.168.50.0/24'] }, ...INTENT.nodes.slice(1)]
  const result = wish({ ...INTENT, nodes }, [['192.168.50.1', '192.168.50.0/24']])
  assert.equal(routes(result), ['10.77.0.0/24', 'fd77::/64'])
  assert.equal(result.desired.forwarding, [4])
  assert.equal(result.omissions, [])
})

test('a metric of zero means the same in both families', () => {
  const result = wish({ ...INTENT, routes: { plant: { destination: '192.168.50.0/24', metric: 0, ...VIA } } })
  assert.is(result.desired.routes.find(({ destination }) => destination.startsWith('192'))?.metric, 1)
})

const MAPPED = { destination: '192.168.50.0/24', ...VIA, nat: 'netmap', mapTo: '10.99.0.0/24' }

test('pods of the own site are left to the network of their cluster', () => {
  const site = (name: string) => ({ labels: { 'holdfast.dev/pod-site': name } })
  const pods = { destination: '10.42.1.0/24', nat: 'none', via: { matchLabels: { 'holdfast.dev/pod-site': 'alpha' } } }
  const [self, other, ...rest] = INTENT.nodes
  for (const [own, count] of [
    ['alpha', 0],
    ['beta', 1],
    [undefined, 1],
  ] as const) {
    const nodes = [
      { ...self, name: self?.name ?? '', ...(own === undefined ? {} : site(own)) },
      { ...other, name: other?.name ?? '', ...site('alpha'), advertise: ['10.42.1.0/24'] },
      ...rest,
    ]
    const result = wish({ ...INTENT, nodes, routes: { pods } })
    assert.is(routes(result).filter((one) => one === '10.42.1.0/24').length, count)
    const through = result.desired.peers.filter(({ allowedIps }) =>
      (allowedIps as readonly string[]).includes('10.42.1.0/24'),
    )
    assert.is(through.length, count)
    assert.equal(result.omissions, [])
  }
})

test('a mapped subnet is routed by what it is called, also by who has such addresses itself', () => {
  for (const local of [[], [['192.168.50.7', '192.168.50.0/24'] as [string, string]]]) {
    const result = wish({ ...INTENT, routes: { plant: MAPPED } }, local)
    assert.equal(routes(result), ['10.77.0.0/24', '10.99.0.0/24', 'fd77::/64'])
    assert.ok(result.desired.peers.some(({ allowedIps }) => (allowedIps as readonly string[]).includes('10.99.0.0/24')))
    assert.equal(result.omissions, [])
  }
})

test('its router maps both ways', () => {
  const nodes = [{ name: 'self', labels: { role: 'gw' }, advertise: ['192.168.50.0/24'] }, ...INTENT.nodes.slice(1)]
  const { desired } = wish({ ...INTENT, nodes, routes: { plant: MAPPED } }, [['192.168.50.1', '192.168.50.0/24']])
  assert.match(desired.ruleset, 'iifname "hf0" dnat ip prefix to ip daddr map { 10.99.0.0/24 : 192.168.50.0/24 }')
  assert.match(desired.ruleset, 'oifname "hf0" snat ip prefix to ip saddr map { 192.168.50.0/24 : 10.99.0.0/24 }')
})

test.run()
