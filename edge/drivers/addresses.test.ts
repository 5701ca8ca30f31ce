// What `ip -j addr` prints, and what of it leads to a physical network, to neighbours, or nowhere of interest.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseLinks } from './addresses.ts'

const ETHERNET = ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP']

function link(ifname: string, flags: readonly string[], local: string, kind?: string): object {
  const linkinfo = kind === undefined ? {} : { linkinfo: { info_kind: kind } }
  return { ifname, flags, mtu: 1_500, addr_info: [{ local, prefixlen: 24, scope: 'global' }], ...linkinfo }
}

function told(...links: readonly object[]): readonly string[] {
  return parseLinks(JSON.stringify(links), 'hf0').local.map(
    (one) =>
      `${one.interface} ${one.cidr}${one.physical ? ' physical' : ''}${one.pointToPoint === true ? ' point-to-point' : ''}`,
  )
}

test('the kinds of links', () => {
  assert.equal(
    told(
      link('eth0', ETHERNET, '192.168.1.5'),
      link('br0', ETHERNET, '192.168.2.5', 'bridge'),
      link('wwan0', ['POINTOPOINT', 'NOARP', 'UP', 'LOWER_UP'], '10.20.30.40'),
      link('rmnet0', ['BROADCAST', 'NOARP', 'UP'], '10.20.31.40'),
      link('docker0', ETHERNET, '172.17.0.1', 'bridge'),
      link('wg7', ['POINTOPOINT', 'NOARP', 'UP'], '10.9.0.1', 'wireguard'),
      link('eth9', ['BROADCAST', 'MULTICAST'], '192.168.9.5'),
      link('lo', ['LOOPBACK', 'UP'], '127.0.0.1'),
      link('hf0', ['POINTOPOINT', 'NOARP', 'UP'], '100.80.0.1', 'wireguard'),
    ),
    [
      'br0 192.168.2.0/24 physical',
      'docker0 172.17.0.0/24',
      'eth0 192.168.1.0/24 physical',
      'rmnet0 10.20.31.0/24 physical point-to-point',
      'wg7 10.9.0.0/24 point-to-point',
      'wwan0 10.20.30.0/24 physical point-to-point',
    ],
  )
})

test.run()
