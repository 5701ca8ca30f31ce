// The kernel's table of routes, as it prints it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseDefaultRoutes, readDefaultRoutes } from './default-routes.ts'

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'
const row = (...cells: readonly string[]): string => `${cells.join('\t')}\t0\t0\t0   `

test('default routes with a next hop, and no others', () => {
  const table = [
    HEAD,
    row('eth0', '00000000', '0101A8C0', '0003', '0', '0', '100', '00000000'),
    row('wlan0', '00000000', 'FE01000A', '0003', '0', '0', '600', '00000000'),
    row('wwan0', '00000000', '00000000', '0001', '0', '0', '700', '00000000'),
    row('eth1', '00000000', '0102A8C0', '0002', '0', '0', '50', '00000000'),
    row('eth0', '0001A8C0', '00000000', '0001', '0', '0', '100', '00FFFFFF'),
    row('tun0', '00000000', '0100080A', '0003', '0', '0', '0', '00000080'),
    'nonsense',
    '',
  ].join('\n')
  assert.equal(parseDefaultRoutes(table), [
    { interface: 'eth0', gateway: '192.168.1.1', metric: 100 },
    { interface: 'wlan0', gateway: '10.0.1.254', metric: 600 },
  ])
  assert.equal(parseDefaultRoutes(''), [])
})

test('this host has a table', () => {
  assert.ok(Array.isArray(readDefaultRoutes()))
})

test.run()
