// Flows as log records, where a gateway stands between who asked and who answers.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { ShownFlow } from '../../shared/flows/query.ts'
import { flowLog } from './flow-log.ts'

const flow: ShownFlow = {
  seq: 1,
  from: 1_700_000_000_000,
  to: 1_700_000_010_000,
  revision: '7',
  source: { address: parseAddress('10.7.0.1'), name: 'gate-1' },
  destination: { address: parseAddress('10.7.0.2'), name: 'web-1' },
  protocol: 6,
  sourcePort: 40_000,
  destinationPort: 8_080,
  direction: 'egress',
  verdict: 'accept',
  reason: { kind: 'default', direction: 'egress' },
  sent: { packets: 3, bytes: 180 },
  back: { packets: 2, bytes: 120 },
}
const reporter = { name: 'gate-1', network: 'default' }

test('who asked from outside is the client, and the gateway the source', () => {
  const outside = { address: parseAddress('203.0.113.9'), port: 52_100, service: 'shop' }
  const { attributes, body } = flowLog(reporter, { ...flow, outside })
  assert.is(body, 'accepted 203.0.113.9 by gate-1 → web-1 tcp 8080')
  assert.equal([attributes['client.address'], attributes['client.port']], ['203.0.113.9', 52_100])
  assert.equal([attributes['source.address'], attributes['source.port']], ['10.7.0.1', 40_000])
  assert.is(attributes['holdfast.service'], 'shop')
})

test('of several outside the service is said alone, and of a flow within the mesh nothing', () => {
  const several = flowLog(reporter, { ...flow, outside: { service: 'shop' } })
  assert.equal([several.body, several.attributes['holdfast.service']], ['accepted gate-1 → web-1 tcp 8080', 'shop'])
  for (const { attributes } of [several, flowLog(reporter, flow)]) assert.not.ok('client.address' in attributes)
})

test.run()
