// Batches of flows: one form for one value, and hostile bytes are refused with an error of ours.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import { isHoldfastError } from '../errors.ts'
import { hostileBytes } from '../fuzz.fake.ts'
import { encodeBatch, type FlowBatch, parseBatch } from './batch.ts'

const [source, destination] = [parseAddress('10.7.0.1'), parseAddress('fd07::2')]
const batch: FlowBatch = {
  from: 1,
  to: 2,
  boot: 3,
  revision: '7',
  counts: { by: 'nft', epoch: 'epoch_1', total: { packets: 5, bytes: 500 } },
  ends: [{ address: source, name: 'a', node: 'a', labels: { role: 'web' } }, { address: destination }],
  records: [
    {
      source,
      destination,
      protocol: 6,
      sourcePort: 40_000,
      destinationPort: 80,
      direction: 'egress',
      verdict: 'accept',
      reason: { kind: 'rule', policy: 'web', tier: 'Admin', direction: 'egress', index: 0 },
      sent: { packets: 3, bytes: 300 },
      back: { packets: 2, bytes: 200 },
      path: 'tls',
      via: 'relay-1',
      outside: { address: parseAddress('2001:db8::9'), port: 52_100, service: 'shop' },
    },
  ],
  lostBefore: [{ why: 'restart' }, { why: 'full', amount: { packets: 1, bytes: 40 } }],
}

test('a batch reads back as it was written', () => {
  assert.equal(parseBatch(encodeBatch(batch)), batch)
})

test('hostile bytes are refused with an error of ours, or are a batch in its one form', () => {
  fc.assert(
    fc.property(hostileBytes(encodeBatch(batch)), (bytes) => {
      try {
        assert.equal(encodeBatch(parseBatch(bytes)), new Uint8Array(bytes))
      } catch (error) {
        assert.ok(isHoldfastError(error), String(error))
      }
    }),
  )
})

test.run()
