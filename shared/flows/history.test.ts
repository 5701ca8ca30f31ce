// Spans of time in which the same was said of the same flows.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import type { FlowBatch, FlowReason, FlowRecord } from './batch.ts'
import { createHistorian, type History } from './history.ts'

const [a, b, c] = [parseAddress('10.7.0.1'), parseAddress('10.7.0.2'), parseAddress('10.7.0.3')]
const open: FlowReason = { kind: 'rule', policy: 'open', tier: 'Standard', direction: 'ingress', index: 0 }
const closed: FlowReason = { kind: 'isolated', direction: 'ingress', policies: ['plc'] }

function record(verdict: FlowRecord['verdict'], more: Partial<FlowRecord> = {}): FlowRecord {
  const reason = verdict === 'accept' ? open : closed
  const amount = { packets: 1, bytes: 60 }
  return {
    source: a,
    destination: b,
    protocol: 6,
    destinationPort: 502,
    direction: 'ingress',
    verdict,
    reason,
    sent: amount,
    back: amount,
    ...more,
  }
}

function batch(at: number, revision: string, ...records: readonly FlowRecord[]): FlowBatch {
  const counts = { by: 'nft', epoch: 'e', total: { packets: 0, bytes: 0 } } as const
  const ends = [{ address: a, name: 'hmi', node: 'hmi' }]
  return { from: at * 10, to: at * 10 + 10, boot: 1, revision, counts, ends, records: [...records], lostBefore: [] }
}

function historyOf(...batches: readonly FlowBatch[]): History {
  const historian = createHistorian({
    isSource: ({ name }) => name === 'hmi',
    isDestination: ({ address }) => address === b,
    protocols: [6],
    port: 502,
  })
  for (const one of batches.toReversed()) historian.add(one)
  return historian.done()
}

test('since when it is refused, and what was before', () => {
  const { fromMs, spans } = historyOf(
    batch(1, '1.39', record('accept')),
    batch(2, '1.40', record('accept')),
    batch(3, '1.41', record('drop')),
    batch(5, '1.41', record('drop', { flows: 3 })),
    batch(6, '1.42', record('drop')),
  )
  assert.equal(spans, [
    {
      verdict: 'drop',
      reason: closed,
      firstMs: 30,
      lastMs: 70,
      firstRevision: '1.41',
      lastRevision: '1.42',
      flows: 5,
      packets: 6,
    },
    {
      verdict: 'accept',
      reason: open,
      firstMs: 10,
      lastMs: 30,
      firstRevision: '1.39',
      lastRevision: '1.40',
      flows: 2,
      packets: 4,
    },
  ])
  assert.is(fromMs, 10)
})

test('other ends, ports and protocols are not asked about, and tell how old policies are', () => {
  const others = [
    record('accept', { source: c }),
    record('accept', { destination: c }),
    record('accept', { destinationPort: 80 }),
    record('accept', { protocol: 17 }),
  ]
  const { decidingSinceMs, spans } = historyOf(batch(1, '1', ...others), batch(2, '1', record('drop')))
  assert.is(spans.length, 1)
  assert.equal(Object.fromEntries(decidingSinceMs), { open: 10, plc: 20 })
})

test('what may be among several ports of one record is counted', () => {
  const { destinationPort: _port, ...scan } = record('drop', { flows: 40 })
  const { spans, unknownPorts } = historyOf(batch(1, '1', scan))
  assert.equal([spans, unknownPorts], [[], 40])
})

test('nothing is told of nothing', () => assert.equal([historyOf().spans, historyOf().fromMs], [[], undefined]))

test.run()
