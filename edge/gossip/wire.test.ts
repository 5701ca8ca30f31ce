// Words and frames survive the wire, and hostile bytes get nothing but a refusal, bounded in time and memory.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, toHex } from '../../shared/bytes.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { attempt, hostileBytes, refusesPolitely } from '../../shared/fuzz.fake.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { factBytesMax, gossipDatagramBytesMax } from '../../shared/limits.ts'
import { testDevice } from '../link/hub.fake.ts'
import { createFramer, encodeFrame, type Frame } from './frames.ts'
import { factOf } from './gossip-rig.fake.ts'
import { createFactDigest, encodeState, type GossipState, parseState } from './state.ts'
import { encodeWord, parseWord, type Word } from './words.ts'

const device = testDevice('one', 1)
const half = fc.uint8Array({ minLength: 16, maxLength: 16 })
const counter = fc.maxSafeNat()
const plain = { noNullPrototype: true } as const
const version = fc.record({ epoch: counter, revision: counter }, plain)
const states: fc.Arbitrary<GossipState> = fc.record({ version, root: half, facts: half, online: fc.boolean() }, plain)
const { envelope } = factOf(device, '192.0.2.1:1', 1, 1)
const node = device.nodeId
const deflated = fc.uint8Array({ maxLength: 500 })
const frames: fc.Arbitrary<Frame> = fc.oneof(
  states.map((state) => ({ type: 'state', state, stampsFollow: true }) as const),
  fc
    .record({ boot: counter, seq: counter }, plain)
    .map((stamp) => ({ type: 'stamps', stamps: new Map([[node, stamp]]) }) as const),
  deflated.map((bytes) => ({ type: 'delta', deflated: bytes }) as const),
  deflated.map((bytes) => ({ type: 'snapshot', deflated: bytes }) as const),
  fc.constant({ type: 'fact', node, envelope } as const),
  fc.constant({ type: 'end' } as const),
)

test('what is said is heard', () => {
  const words: fc.Arbitrary<Word> = fc.oneof(
    fc.constantFrom('hello' as const, 'answer' as const).chain((type) => states.map((state) => ({ type, state }))),
    fc.constant({ type: 'fact', node, envelope } as const),
  )
  fc.assert(fc.property(words, (word) => assert.equal(parseWord(encodeWord(word) ?? new Uint8Array()), word)))
  fc.assert(fc.property(states, (state) => assert.equal(parseState(encodeState(state)), state)))
  const large = new Uint8Array(gossipDatagramBytesMax)
  assert.is(encodeWord({ type: 'fact', node, envelope: large }), undefined)
})

test('a stream of frames is the same however it is cut', () => {
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 6 }), fc.array(fc.nat(60), { maxLength: 30 }), (list, cuts) => {
      const bytes = concat(...list.map(encodeFrame))
      const framer = createFramer()
      const heard: Frame[] = []
      let at = 0
      for (const cut of cuts) {
        heard.push(...framer.push(bytes.subarray(at, at + cut)))
        at = Math.min(bytes.length, at + cut)
      }
      heard.push(...framer.push(bytes.subarray(at)))
      assert.equal(heard, list)
      assert.is(framer.waiting(), 0)
    }),
  )
})

test('hostile bytes are refused politely', () => {
  const state = {
    version: { epoch: 1, revision: 2 },
    root: new Uint8Array(16),
    facts: new Uint8Array(16),
    online: true,
  }
  const stamps = new Map([[node, { boot: 1, seq: 1 }]])
  const all: readonly Frame[] = [
    { type: 'state', state, stampsFollow: true },
    { type: 'stamps', stamps },
    { type: 'fact', node, envelope },
    { type: 'end' },
  ]
  refusesPolitely(hostileBytes(concat(...all.map(encodeFrame))), (bytes) => createFramer().push(bytes))
  for (const word of [{ type: 'hello', state } as const, { type: 'fact', node, envelope } as const]) {
    refusesPolitely(hostileBytes(encodeWord(word) ?? new Uint8Array()), parseWord)
  }
})

test('a frame that is announced too large is refused before it comes, and one that is cut off is waited for', () => {
  const header = Uint8Array.of(5, 0, 0, 0, 0)
  new DataView(header.buffer).setUint32(1, factBytesMax + 1_000)
  assert.ok(
    isHoldfastError(
      attempt(() => createFramer().push(header)),
      'too-large',
    ),
  )
  assert.ok(
    isHoldfastError(
      attempt(() => createFramer().push(Uint8Array.of(9, 0, 0, 0, 0))),
      'invalid',
    ),
  )
  assert.ok(
    isHoldfastError(
      attempt(() => createFramer().push(Uint8Array.of(6, 0, 0, 0, 1))),
      'too-large',
    ),
  )
  const framer = createFramer()
  assert.equal(framer.push(encodeFrame({ type: 'delta', deflated: new Uint8Array(9) }).subarray(0, 11)), [])
  assert.is(framer.waiting(), 11)
})

test('digests agree on the same facts in any order, and differ where one does', () => {
  const [one, two] = [createFactDigest(sha256), createFactDigest(sha256)]
  const entries = [1, 2, 3].map((index) => [testDevice(`n${index}`, index).nodeId, { boot: 1, seq: index }] as const)
  const digest = toHex(one.of(entries))
  assert.is(digest, toHex(two.of(entries.toReversed())))
  assert.is.not(digest, toHex(one.of(entries.slice(1))))
  assert.is(digest, toHex(one.of(entries)))
})

test.run()
