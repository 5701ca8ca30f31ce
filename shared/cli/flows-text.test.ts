// Flows as people read them in a table.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import { flowColumns, flowRow } from './flows-text.ts'

const flow: Parameters<typeof flowRow>[0] = {
  seq: 1,
  from: 1_700_000_000_000,
  to: 1_700_000_010_000,
  revision: '7',
  source: { address: parseAddress('10.7.0.1'), name: 'gate-1' },
  destination: { address: parseAddress('10.7.0.2') },
  protocol: 6,
  sourcePort: 40_000,
  destinationPort: 8_080,
  direction: 'egress',
  verdict: 'accept',
  reason: { kind: 'default', direction: 'egress' },
  sent: { packets: 3, bytes: 180 },
  back: { packets: 2, bytes: 120 },
}

function ends(more: Partial<typeof flow>): readonly unknown[] {
  const row = flowRow({ ...flow, ...more })
  return (['FROM', 'TO'] as const).map((title) => row[flowColumns.indexOf(title)])
}

test('ends have the names of then, and those of now where they had none', () => {
  assert.equal(ends({}), ['gate-1:40000', '10.7.0.2'])
  assert.equal(ends({ destinationNow: 'web-1' }), ['gate-1:40000', '10.7.0.2 (now web-1)'])
  const source = { address: parseAddress('fd00::1') }
  assert.equal(ends({ source, sourceNow: 'till' }), ['[fd00::1]:40000 (now till)', '10.7.0.2'])
})

test('who asked from outside comes first, by whom, and for which service', () => {
  const [four, six] = [parseAddress('203.0.113.9'), parseAddress('2001:db8::9')]
  const service = 'shop'
  assert.equal(ends({ outside: { address: four, port: 52_100, service } }), [
    '203.0.113.9:52100 by gate-1',
    '10.7.0.2 for shop',
  ])
  assert.is(ends({ outside: { address: six, port: 1, service } })[0], '[2001:db8::9]:1 by gate-1')
  assert.is(ends({ outside: { address: four, service } })[0], '203.0.113.9 by gate-1')
  assert.is(ends({ outside: { service } })[0], 'several outside by gate-1')
})

test.run()
