// Deltas and snapshots: what is read is what was written, and what is not whole is refused.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, toHex, utf8 } from '../bytes.ts'
import { faultOf, hostileBytes, refusesPolitely } from '../fuzz.fake.ts'
import { deltaBytesMax, recordBytesMax } from '../limits.ts'
import { encodeCanonical } from './canonical.ts'
import {
  type Delta,
  diffRecords,
  encodeDelta,
  encodeSnapshot,
  frame,
  parseDelta,
  parseSnapshot,
  unframe,
} from './delta.ts'
import type { RecordSet } from './record.ts'

const head = new Uint8Array(200).fill(7)
const body = fc.dictionary(fc.constantFrom('a', 'b', 'é'), fc.oneof(fc.integer(), fc.string()), {
  noNullPrototype: true,
})
const name = fc.constantFrom('a', 'b', 'c', 'shop-1', '0')
const kind = fc.constantFrom('node', 'policy', 'route')
const recordSet: fc.Arbitrary<RecordSet> = fc
  .array(fc.tuple(kind, name, body), { maxLength: 8 })
  .map((list) => new Map(list.map(([k, n, b]) => [`${k}/${n}`, encodeCanonical({ id: `${k}/${n}`, body: b })])))

const plain = (set: RecordSet): [string, string][] => [...set].map(([id, bytes]) => [id, fromUtf8(bytes)])
const sorted = (set: RecordSet): [string, string][] => plain(set).sort((a, b) => (a[0] < b[0] ? -1 : 1))

function example(): Delta {
  const put = new Map([['node/a', encodeCanonical({ id: 'node/a', body: { x: 1 } })]])
  return { from: { epoch: 1, revision: 1 }, to: { epoch: 1, revision: 2 }, put, del: ['node/b', 'route/r'] }
}

function deltaOf(change: object): Uint8Array {
  const text = { del: [], from: { epoch: 1, revision: 1 }, put: [], to: { epoch: 1, revision: 2 }, ...change }
  return encodeCanonical(text)
}

test('a delta between two sets leads from one to the other, through its bytes', () => {
  fc.assert(
    fc.property(recordSet, recordSet, (before, after) => {
      const { put, del } = diffRecords(before, after)
      const delta = { from: { epoch: 1, revision: 7 }, to: { epoch: 1, revision: 8 }, put, del }
      const framed = unframe(encodeDelta(delta, head), deltaBytesMax)
      assert.is(toHex(framed.head), toHex(head))
      const read = parseDelta(framed.payload)
      const next = new Map(before)
      for (const id of read.del) assert.ok(next.delete(id))
      for (const [id, bytes] of read.put) next.set(id, bytes)
      assert.equal(sorted(next), sorted(after))
      assert.equal([read.from, read.to], [delta.from, delta.to])
      if (before === after) assert.is(put.size + del.length, 0)
    }),
  )
})

test('a snapshot gives back every record, byte for byte', () => {
  fc.assert(
    fc.property(recordSet, (set) => {
      const { payload } = unframe(encodeSnapshot(set, head), deltaBytesMax)
      assert.equal(plain(parseSnapshot(payload)), sorted(set))
    }),
  )
})

test('the bytes do not depend on the order of what is put and deleted', () => {
  const delta = example()
  const other = { ...delta, del: [...delta.del].toReversed() }
  assert.is(toHex(encodeDelta(delta, head)), toHex(encodeDelta(other, head)))
  assert.is(
    fromUtf8(unframe(encodeDelta(delta, head), deltaBytesMax).payload),
    '{"del":["node/b","route/r"],"from":{"epoch":1,"revision":1},"put":[{"body":{"x":1},"id":"node/a"}],"to":{"epoch":1,"revision":2}}',
  )
})

const record = (id: string): object => ({ id, body: {} })
for (const [what, change] of [
  ['a record twice', { put: [record('node/a'), record('node/a')] }],
  ['a record both put and deleted', { put: [record('node/a')], del: ['node/a'] }],
  ['a deletion twice', { del: ['node/a', 'node/a'] }],
  ['a deletion of no record id', { del: ['../a'] }],
  ['a record of no record id', { put: [record('Node/a')] }],
  ['a record without a body', { put: [{ id: 'node/a' }] }],
  ['a record with more than id and body', { put: [{ ...record('node/a'), more: 1 }] }],
  ['an unknown field', { extra: 1 }],
  ['a negative revision', { to: { epoch: 1, revision: -2 } }],
  ['a missing base', { from: undefined }],
] as const) {
  test(`refused: ${what}`, () => assert.is(faultOf(() => parseDelta(deltaOf(change))).code, 'invalid'))
}

test('a kind that is unknown here passes: the set is judged by its hash, and read afterwards', () => {
  assert.equal([...parseDelta(deltaOf({ put: [record('pod/a')], del: ['constructor/b'] })).put.keys()], ['pod/a'])
})

test('too large is refused before anything else', () => {
  const big = { id: 'node/a', body: { x: 'y'.repeat(recordBytesMax) } }
  assert.is(faultOf(() => parseDelta(deltaOf({ put: [big] }))).code, 'too-large')
  assert.is(faultOf(() => parseDelta(utf8(' '.repeat(deltaBytesMax + 1)))).code, 'too-large')
  assert.is(faultOf(() => unframe(new Uint8Array(11), 10)).code, 'too-large')
})

test('a frame that is cut anywhere in its head is refused', () => {
  const bytes = frame(head, utf8('[]'))
  for (let length = 0; length < 2 + head.length; length++) {
    assert.is(faultOf(() => unframe(bytes.subarray(0, length), 1_000)).code, 'invalid')
  }
  assert.is(fromUtf8(unframe(bytes, 1_000).payload), '[]')
  assert.is(faultOf(() => unframe(frame(new Uint8Array(1_025), utf8('[]')), 9_000)).code, 'invalid')
})

test('hostile deltas and snapshots are refused politely', () => {
  refusesPolitely(hostileBytes(encodeDelta(example(), head)), (bytes) => parseDelta(unframe(bytes, 10_000).payload))
  refusesPolitely(hostileBytes(deltaOf({ put: [record('node/a')] })), parseDelta)
  refusesPolitely(hostileBytes(encodeCanonical([record('node/a'), record('route/b')])), parseSnapshot)
})

test.run()
