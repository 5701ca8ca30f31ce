// Routes for the peers whose path carries less, and for nobody else.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address, Cidr } from '../../shared/address/cidr.ts'
import type { NodeId } from '../../shared/ids.ts'
import { fakeRecords, fakeWgKey } from '../../shared/record/parsed.fake.ts'
import { desire } from './desire.ts'
import type { LocalAddress } from './observed.ts'
import { withPathMtu } from './path-mtu.ts'

const records = fakeRecords({
  nodes: [
    { name: 'self' },
    { name: 'gw', labels: { role: 'gw' }, advertise: ['192.168.50.0/24', 'fd50::/64'] },
    { name: 'db' },
  ],
  routes: {
    plant: { destination: '192.168.50.0/24', metric: 70, via: { matchLabels: { role: 'gw' } } },
    plant6: { destination: 'fd50::/64', via: { matchLabels: { role: 'gw' } }, nat: 'none' },
  },
})
const SELF = 'baaaaaaaaaaaaaaa' as NodeId
const GW = 'caaaaaaaaaaaaaaa' as NodeId

function routesFor(bytes: number | undefined, local: readonly LocalAddress[] = []): readonly string[] {
  const input = { interface: 'hf0', listenPort: 51_820, meshPort: 51_822, endpoints: new Map(), local }
  const { desired } = desire({ ...input, records, self: SELF, wgKey: fakeWgKey(1) })
  const sizes = new Map(bytes === undefined ? [] : [[GW, bytes] as const])
  return withPathMtu(desired, sizes, local).routes.map(({ destination, metric, mtu }) => {
    return `${destination} ${metric}${mtu === undefined ? '' : ` mtu ${mtu}`}`
  })
}

const WHOLE = ['10.77.0.0/24 50', '192.168.50.0/24 70', 'fd50::/64 100', 'fd77::/64 50']

test('a whole path, or one of a peer that is no more, changes nothing', () => {
  assert.equal(routesFor(undefined), WHOLE)
  assert.equal(routesFor(1_420), WHOLE)
})

test('all that lies behind the peer is held to its path, the rest is as before', () => {
  assert.equal(routesFor(1_328), [
    '10.77.0.0/24 50',
    '10.77.0.2/32 50 mtu 1328',
    '192.168.50.0/24 70 mtu 1328',
    'fd50::/64 100 mtu 1328',
    'fd77::/64 50',
    'fd77::2/128 50 mtu 1328',
  ])
})

test('an address of the local network stays there', () => {
  const inside = { address: '10.77.0.2' as Address, cidr: '10.77.0.0/28' as Cidr, interface: 'eth0', physical: true }
  const around = { address: '10.0.0.1' as Address, cidr: '10.0.0.0/8' as Cidr, interface: 'eth0', physical: true }
  for (const local of [[inside], [around]]) {
    assert.not.ok(routesFor(1_328, local).some((route) => route.startsWith('10.77.0.2')))
  }
})

test.run()
