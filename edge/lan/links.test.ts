// Where beacons go: every physical link that carries a broadcast, and nowhere else.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { beaconLinksMax } from '../../shared/limits.ts'
import type { LocalAddress } from '../plan/observed.ts'
import { beaconGroup, beaconLinks, isFromLink, isOnLinks } from './links.ts'

function local(name: string, address: string, cidr: string, more: Partial<LocalAddress> = {}): LocalAddress {
  return { interface: name, address: parseAddress(address), cidr: parseCidr(cidr), physical: true, ...more }
}

const HOST = [
  local('eth0', '192.168.1.5', '192.168.1.0/24'),
  local('eth0', '192.168.1.6', '192.168.1.0/24'),
  local('eth0', 'fd00:1::5', 'fd00:1::/64'),
  local('eth1', '10.0.0.9', '10.0.0.8/29'),
  local('docker0', '172.17.0.1', '172.17.0.0/16', { physical: false }),
  local('wwan0', '10.20.30.40', '10.20.30.0/24', { pointToPoint: true }),
]

test('the broadcast address of each block, once; no overlay, no container, no modem', () => {
  assert.equal(
    beaconLinks(HOST).map((link) => [link.interface, link.blocks.length, link.broadcasts]),
    [
      ['eth0', 2, ['192.168.1.255']],
      ['eth1', 1, ['10.0.0.15']],
    ],
  )
  assert.equal(
    beaconLinks(HOST.toReversed()),
    beaconLinks(HOST).map(({ blocks, ...rest }) => ({ ...rest, blocks: blocks.toReversed() })),
  )
})

test('a block of two or one has no broadcast; its link is spoken to by IPv6 all the same', () => {
  const links = beaconLinks([local('eth0', '10.0.0.0', '10.0.0.0/31'), local('eth1', '10.9.9.9', '10.9.9.9/32')])
  assert.equal(
    links.map(({ broadcasts }) => broadcasts),
    [[], []],
  )
})

test('bounded', () => {
  const many = Array.from({ length: 50 }, (_, i) => local(`vlan${i}`, `10.${i}.0.1`, `10.${i}.0.0/16`))
  assert.is(beaconLinks(many).length, beaconLinksMax)
})

test('what comes from elsewhere is not from the link', () => {
  const links = beaconLinks(HOST)
  for (const from of ['192.168.1.77', '10.0.0.10', 'fd00:1::77', 'fe80::1%eth0', 'fe80::1%eth1']) {
    assert.ok(isFromLink(links, from), from)
  }
  for (const from of ['192.168.2.77', '172.17.0.2', '10.20.30.1', 'fe80::1%docker0', 'fe80::1%wwan0', 'fe80::1', '']) {
    assert.not.ok(isFromLink(links, from), from)
  }
  assert.ok(isOnLinks(links, '10.0.0.14' as Address))
  assert.not.ok(isOnLinks(links, '10.0.0.16' as Address))
})

test('the group is one that nobody assigns, and no farther than the link', () => {
  assert.match(beaconGroup, /^ff12:/)
  assert.is(parseEndpoint(`[${beaconGroup}]:51823`), `[${beaconGroup}]:51823`)
})

test.run()
