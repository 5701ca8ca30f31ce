// Flows as Hubble's tools read them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { FleetFlow } from '../flows/fleet-flows.ts'
import { hubbleLine } from './hubble-text.ts'

const flow: FleetFlow = {
  node: 'plc-7',
  network: 'default',
  seq: 3,
  from: 1_700_000_000_000,
  to: 1_700_000_010_000,
  revision: '7',
  source: { address: parseAddress('10.7.0.1'), name: 'shop-1', node: 'shop-1', labels: { site: 'a', role: 'shop' } },
  destination: { address: parseAddress('10.7.0.2') },
  protocol: 6,
  sourcePort: 40_000,
  destinationPort: 502,
  direction: 'ingress',
  verdict: 'drop',
  reason: { kind: 'isolated', direction: 'ingress', policies: ['plc'] },
  sent: { packets: 3, bytes: 180 },
  back: { packets: 0, bytes: 0 },
}

test('a denied flow, with who, where and by which policy', () => {
  assert.equal(JSON.parse(hubbleLine(flow)), {
    flow: {
      time: '2023-11-14T22:13:30.000Z',
      verdict: 'DROPPED',
      drop_reason_desc: 'POLICY_DENIED',
      IP: { source: '10.7.0.1', destination: '10.7.0.2', ipVersion: 'IPv4' },
      l4: { TCP: { source_port: 40_000, destination_port: 502 } },
      source: { labels: ['holdfast:role=shop', 'holdfast:site=a'], workloads: [{ name: 'shop-1', kind: 'Node' }] },
      destination: { labels: [] },
      Type: 'L3_L4',
      node_name: 'plc-7',
      traffic_direction: 'INGRESS',
      is_reply: false,
      ingress_denied_by: [{ name: 'plc', kind: 'Policy' }],
    },
    node_name: 'plc-7',
    time: '2023-11-14T22:13:30.000Z',
  })
})

test('who asked from outside is the source, and the gateway what it was translated to; names of today stand beside', () => {
  const outside = { address: parseAddress('203.0.113.9'), port: 52_100, service: 'shop' }
  const { flow: shown } = JSON.parse(hubbleLine({ ...flow, outside, destinationNow: 'plc-9' })) as {
    flow: Record<string, unknown>
  }
  assert.equal(shown['IP'], {
    source: '203.0.113.9',
    source_xlated: '10.7.0.1',
    destination: '10.7.0.2',
    ipVersion: 'IPv4',
  })
  assert.equal(shown['l4'], { TCP: { source_port: 52_100, destination_port: 502 } })
  assert.equal([shown['destination_service'], shown['destination_names']], [{ name: 'shop' }, ['plc-9']])
  assert.equal((shown['source'] as { workloads: object[] }).workloads, [{ name: 'shop-1', kind: 'Node' }])
  const several = JSON.parse(hubbleLine({ ...flow, outside: { service: 'shop' } })) as { flow: { IP: object } }
  assert.equal(several.flow.IP, { source: '10.7.0.1', destination: '10.7.0.2', ipVersion: 'IPv4' })
})

test('an accepted one of IPv6, without ports; a protocol that it does not know has no layer 4', () => {
  const { destinationPort: _, sourcePort: __, ...rest } = flow
  const six = { ...rest, source: { address: parseAddress('fd00::1') }, verdict: 'accept' } as const
  const reason = { kind: 'rule', policy: 'ping', tier: 'Standard', direction: 'egress', index: 0 } as const
  const { flow: shown } = JSON.parse(hubbleLine({ ...six, protocol: 58, direction: 'egress', reason })) as {
    flow: Record<string, unknown>
  }
  assert.equal([shown['verdict'], shown['l4']], ['FORWARDED', { ICMPv6: {} }])
  assert.equal(shown['egress_allowed_by'], [{ name: 'ping', kind: 'Policy' }])
  const other = JSON.parse(hubbleLine({ ...six, protocol: 47 })) as { flow: Record<string, unknown> }
  assert.not.ok('l4' in other.flow)
})

test.run()
