// What only the whole set shows: each contradiction is named with its object, field and remedy.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkConsistency } from './consistency.ts'
import { type AnyResource, apiVersion, type Kind, parseResource } from './resource.ts'

function make(kind: Kind, name: string, spec: object): AnyResource {
  return parseResource({ apiVersion, kind, metadata: { name }, spec })
}

const network = make('Network', 'default', { cidr: '10.7.0.0/24', cidr6: 'fd07::/64' })
const node = (name: string, spec: object = {}): AnyResource => make('Node', name, spec)
const route = (name: string, spec: object): AnyResource =>
  make('Route', name, { destination: '192.168.1.0/24', via: {}, nat: 'none', ...spec })

const sound: readonly AnyResource[] = [
  network,
  make('Network', 'lab', { cidr: '10.8.0.0/24' }),
  node('a', { addresses: ['10.7.0.2', 'fd07::2'], advertise: ['192.168.1.0/24'] }),
  node('b', { addresses: ['10.7.0.3'] }),
  node('c', { network: 'lab', addresses: ['10.8.0.2'] }),
  make('Policy', 'p', { subject: { nodeSelector: {} } }),
  make('Service', 's', { ports: [{ port: 80 }], backends: {} }),
  make('JoinToken', 't', {}),
  route('r1', {}),
  route('r2', {}),
  route('narrower', { destination: '192.168.1.128/25' }),
  route('mapped', { nat: 'netmap', mapTo: '10.99.1.0/24' }),
  route('elsewhere', { network: 'lab', nat: 'masquerade' }),
]

test('a sound set has no fault', () => assert.equal(checkConsistency(sound), []))
test('nothing contradicts nothing', () => assert.equal(checkConsistency([]), []))

for (const [what, set, field, message] of [
  [
    'blocks of networks overlap',
    [network, make('Network', 'other', { cidr: '10.0.0.0/8' })],
    'Network/other spec.cidr',
    '10.0.0.0/8 overlaps 10.7.0.0/24 of Network/default',
  ],
  [
    'IPv6 blocks of networks overlap',
    [network, make('Network', 'other', { cidr: '10.9.0.0/24', cidr6: 'fd07::/56' })],
    'Network/other spec.cidr6',
    'fd07::/56 overlaps fd07::/64 of Network/default',
  ],
  [
    'a node of no network',
    [network, node('a', { network: 'lba' })],
    'Node/a spec.network',
    'there is no network "lba"',
  ],
  ['a token of no network', [make('JoinToken', 't', {})], 'JoinToken/t spec.network', 'there is no network "default"'],
  [
    'a policy of no network',
    [make('Policy', 'p', { subject: { nodeSelector: {} } })],
    'Policy/p spec.network',
    'there is no network "default"',
  ],
  [
    'a service of no network',
    [make('Service', 's', { ports: [{ port: 1 }], backends: {} })],
    'Service/s spec.network',
    'there is no network "default"',
  ],
  [
    'a network that every object has',
    [network, node('a', { network: 'constructor' })],
    'Node/a spec.network',
    'there is no network "constructor"',
  ],
  [
    'an address outside',
    [network, node('a', { addresses: ['10.7.1.2'] })],
    'Node/a spec.addresses[0]',
    '10.7.1.2 is outside network default (10.7.0.0/24, fd07::/64)',
  ],
  [
    'the second address outside',
    [network, node('a', { addresses: ['10.7.0.2', 'fd08::2'] })],
    'Node/a spec.addresses[1]',
    'fd08::2 is outside network default (10.7.0.0/24, fd07::/64)',
  ],
  [
    'the address of the block itself',
    [network, node('a', { addresses: ['10.7.0.0'] })],
    'Node/a spec.addresses[0]',
    '10.7.0.0 is kept free in 10.7.0.0/24',
  ],
  [
    'the first address',
    [network, node('a', { addresses: ['fd07::1'] })],
    'Node/a spec.addresses[0]',
    'fd07::1 is kept free in fd07::/64',
  ],
  [
    'the broadcast address',
    [network, node('a', { addresses: ['10.7.0.255'] })],
    'Node/a spec.addresses[0]',
    '10.7.0.255 is kept free in 10.7.0.0/24',
  ],
  [
    'two addresses of one family',
    [network, node('a', { addresses: ['10.7.0.2', '10.7.0.3'] })],
    'Node/a spec.addresses[1]',
    '10.7.0.3 is a second IPv4 address',
  ],
  [
    'one address for two',
    [network, node('a', { addresses: ['10.7.0.2'] }), node('b', { addresses: ['10.7.0.2'] })],
    'Node/b spec.addresses[0]',
    '10.7.0.2 belongs to Node/a already',
  ],
  [
    'advertising the mesh',
    [network, node('a', { advertise: ['192.168.1.0/24', '10.0.0.0/8'] })],
    'Node/a spec.advertise[1]',
    '10.0.0.0/8 overlaps the mesh itself (10.7.0.0/24)',
  ],
  [
    'a route into the mesh',
    [network, route('r', { destination: '10.7.0.128/25' })],
    'Route/r spec.destination',
    '10.7.0.128/25 overlaps the mesh itself (10.7.0.0/24)',
  ],
  [
    'a probe that is not behind the route',
    [network, route('r', { nat: 'netmap', mapTo: '10.99.1.0/24', probe: '192.168.2.7' })],
    'Route/r spec.probe',
    '192.168.2.7 is outside 192.168.1.0/24 and 10.99.1.0/24',
  ],
  [
    'mapping onto the mesh',
    [network, route('r', { nat: 'netmap', mapTo: '10.7.0.0/24' })],
    'Route/r spec.mapTo',
    '10.7.0.0/24 overlaps the mesh itself (10.7.0.0/24)',
  ],
  [
    'one destination, two manners',
    [network, route('r', {}), route('s', { nat: 'masquerade' })],
    'Route/s spec.destination',
    '192.168.1.0/24 is also the destination of Route/r, with nat: none',
  ],
  [
    'one name for two subnets',
    [
      network,
      route('r', { nat: 'netmap', mapTo: '10.99.1.0/24' }),
      route('s', { destination: '172.16.1.0/24', nat: 'netmap', mapTo: '10.99.1.0/24' }),
    ],
    'Route/s spec.mapTo',
    '10.99.1.0/24 stands for 192.168.1.0/24 in Route/r already',
  ],
  [
    'mapping onto another route',
    [network, route('r', {}), route('s', { destination: '172.16.0.0/25', nat: 'netmap', mapTo: '192.168.1.0/25' })],
    'Route/s spec.mapTo',
    '192.168.1.0/25 overlaps 192.168.1.0/24 of Route/r',
  ],
] as const satisfies readonly (readonly [string, readonly AnyResource[], string, string])[]) {
  test(what, () => {
    const faults = checkConsistency(set)
    assert.equal(
      faults.map((fault) => [fault.code, fault.field, fault.message]),
      [['invalid', field, message]],
    )
    assert.match(faults[0]?.remedy ?? '', /\.$/)
  })
}

test('whether a set is sound does not depend on its order', () => {
  const odd = [node('d', { addresses: ['10.7.0.3'] }), route('clash', { nat: 'masquerade' })]
  fc.assert(
    fc.property(fc.shuffledSubarray([...sound, ...odd]), (set) => {
      assert.is(checkConsistency(set).length, checkConsistency([...set].toReversed()).length)
    }),
  )
})

test('one block over many is one fault, and thousands are compared without comparing each with all', () => {
  const many = Array.from({ length: 4_000 }, (_, i) =>
    make('Network', `n${i}`, { cidr: `10.${i >> 8}.${i & 255}.0/24` }),
  )
  const overlap = make('Network', 'last', { cidr: '10.3.0.0/16' })
  assert.is(checkConsistency([...many, overlap]).length, 1)
})

test.run()
