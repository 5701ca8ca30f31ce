// A set is parsed once: what did not change is the same object again, whatever order and buffers it comes in.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../bytes.ts'
import { fakeRecords } from './parsed.fake.ts'
import { parseRecords } from './parsed.ts'
import { type AnyRecord, encodeRecord } from './record.ts'

const { nodes, network } = fakeRecords({ nodes: [{ name: 'a' }, { name: 'b' }] })

function setOf(bodies: readonly (typeof nodes)[number][]): Map<string, Uint8Array> {
  const records: AnyRecord[] = bodies.map((body) => ({ kind: 'node', id: `node/${body.name}`, body }))
  if (network !== undefined) records.push({ kind: 'network', id: 'network/net', body: network })
  return new Map(records.map((record) => [record.id, encodeRecord(record)]))
}

test('what did not change is the same object again, even from fresh buffers', () => {
  const before = parseRecords(setOf(nodes))
  const [a, b] = nodes
  assert.ok(a && b)
  const after = parseRecords(setOf([{ ...b, labels: { role: 'db' } }, a]), before)
  assert.is(after.records.nodes[0], before.records.nodes[0])
  assert.is(after.records.network, before.records.network)
  assert.is.not(after.records.nodes[1], before.records.nodes[1])
  assert.equal(after.records.nodes[1]?.labels, { role: 'db' })
})

test('a kind in which nothing changed is the same list again', () => {
  const before = parseRecords(setOf(nodes))
  const shuffled = parseRecords(setOf(nodes.toReversed()), before)
  assert.is(shuffled.records.nodes, before.records.nodes)
  const fewer = parseRecords(setOf(nodes.slice(1)), before)
  assert.is.not(fewer.records.nodes, before.records.nodes)
  assert.is(fewer.records.policies, before.records.policies)
})

test('incremental equals full, and what is gone is gone', () => {
  const fewer = setOf(nodes.slice(1))
  assert.equal(parseRecords(fewer, parseRecords(setOf(nodes))).records, parseRecords(fewer).records)
})

test('one bad record makes the whole set worth nothing', () => {
  const set = setOf(nodes).set('node/c', utf8('{"body":{},"id":"node/c"}'))
  assert.throws(
    () => parseRecords(set),
    (error: { code?: string }) => error.code === 'invalid',
  )
})

test.run()
