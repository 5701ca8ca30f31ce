// The uplinks that follow from routes and addresses.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import type { LocalAddress } from '../plan/observed.ts'
import { type UplinkRoute, uplinksOf } from './uplink.ts'

const at = (name: string, address: string, cidr: string, physical = true): LocalAddress => {
  return { interface: name, address: parseAddress(address), cidr: parseCidr(cidr), physical }
}
const route = (name: string, metric: number, gateway?: string, family: 4 | 6 = 4): UplinkRoute => {
  return { family, interface: name, metric, ...(gateway === undefined ? {} : { gateway: parseAddress(gateway) }) }
}
const names = (...args: Parameters<typeof uplinksOf>): string => {
  return uplinksOf(...args)
    .map(({ address, interface: name }) => `${name} ${address}`)
    .join(', ')
}

test('in the host’s order, each with the address beside its gateway', () => {
  const local = [
    at('eth0', '10.0.0.5', '10.0.0.0/24'),
    at('eth0', '192.168.1.10', '192.168.1.0/24'),
    at('wwan0', '10.64.0.7', '10.64.0.7/32'),
  ]
  const routes = [route('wwan0', 700), route('eth0', 100, '192.168.1.1')]
  assert.is(names(routes, local, 4), 'eth0 192.168.1.10, wwan0 10.64.0.7')
  assert.is(names(routes.toReversed(), local, 4), 'eth0 192.168.1.10, wwan0 10.64.0.7')
})

test('of two routes by one interface the preferred counts, and equal metrics go by name', () => {
  const local = [at('b0', '10.0.0.5', '10.0.0.0/24'), at('a0', '10.1.0.5', '10.1.0.0/24')]
  const routes = [route('b0', 100, '10.0.0.1'), route('a0', 100, '10.1.0.1'), route('b0', 50, '10.0.0.2')]
  assert.equal(
    uplinksOf(routes, local, 4).map(({ gateway }) => gateway),
    ['10.0.0.2', '10.1.0.1'],
  )
})

test('overlays, interfaces without an address and the other family are no uplinks; of IPv6 the public address counts', () => {
  const local = [
    at('tun0', '10.9.0.1', '10.9.0.0/24', false),
    at('eth0', 'fd00::5', 'fd00::/64'),
    at('eth0', '2a00:1::5', '2a00:1::/64'),
  ]
  const routes = [route('tun0', 1, '10.9.0.2'), route('eth1', 2, '10.0.0.1'), route('eth0', 1_024, 'fe80::1', 6)]
  assert.is(names(routes, local, 4), '')
  assert.is(names(routes, local, 6), 'eth0 2a00:1::5')
})

test('no more than can be told apart', () => {
  const many = Array.from({ length: 9 }, (_, i) => i)
  const local = many.map((i) => at(`eth${i}`, `10.${i}.0.5`, `10.${i}.0.0/24`))
  assert.is(
    uplinksOf(
      many.map((i) => route(`eth${i}`, i, `10.${i}.0.1`)),
      local,
      4,
    ).length,
    4,
  )
})

test.run()
