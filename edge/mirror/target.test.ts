// Which interfaces are refused, by what `ip` prints of them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ErrorCode, isHoldfastError } from '../../shared/errors.ts'
import { checkDevice, checkRoutes } from './target.ts'

const port = { ifname: 'ids0', link_type: 'ether', flags: ['BROADCAST', 'UP'], addr_info: [] as object[] }
const mesh = { ifname: 'hf0', link_type: 'none', flags: ['UP'], addr_info: [] }

function said(run: () => void): string {
  try {
    run()
    return 'fine'
  } catch (error) {
    const code = (['not-found', 'forbidden', 'conflict'] as ErrorCode[]).find((one) => isHoldfastError(error, one))
    return `${code}: ${(error as Error).message}`
  }
}
const device = (changes: object, ...others: readonly object[]): string =>
  said(() => checkDevice(JSON.stringify([mesh, { ...port, ...changes }, ...others]), 'ids0', 'hf0'))

test('a port of its own, and what is like one', () => {
  assert.is(device({}), 'fine')
  const link = { local: 'fe80::1', scope: 'link' }
  assert.is(device({ addr_info: [link] }), 'fine')
  for (const kind of ['veth', 'dummy', 'ifb']) assert.is(device({ linkinfo: { info_kind: kind } }), 'fine')
  const far = { ifname: 'ids1', link: 'ids0', link_type: 'ether', linkinfo: { info_kind: 'veth' } }
  assert.is(device({ link: 'ids1', linkinfo: { info_kind: 'veth' } }, far), 'fine')
})

test('whatever may lead elsewhere', () => {
  for (const [changes, why] of [
    [{ addr_info: [{ local: '192.0.2.1', scope: 'global' }] }, 'ids0 has the address 192.0.2.1'],
    [{ addr_info: [{ local: '2001:db8::1', scope: 'global' }] }, 'ids0 has the address 2001:db8::1'],
    [{ addr_info: [{ local: '10.0.0.1', scope: 'host' }] }, 'ids0 has the address 10.0.0.1'],
    [{ master: 'br0' }, 'ids0 belongs to br0'],
    [{ linkinfo: { info_kind: 'vlan' } }, 'ids0 is a vlan, whose frames go on elsewhere'],
    [{ linkinfo: { info_kind: 'bridge' } }, 'ids0 is a bridge, whose frames go on elsewhere'],
    [{ linkinfo: { info_kind: 'vxlan' } }, 'ids0 is a vxlan, whose frames go on elsewhere'],
    [{ link_type: 'none' }, 'ids0 is no Ethernet device'],
    [{ link_type: 'loopback' }, 'ids0 is no Ethernet device'],
  ] as const) {
    assert.is(device(changes), `forbidden: ${why}`)
  }
  assert.is(device({}, { ifname: 'ids0.7', link: 'ids0', link_type: 'ether' }), 'forbidden: ids0 carries ids0.7')
  const tunnel = { ifname: 'vx0', link_type: 'ether', linkinfo: { info_kind: 'vxlan', info_data: { link: 'ids0' } } }
  assert.is(device({}, tunnel), 'forbidden: ids0 carries vx0')
  const far = { ifname: 'ids1', link: 'ids0', link_type: 'ether', master: 'br0' }
  const veth = { link: 'ids1', linkinfo: { info_kind: 'veth' } }
  assert.is(device(veth, far), 'forbidden: ids0 ends at ids1, which belongs to br0')
})

test('what is not there, or down', () => {
  assert.is(device({ flags: [] }), 'conflict: ids0 is down')
  assert.is(device({ ifname: 'eth9' }), 'not-found: there is no interface ids0')
  assert.is(
    said(() => checkDevice(JSON.stringify([port]), 'ids0', 'hf0')),
    'not-found: there is no hf0, and nothing to copy',
  )
  assert.is(
    said(() => checkDevice(JSON.stringify([mesh]), 'hf0', 'hf0')),
    'forbidden: hf0 is the mesh itself',
  )
})

test('routes to its own link come by themselves; others are somebody’s', () => {
  const own = [
    { type: 'unicast', dst: 'fe80::/64' },
    { type: 'local', dst: 'fe80::1' },
    { type: 'multicast', dst: 'ff00::/8' },
  ]
  assert.is(
    said(() => checkRoutes(JSON.stringify(own), 'ids0')),
    'fine',
  )
  assert.is(
    said(() => checkRoutes('', 'ids0')),
    'fine',
  )
  for (const dst of ['default', '192.0.2.0/24', '2001:db8::/64']) {
    assert.is(
      said(() => checkRoutes(JSON.stringify([...own, { dst }]), 'ids0')),
      `forbidden: ids0 has a route to ${dst}`,
    )
  }
})

test.run()
