// Sums of flows as metrics: true to the records, and no more series than verdicts, directions and kinds of path.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import { formatMetrics } from '../metrics-text.ts'
import type { FlowBatch, FlowRecord } from './batch.ts'
import { createFlowTally, tallyFamilies } from './tally.ts'

function record(n: number, more: Partial<FlowRecord> = {}): FlowRecord {
  return {
    source: parseAddress(`10.7.0.${n}`),
    destination: parseAddress('10.7.1.1'),
    protocol: 6,
    destinationPort: n,
    direction: 'ingress',
    verdict: 'accept',
    reason: { kind: 'default', direction: 'ingress' },
    sent: { packets: n, bytes: 10 * n },
    back: { packets: 1, bytes: 5 },
    path: 'direct',
    ...more,
  }
}

function batch(records: readonly FlowRecord[], lostBefore: FlowBatch['lostBefore'] = []): FlowBatch {
  const counts = { by: 'nft', epoch: 'e', total: { packets: 1, bytes: 2 } } as const
  return { from: 1, to: 2, boot: 1, revision: '1', counts, ends: [], records: [...records], lostBefore }
}

test('packets and bytes both ways, by verdict, direction and path; losses by why', () => {
  const tally = createFlowTally()
  tally.note(batch([record(1), record(2, { path: 'relay' }), record(3, { verdict: 'drop' })]))
  const { path: _, ...pathless } = record(4)
  tally.note(batch([record(5), pathless], [{ why: 'full', amount: { packets: 9, bytes: 90 } }, { why: 'restart' }]))
  const text = formatMetrics(tallyFamilies('x', [[{ network: 'default' }, tally]]))
  for (const line of [
    'x_flow_packets_total{network="default",verdict="accept",direction="ingress",path="direct"} 8',
    'x_flow_bytes_total{network="default",verdict="accept",direction="ingress",path="direct"} 70',
    'x_flow_packets_total{network="default",verdict="accept",direction="ingress",path="relay"} 3',
    'x_flow_packets_total{network="default",verdict="accept",direction="ingress",path="none"} 5',
    'x_flow_records_total{network="default",verdict="drop",direction="ingress",path="direct"} 1',
    'x_flow_lost_packets_total{network="default",why="full"} 9',
    'x_flow_losses_total{network="default",why="restart"} 1',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line} in\n${text}`)
  }
})

test('a thousand addresses and ports are not one series more', () => {
  const tally = createFlowTally()
  for (let n = 0; n < 1_000; n++) tally.note(batch([record(n % 250, { destinationPort: n, sourcePort: n })]))
  assert.is(tally.flows.size, 1)
})

test('nothing was seen: nothing is shown', () => {
  assert.is(formatMetrics(tallyFamilies('x', [[{}, createFlowTally()]])), '')
})

test.run()
