// An answer that is kept is never given to another question.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import type { Verify } from '../../shared/effects.ts'
import { signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { rememberAnswers } from './answers.ts'

const [one, other] = [signerFromSeed(new Uint8Array(32).fill(1)), signerFromSeed(new Uint8Array(32).fill(2))]
const message = utf8('a head')
const signature = one.sign(message)

test('the same question is asked once, and answered every time', () => {
  let asked = 0
  const counting: Verify = (...question) => {
    asked += 1
    return verify(...question)
  }
  const remembered = rememberAnswers(counting)
  assert.ok(remembered(one.publicKey, message, signature))
  assert.ok(remembered(one.publicKey.slice(), message.slice(), signature.slice()))
  assert.is(asked, 1)
  assert.not(remembered(other.publicKey, message, signature))
  assert.not(remembered(other.publicKey, message, signature))
  assert.is(asked, 2)
})

test('one byte more, less or else is another question', () => {
  const remembered = rememberAnswers(verify)
  const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte))
  assert.ok(remembered(one.publicKey, message, signature))
  assert.not(remembered(one.publicKey, flip(message), signature))
  assert.not(remembered(one.publicKey, message, flip(signature)))
  assert.not(remembered(flip(one.publicKey), message, signature))
  // The same bytes in a row, cut elsewhere.
  assert.not(remembered(one.publicKey, message.subarray(1), Uint8Array.of(...signature, message[0] ?? 0)))
  assert.ok(remembered(one.publicKey, message, signature))
})

test.run()
