// Words survive the wire, and hostile bytes get nothing but a refusal, bounded in time and memory.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../shared/bytes.ts'
import { hostileBytes, refusesPolitely } from '../../shared/fuzz.fake.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { gossipDatagramBytesMax } from '../../shared/limits.ts'
import type { GossipState } from '../../shared/wire/gossip-state.ts'
import { testDevice } from '../link/hub.fake.ts'
import { factOf } from './gossip-rig.fake.ts'
import { createFactDigest } from './state.ts'
import { encodeWord, parseWord, type Word } from './words.ts'

const device = testDevice('one', 1)
const half = fc.uint8Array({ minLength: 16, maxLength: 16 })
const counter = fc.maxSafeNat()
const plain = { noNullPrototype: true } as const
const version = fc.record({ epoch: counter, revision: counter }, plain)
const states: fc.Arbitrary<GossipState> = fc.record({ version, root: half, facts: half, online: fc.boolean() }, plain)
const { envelope } = factOf(device, '192.0.2.1:1', 1, 1)
const node = device.nodeId

test('what is said is heard', () => {
  const words: fc.Arbitrary<Word> = fc.oneof(
    fc.constantFrom('hello' as const, 'answer' as const).chain((type) => states.map((state) => ({ type, state }))),
    fc.constant({ type: 'fact', node, envelope } as const),
  )
  fc.assert(fc.property(words, (word) => assert.equal(parseWord(encodeWord(word) ?? new Uint8Array()), word)))
  const large = new Uint8Array(gossipDatagramBytesMax)
  assert.is(encodeWord({ type: 'fact', node, envelope: large }), undefined)
})

test('hostile bytes are refused politely', () => {
  const state = {
    version: { epoch: 1, revision: 2 },
    root: new Uint8Array(16),
    facts: new Uint8Array(16),
    online: true,
  }
  for (const word of [{ type: 'hello', state } as const, { type: 'fact', node, envelope } as const]) {
    refusesPolitely(hostileBytes(encodeWord(word) ?? new Uint8Array()), parseWord)
  }
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
