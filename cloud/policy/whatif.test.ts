// What-if over the whole fleet: what both ends have on record is told once, and no more is looked at than the hub can spare.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { whatifBatchesMax } from '../../shared/dashboard-limits.ts'
import type { FlowBatch } from '../../shared/flows/batch.ts'
import { parseName } from '../../shared/ids.ts'
import { policySpec } from '../../shared/intent/policy.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import type { Endpoint, World } from '../../shared/policy/world.ts'
import { foldRecords, type NodeRecord, replayFleet } from './whatif.ts'

const [a, b] = [parseAddress('10.7.0.1'), parseAddress('10.7.0.2')]

function end(name: string, address: typeof a): Endpoint {
  return { kind: 'node', name, node: name, labels: {}, addresses: [address], ports: [] }
}

function world(port: number): World {
  const spec = parseWith(policySpec, { subject: { node: 'b' }, ingress: [{ ports: [{ port }] }] })
  const policies = [{ name: parseName('web'), spec }]
  return { defaultPolicy: 'Deny', endpoints: [end('a', a), end('b', b)], services: [], policies }
}

function batch(direction: 'ingress' | 'egress', seq: number): FlowBatch {
  const rule = { kind: 'rule', policy: 'web', tier: 'Standard', direction: 'ingress', index: 0 } as const
  return {
    from: seq * 10,
    to: seq * 10 + 10,
    boot: 1,
    revision: '4',
    counts: { by: 'bpf', epoch: 'e', total: { packets: 1, bytes: 1 } },
    ends: [
      { address: a, name: 'a', node: 'a' },
      { address: b, name: 'b', node: 'b' },
    ],
    records: [
      {
        source: a,
        destination: b,
        protocol: 6,
        sourcePort: 40_000 + seq,
        destinationPort: 80,
        direction,
        verdict: 'accept',
        reason: direction === 'ingress' ? rule : { kind: 'default', direction },
        sent: { packets: 4, bytes: 400 },
        back: { packets: 3, bytes: 900 },
      },
    ],
    lostBefore: [],
  }
}

function record(node: string, direction: 'ingress' | 'egress', count: number): NodeRecord {
  return {
    node,
    batches: Array.from({ length: count }, (_, at) => ({ seq: count - at, batch: batch(direction, count - at) })),
  }
}

test('what both ends have on record is one loss, with the rules that decide', () => {
  const folded = foldRecords([record('a', 'egress', 2), record('b', 'ingress', 2)], world(80))
  const found = replayFleet(folded, world(80), world(81))
  assert.equal([found.changes.length, found.nodes, found.batches, found.cut], [1, 2, 4, false])
  const [change] = found.changes
  assert.equal([change?.kind, change?.source.name, change?.destination.name, change?.port], ['lost', 'a', 'b', 80])
  assert.equal([change?.flows, change?.already, change?.nodes], [2, false, ['a', 'b']])
  assert.is(change?.would.reason.kind, 'isolated')
})

test('the same policies change nothing', () => {
  const found = replayFleet(foldRecords([record('b', 'ingress', 3)], world(80)), world(80), world(80))
  assert.equal([found.changes, found.unchanged.flows], [[], 3])
})

test('a node that is gone is left out, and no more is read than one look may take', () => {
  let read = 0
  const endless: NodeRecord = {
    node: 'b',
    batches: (function* () {
      for (let seq = whatifBatchesMax * 3; seq > 0; seq--) {
        read += 1
        yield { seq, batch: batch('ingress', seq) }
      }
    })(),
  }
  const folded = foldRecords([record('gone', 'ingress', 1), endless, record('a', 'egress', 1)], world(80))
  assert.equal([folded.nodes.length, folded.cut], [2, true])
  assert.ok(read <= whatifBatchesMax / 2 + 1, String(read))
})

test.run()
