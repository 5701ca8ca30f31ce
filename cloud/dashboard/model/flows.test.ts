// Flows as lines for people: both ends of one flow are one line, what was denied comes first, and says since when.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FleetFlow } from '../../flows/fleet-flows.ts'
import { destinationText, flowRows, rootCause, sourceText } from './flows.ts'
import { serviceMap } from './service-map.ts'

function flow(more: object): FleetFlow {
  return {
    seq: 1,
    from: 100,
    to: 110,
    revision: '40',
    node: 'b',
    network: 'default',
    source: { address: '10.7.0.1', name: 'a' },
    destination: { address: '10.7.0.2', name: 'b' },
    protocol: 6,
    destinationPort: 502,
    direction: 'ingress',
    verdict: 'accept',
    reason: { kind: 'rule', policy: 'plc', tier: 'Standard', direction: 'ingress', index: 1 },
    sent: { packets: 2, bytes: 200 },
    back: { packets: 1, bytes: 50 },
    ...more,
  } as unknown as FleetFlow
}

const denied = {
  verdict: 'drop',
  reason: { kind: 'isolated', direction: 'ingress', policies: ['plc'] },
  from: 120,
  to: 130,
  revision: '41',
  back: { packets: 0, bytes: 0 },
}

test('what both ends have on record of one flow is one line, not twice the bytes', () => {
  const rows = flowRows([flow({}), flow({ node: 'a', sent: { packets: 3, bytes: 210 } })])
  assert.is(rows.length, 1)
  assert.equal([rows[0]?.bytes, rows[0]?.packets, rows[0]?.reporters], [260, 4, ['a', 'b']])
})

test('who asked from outside is a line each, by the gateway and for the service', () => {
  const by = (address?: string): object => ({ outside: { service: 'shop', ...(address && { address }) } })
  const rows = flowRows([
    flow({ ...by('203.0.113.9'), to: 112 }),
    flow(by('203.0.113.10')),
    flow({ ...by('203.0.113.9'), from: 90 }),
    flow({ ...by(), from: 80, to: 85 }),
    flow({ from: 70, to: 75 }),
  ])
  assert.equal(
    rows.map((row) => [sourceText(row), destinationText(row), row.packets]),
    [
      ['203.0.113.9 by a', 'b for shop', 6],
      ['203.0.113.10 by a', 'b for shop', 3],
      ['several outside by a', 'b for shop', 3],
      ['a', 'b', 3],
    ],
  )
})

test('what both ends have of a flow from outside is one line, though the gateway alone knows who asked', () => {
  const ports = { sourcePort: 40_000, reason: { kind: 'default', direction: 'ingress' } }
  const outside = { address: '203.0.113.9', port: 1, service: 'shop' }
  const rows = flowRows([flow({ ...ports, node: 'a', outside }), flow(ports), flow({ ...ports, sourcePort: 40_001 })])
  assert.equal(
    rows.map((row) => [sourceText(row), row.reporters]),
    [
      ['a', ['b']],
      ['203.0.113.9 by a', ['a', 'b']],
    ],
  )
})

test('what was denied comes first, and says by whom and since which revision', () => {
  const rows = flowRows([flow({ from: 200, to: 210, destinationPort: 80 }), flow({}), flow(denied)])
  assert.equal(
    rows.map(({ service, verdict }) => `${verdict} ${service}`),
    ['drop tcp 502', 'accept tcp 80', 'accept tcp 502'],
  )
  const [first] = rows
  if (first === undefined) throw new TypeError('nothing')
  assert.is(
    rootCause(first, rows),
    'Denied since revision 41 (it passed until revision 40): no rule of plc accepts it (ingress).',
  )
  assert.match(rootCause(first, [first]), 'as far back as the record goes')
  assert.match(rootCause(rows[2] as typeof first, rows), 'Accepted by policy plc, ingress rule 2, tier Standard.')
})

test('an end that was a stranger has the name that it got since, and is no other end for that', () => {
  const stranger = flow({ source: { address: '10.7.0.1' }, sourceNow: 'a' })
  const rows = flowRows([stranger, flow({ from: 200, to: 210 }), flow({ source: { address: '10.7.9.9' } })])
  assert.equal(
    rows.map(({ source, strangers }) => [source.name ?? source.address, strangers]),
    [
      ['a', ['10.7.0.1']],
      ['10.7.9.9', []],
    ],
  )
})

test('a map of services has each end once on its side, and what was denied on top', () => {
  const { edges, left, more, right } = serviceMap(flowRows([flow({}), flow({ destinationPort: 80 }), flow(denied)]))
  assert.equal([left.length, right.length, more], [1, 1, 0])
  assert.equal(
    edges.map(({ denied: no, services }) => [no, services]),
    [
      [false, ['tcp 502', 'tcp 80']],
      [true, ['tcp 502']],
    ],
  )
})

test('more pairs than can be told apart are counted', () => {
  const many = Array.from({ length: 100 }, (_, at) =>
    flow({ destination: { address: `10.7.1.${at}`, name: `n${at}` } }),
  )
  const map = serviceMap(flowRows(many))
  assert.equal([map.edges.length, map.more], [60, 40])
})

test.run()
