// Frames, states and carried files survive the wire and the stick, and hostile bytes get nothing but a refusal, bounded in time
// and memory.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, sameBytes } from '../bytes.ts'
import { isHoldfastError } from '../errors.ts'
import { attempt, hostileBytes, refusesPolitely } from '../fuzz.fake.ts'
import { parseNodeId } from '../ids.ts'
import { factBytesMax } from '../limits.ts'
import { carriedSnapshot, encodeCarried, parseCarried } from './carried.ts'
import { createFramer, encodeFrame, type Frame } from './frames.ts'
import { encodeState, type GossipState, parseState } from './gossip-state.ts'

const half = fc.uint8Array({ minLength: 16, maxLength: 16 })
const counter = fc.maxSafeNat()
const plain = { noNullPrototype: true } as const
const version = fc.record({ epoch: counter, revision: counter }, plain)
const states: fc.Arbitrary<GossipState> = fc.record({ version, root: half, facts: half, online: fc.boolean() }, plain)
const node = parseNodeId('aaaaaaaaaaaaaaaa')
const envelope = new Uint8Array(300).fill(7)
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

test('a state is read as it was written', () => {
  fc.assert(fc.property(states, (state) => assert.equal(parseState(encodeState(state)), state)))
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

const state = {
  version: { epoch: 1, revision: 2 },
  root: new Uint8Array(16),
  facts: new Uint8Array(16),
  online: true,
}
const sample: readonly Frame[] = [
  { type: 'state', state, stampsFollow: true },
  { type: 'stamps', stamps: new Map([[node, { boot: 1, seq: 1 }]]) },
  { type: 'snapshot', deflated: new Uint8Array(40).fill(3) },
  { type: 'fact', node, envelope },
]

test('hostile bytes are refused politely', () => {
  const bytes = concat(...sample.map(encodeFrame), encodeFrame({ type: 'end' }))
  refusesPolitely(hostileBytes(bytes), (hostile) => createFramer().push(hostile))
  refusesPolitely(hostileBytes(encodeCarried(sample)), parseCarried)
})

test('a frame that is announced too large is refused before it comes, and one that is cut off is waited for', () => {
  const header = Uint8Array.of(5, 0, 0, 0, 0)
  new DataView(header.buffer).setUint32(1, factBytesMax + 2_000)
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

test('a carried file is read as it was written, and refused wherever it is cut off', () => {
  const file = encodeCarried(sample)
  assert.equal(parseCarried(file), [...sample, { type: 'end' }])
  assert.ok(sameBytes(carriedSnapshot(file), new Uint8Array(40).fill(3)))
  for (let length = 0; length < file.length; length++) {
    const error = attempt(() => parseCarried(file.subarray(0, length)))
    assert.ok(isHoldfastError(error, 'invalid'), `cut off at ${length}`)
  }
  const without = sample.filter(({ type }) => type !== 'snapshot')
  assert.ok(
    isHoldfastError(
      attempt(() => carriedSnapshot(encodeCarried(without))),
      'invalid',
    ),
  )
})

test.run()
