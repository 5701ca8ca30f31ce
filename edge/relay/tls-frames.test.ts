// Frames inside TLS: what is written reads back, and nothing else is taken for a frame or a word.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat } from '../../shared/bytes.ts'
import { alice, bob } from './relay-rig.fake.ts'
import {
  encodeJoin,
  encodeTlsFrame,
  encodeWord,
  joinSignedBytes,
  parseTlsFrames,
  parseTlsWord,
  type TlsWord,
} from './tls-frames.ts'

const words: readonly Exclude<TlsWord, { readonly kind: 'join' }>[] = [
  { kind: 'joined' },
  { kind: 'open', channel: 7, peer: bob.nodeId },
  { kind: 'opened', channel: 65_535 },
  { kind: 'close', channel: 256 },
  { kind: 'refused', channel: 0, why: 'removed' },
  { kind: 'wanted', peer: alice.nodeId },
]

const inside = (bytes: Uint8Array): TlsWord | undefined => {
  const [frame, ...rest] = parseTlsFrames(bytes) ?? []
  return frame === undefined || rest.length > 0 || frame.channel !== 0 ? undefined : parseTlsWord(frame.payload)
}

test('every word reads back as it was said; cut short or drawn out it is none', () => {
  for (const said of words) {
    const bytes = encodeWord(said)
    assert.equal(inside(bytes), said)
    const payload = bytes.subarray(4)
    for (let length = 0; length < payload.length; length++)
      assert.is(parseTlsWord(payload.subarray(0, length)), undefined)
    assert.is(parseTlsWord(concat(payload, Uint8Array.of(0))), undefined)
  }
})

test('a JOIN reads back with what its signature covers', () => {
  const capability = new Uint8Array(200).fill(3)
  const exported = new Uint8Array(32).fill(9)
  const bytes = encodeJoin(bob.nodeId, capability, (covered) => alice.signer.sign(joinSignedBytes(exported, covered)))
  const said = inside(bytes)
  assert.is(said?.kind, 'join')
  if (said?.kind !== 'join') return
  assert.equal([said.relay, said.capability], [bob.nodeId, capability])
  assert.equal(said.signature, alice.signer.sign(joinSignedBytes(exported, said.covered)))
  assert.is(parseTlsWord(bytes.subarray(4, -1)), undefined)
})

test('any row of datagrams goes through one message, and comes out in order', () => {
  const frame = fc.tuple(fc.integer({ min: 0, max: 65_535 }), fc.uint8Array({ maxLength: 2_000 }))
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 20 }), (frames) => {
      const parsed = parseTlsFrames(concat(...frames.map(([channel, payload]) => encodeTlsFrame(channel, payload))))
      assert.equal(
        parsed?.map(({ channel, payload }) => [channel, Uint8Array.from(payload)]),
        frames,
      )
    }),
  )
})

test('noise is never half a frame, and never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      const frames = parseTlsFrames(noise)
      const bytes = frames?.reduce((sum, { payload }) => sum + 4 + payload.length, 0)
      assert.ok(frames === undefined || bytes === noise.length)
      const heard = parseTlsWord(noise)
      if (heard === undefined || heard.kind === 'join') return
      assert.equal(encodeWord(heard).subarray(4), noise)
    }),
    { numRuns: 500 },
  )
})

test.run()
