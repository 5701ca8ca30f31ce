// Batches summed up: who dealt with whom, what was a talk and what a scan, and what is missing; in whatever order they come.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import type { FlowBatch, FlowLoss, FlowRecord } from './batch.ts'
import { createFolder, type Dealings } from './dealings.ts'

const [a, b] = [parseAddress('10.7.0.1'), parseAddress('10.7.0.2')]
const ends = [
  { address: a, name: 'a', node: 'a', labels: { role: 'shop' } },
  { address: b, name: 'b', node: 'b', labels: { role: 'hub' } },
]

function record(more: Partial<FlowRecord>): FlowRecord {
  return {
    source: a,
    destination: b,
    protocol: 6,
    sourcePort: 40_000,
    destinationPort: 443,
    direction: 'ingress',
    verdict: 'accept',
    reason: { kind: 'default', direction: 'ingress' },
    sent: { packets: 6, bytes: 900 },
    back: { packets: 5, bytes: 4_000 },
    ...more,
  }
}

function batch(at: number, records: readonly FlowRecord[], more: Partial<FlowBatch> = {}): FlowBatch {
  const counts = { by: 'nft', epoch: 'e', total: { packets: 0, bytes: 0 } } as const
  const times = { from: at * 10_000, to: (at + 1) * 10_000 }
  return { ...times, boot: 1, revision: '7', counts, ends, records: [...records], lostBefore: [], ...more }
}

function fold(...batches: readonly FlowBatch[]): Dealings {
  const folder = createFolder()
  for (const [seq, one] of batches.entries()) folder.add(seq, one)
  return folder.done()
}

test('flows of one service between the same two are one dealing, a flow that lasts is one flow', () => {
  const { all, batches, fromMs, toMs } = fold(
    batch(1, [record({}), record({ sourcePort: 40_001 })]),
    batch(3, [record({})]),
  )
  assert.equal(
    all.map(({ answered, firstMs, flows, lastMs, port, sent }) => ({ answered, firstMs, flows, lastMs, port, sent })),
    [{ answered: 2, firstMs: 10_000, flows: 2, lastMs: 40_000, port: 443, sent: { packets: 18, bytes: 2_700 } }],
  )
  assert.equal([batches, fromMs, toMs], [2, 10_000, 40_000])
})

test('other labels, another rule or another verdict is another dealing', () => {
  const relabelled = ends.map((end) => ({ ...end, labels: { role: 'other' } }))
  const dropped = record({ verdict: 'drop', back: { packets: 0, bytes: 0 } })
  const { all } = fold(batch(1, [record({}), dropped]), batch(2, [record({})], { ends: relabelled }))
  assert.equal(
    all.map(({ answered, source, verdict }) => [source.labels?.['role'], verdict, answered]),
    [
      ['other', 'accept', 1],
      ['shop', 'accept', 1],
      ['shop', 'drop', 0],
    ],
  )
})

test('a connection that says little at a time is a talk by all its batches together', () => {
  const little = record({ sent: { packets: 2, bytes: 80 }, back: { packets: 2, bytes: 96 } })
  assert.is(fold(batch(1, [little])).all[0]?.answered, 0)
  assert.is(fold(batch(1, [little]), batch(2, [little]), batch(3, [little])).all[0]?.answered, 1)
})

test('a crowd of flows is as many', () => {
  const { sourcePort: _port, ...crowd } = record({
    flows: 20,
    sent: { packets: 120, bytes: 18_000 },
    back: { packets: 90, bytes: 9_000 },
  })
  const { all } = fold(batch(1, [crowd]))
  assert.equal([all[0]?.flows, all[0]?.answered], [20, 20])
})

test('crowds of several outside, by one gateway, are all of them', () => {
  const { sourcePort: _port, ...crowd } = record({ flows: 20, sent: { packets: 120, bytes: 18_000 } })
  const by = (address: string): FlowRecord => ({
    ...crowd,
    outside: { address: parseAddress(address), service: 'shop' },
  })
  const { all } = fold(batch(1, [by('203.0.113.9'), by('203.0.113.10'), { ...crowd, outside: { service: 'shop' } }]))
  assert.equal([all.length, all[0]?.flows, all[0]?.sent.packets], [1, 60, 360])
})

test('from the port of a service to one of a client is no service, however much is said', () => {
  const { all } = fold(batch(1, [record({ source: b, destination: a, sourcePort: 443, destinationPort: 40_000 })]))
  assert.equal([all[0]?.flows, all[0]?.answered, all[0]?.backwards], [1, 0, 1])
  const passive = record({ sourcePort: 40_001, destinationPort: 50_000 })
  assert.is(fold(batch(1, [passive])).all[0]?.answered, 1)
})

test('UDP that nobody listens to is no talk, unless somebody got an answer there', () => {
  const question = { protocol: 17, destinationPort: 53, sent: { packets: 1, bytes: 60 } }
  const error = record({ ...question, back: { packets: 1, bytes: 88 } })
  const answer = record({ ...question, sourcePort: 40_001, back: { packets: 1, bytes: 76 } })
  assert.is(fold(batch(1, [error])).all[0]?.answered, 0)
  assert.is(fold(batch(1, [error, answer])).all[0]?.answered, 2)
})

const probes = Array.from({ length: 9 }, (_, n) =>
  record({ destinationPort: n + 1, sent: { packets: 1, bytes: 60 }, back: { packets: 1, bytes: 40 } }),
)

test('what one said while it scanned teaches nothing, what it said before does', () => {
  const during = fold(batch(1, [record({}), ...probes]))
  assert.equal(
    during.scans.map(({ destination, ports, source }) => [source.name, destination.name, ports]),
    [['a', 'b', 9]],
  )
  const answered = ({ all }: Dealings): number => all.reduce((sum, one) => sum + one.answered, 0)
  assert.is(answered(during), 0)
  assert.is(answered(fold(batch(1, [record({})]), batch(2, [record({}), ...probes]))), 1)
  assert.is(answered(fold(batch(1, [record({}), ...probes.slice(1)]))), 1)
})

test('a scan that was refused is one by the number of ports in its record', () => {
  const {
    destinationPort: _port,
    sourcePort: _own,
    ...refused
  } = record({ verdict: 'drop', flows: 100, back: { packets: 0, bytes: 0 } })
  assert.is(fold(batch(1, [refused])).scans[0]?.ports, 100)
})

test('what is missing is summed up by its reason', () => {
  const lost = (why: FlowLoss['why'], packets?: number): FlowLoss =>
    packets === undefined ? { why } : { why, amount: { packets, bytes: packets } }
  const { gaps } = fold(
    batch(1, [], { lostBefore: [lost('restart', 3), lost('full', 1)] }),
    batch(2, [], { lostBefore: [lost('restart')] }),
  )
  assert.equal(gaps, [
    { why: 'full', times: 1, amount: { packets: 1, bytes: 1 }, more: false, firstMs: 10_000, lastMs: 20_000 },
    { why: 'restart', times: 2, amount: { packets: 3, bytes: 3 }, more: true, firstMs: 10_000, lastMs: 30_000 },
  ])
})

test('the order of batches does not matter', () => {
  const some = fc.array(
    fc.record({
      at: fc.nat(5),
      port: fc.constantFrom(80, 443),
      own: fc.constantFrom(1, 2),
      packets: fc.nat(9),
      drop: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(some, (drafts) => {
      const batches = drafts.map(({ at, drop, own, packets, port }) =>
        batch(at, [
          record({
            destinationPort: port,
            sourcePort: own,
            verdict: drop ? 'drop' : 'accept',
            sent: { packets, bytes: packets * 90 },
          }),
        ]),
      )
      const other = createFolder()
      for (const [seq, one] of [...batches.entries()].toReversed()) other.add(seq, one)
      assert.equal(fold(...batches), other.done())
    }),
  )
})

test.run()
