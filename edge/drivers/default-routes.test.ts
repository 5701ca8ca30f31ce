// The kernel's tables of routes, as it prints them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseRoutes4, parseRoutes6, readDefaultRoutes, readUplinkRoutes } from './default-routes.ts'

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'
const row = (...cells: readonly string[]): string => `${cells.join('\t')}\t0\t0\t0   `

test('default routes that are up, and no others', () => {
  const table = [
    HEAD,
    row('eth0', '00000000', '0101A8C0', '0003', '0', '0', '100', '00000000'),
    row('wlan0', '00000000', 'FE01000A', '0003', '0', '0', '600', '00000000'),
    row('wwan0', '00000000', '00000000', '0001', '0', '0', '700', '00000000'),
    row('eth1', '00000000', '0102A8C0', '0002', '0', '0', '50', '00000000'),
    row('*', '00000000', '00000000', '0201', '0', '0', '900', '00000000'),
    row('eth0', '0001A8C0', '00000000', '0001', '0', '0', '100', '00FFFFFF'),
    row('tun0', '00000000', '0100080A', '0003', '0', '0', '0', '00000080'),
    'nonsense',
    '',
  ].join('\n')
  assert.equal(parseRoutes4(table), [
    { family: 4, interface: 'eth0', gateway: '192.168.1.1', metric: 100 },
    { family: 4, interface: 'wlan0', gateway: '10.0.1.254', metric: 600 },
    { family: 4, interface: 'wwan0', metric: 700 },
  ])
  assert.equal(parseRoutes4(''), [])
})

test('those of IPv6, without what no packet takes and what is ours', () => {
  const nil = '0'.repeat(32)
  const hop = 'fe800000000000000000000000000001'
  const six = (to: string, length: string, by: string, metric: string, flags: string, name: string): string =>
    `${to} ${length} ${nil} 00 ${by} ${metric} 00000001 00000000 ${flags} ${name.padStart(8)}`
  const table = [
    six(nil, '00', hop, '00000064', '00450003', 'eth0'),
    six(nil, '00', nil, '00000400', '00000001', 'wwan0'),
    six(nil, '00', hop, '00001c68', '00000003', 'wwan0'),
    six(nil, '00', nil, 'ffffffff', '00200200', 'lo'),
    six('20010db8000000000000000000000000', '40', nil, '00000100', '00000001', 'eth0'),
    '',
  ].join('\n')
  assert.equal(parseRoutes6(table), [
    { family: 6, interface: 'eth0', gateway: 'fe80::1', metric: 100 },
    { family: 6, interface: 'wwan0', metric: 1_024 },
  ])
})

test('this host has tables', () => {
  assert.ok(readUplinkRoutes().length >= readDefaultRoutes().length)
})

test.run()
