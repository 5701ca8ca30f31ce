// Catch-up: replies cut and put together again, in any order and twice, and nothing that contradicts itself.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromUtf8, toHex, utf8 } from '../bytes.ts'
import { faultOf, hostileBytes, refusesPolitely } from '../fuzz.fake.ts'
import { sha256 } from '../host/crypto.ts'
import { chunkBytesMax, chunksMax } from '../limits.ts'
import { encodeCanonical } from '../record/canonical.ts'
import {
  Assembly,
  chunkDataMax,
  encodeChunks,
  encodeRequest,
  parseChunk,
  parseRequest,
  type SyncRequest,
} from './sync.ts'

const id = 'abcdefghijklmnop'
const request: SyncRequest = { id, have: { epoch: 1, revision: 7 }, want: 'delta' }

/** A reply of `length` bytes in which no two chunks are equal. */
function reply(length: number): { deflated: Uint8Array; hash: Uint8Array } {
  const deflated = Uint8Array.from({ length }, (_, i) => (i ^ (i >> 8) ^ (i >> 16)) & 0xff)
  return { deflated, hash: sha256(deflated) }
}

test('golden request, and it reads back', () => {
  assert.is(fromUtf8(encodeRequest(request)), `{"have":{"epoch":1,"revision":7},"id":"${id}","want":"delta"}`)
  assert.equal(parseRequest(encodeRequest(request)), request)
})

for (const change of [
  { id: 'short' },
  { want: 'all' },
  { have: { epoch: 1 } },
  { have: { epoch: -1, revision: 0 } },
  { x: 1 },
]) {
  test(`a request with ${JSON.stringify(change)} is refused`, () => {
    assert.is(faultOf(() => parseRequest(encodeCanonical({ ...request, ...change }))).code, 'invalid')
  })
}

for (const length of [0, 1, chunkDataMax, chunkDataMax + 1, 3 * chunkDataMax, 3 * chunkDataMax + 7]) {
  test(`${length} bytes come together from chunks in any order, some of them twice`, () => {
    const { deflated, hash } = reply(length)
    const chunks = encodeChunks('snapshot', id, deflated, hash)
    assert.is(chunks.length, Math.max(1, Math.ceil(length / chunkDataMax)))
    assert.ok(chunks.every((chunk) => chunk.length <= chunkBytesMax))
    fc.assert(
      fc.property(
        fc.shuffledSubarray(chunks, { minLength: chunks.length }),
        fc.nat(chunks.length - 1),
        (order, again) => {
          const assembly = new Assembly(id)
          const twice = [...order.slice(0, again), ...order]
          const results = twice.map((bytes) => assembly.add(parseChunk(bytes)))
          const whole = results.at(-1)
          assert.is(whole?.kind, 'snapshot')
          assert.is(toHex(sha256(whole?.deflated ?? utf8('none'))), toHex(hash))
          assert.ok(results.slice(0, -1).every((result) => result === undefined))
        },
      ),
      { numRuns: 10 },
    )
  })
}

test('chunks of another request are passed over', () => {
  const { deflated, hash } = reply(10)
  const [chunk = new Uint8Array(0)] = encodeChunks('delta', 'ponmlkjihgfedcba', deflated, hash)
  assert.is(new Assembly(id).add(parseChunk(chunk)), undefined)
})

test('chunks that contradict each other are refused', () => {
  const { deflated, hash } = reply(2 * chunkDataMax)
  const [first = new Uint8Array(0)] = encodeChunks('delta', id, deflated, hash)
  const others = [
    encodeChunks('snapshot', id, deflated, hash)[1],
    encodeChunks('delta', id, deflated, sha256(utf8('other')))[1],
    encodeChunks('delta', id, concat(deflated, Uint8Array.of(1)), hash)[1],
  ]
  for (const other of others) {
    const assembly = new Assembly(id)
    assembly.add(parseChunk(first))
    assert.is(faultOf(() => assembly.add(parseChunk(other ?? first))).code, 'invalid')
  }
})

test('a reply has a bound', () => {
  const bytes = new Uint8Array(chunkDataMax * chunksMax + 1)
  assert.is(faultOf(() => encodeChunks('snapshot', id, bytes, sha256(bytes))).code, 'too-large')
  assert.is(faultOf(() => parseChunk(new Uint8Array(chunkBytesMax + 1).fill(1))).code, 'invalid')
})

for (const [what, at, value] of [
  ['another version', 0, 2],
  ['an unknown kind', 1, 200],
  ['an id that is not UTF-8', 2, 0xff],
  ['a number beyond the count', 19, 9],
  ['no count', 21, 0],
  ['a count beyond any', 20, 0xff],
] as const) {
  test(`a chunk with ${what} is refused`, () => {
    const { deflated, hash } = reply(10)
    const chunk = concat(encodeChunks('delta', id, deflated, hash)[0] ?? new Uint8Array(0))
    chunk[at] = value
    assert.is(faultOf(() => parseChunk(chunk)).code, 'invalid')
  })
}

test('a chunk is read from within a larger buffer', () => {
  const { deflated, hash } = reply(10)
  const chunk = encodeChunks('delta', id, deflated, hash)[0] ?? new Uint8Array(0)
  const buffer = concat(new Uint8Array(7).fill(0xee), chunk, new Uint8Array(7))
  const read = parseChunk(buffer.subarray(7, 7 + chunk.length))
  assert.equal([read.id, read.index, read.count, [...read.data]], [id, 0, 1, [...deflated]])
})

test('hostile requests and chunks are refused politely', () => {
  const { deflated, hash } = reply(100)
  refusesPolitely(hostileBytes(encodeRequest(request)), parseRequest)
  refusesPolitely(hostileBytes(encodeChunks('delta', id, deflated, hash)[0] ?? deflated), (bytes) => {
    new Assembly(id).add(parseChunk(bytes))
  })
})

test.run()
