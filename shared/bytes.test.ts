// Text to bytes and back: exact, canonical, and in agreement with Node's own.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  compareText,
  concat,
  fromBase64,
  fromBase64Url,
  fromUtf8,
  sameBytes,
  toBase64,
  toBase64Url,
  toHex,
  utf8,
} from './bytes.ts'
import { HoldfastError } from './errors.ts'
import { anyText, attempt, faultOf } from './fuzz.fake.ts'

const bytes = fc.uint8Array({ maxLength: 300 })

test('hex and both base64 forms are what Node makes of the same bytes', () => {
  fc.assert(
    fc.property(bytes, (one) => {
      const buffer = Buffer.from(one)
      assert.is(toHex(one), buffer.toString('hex'))
      assert.is(toBase64(one), buffer.toString('base64'))
      assert.is(toBase64Url(one), buffer.toString('base64url'))
      assert.equal([...fromBase64(toBase64(one))], [...one])
      assert.equal([...fromBase64Url(toBase64Url(one))], [...one])
    }),
  )
})

test('base64 of more than one piece of a call is that of the whole', () => {
  for (const length of [8_191, 8_192, 8_193, 20_000]) {
    const one = Uint8Array.from({ length }, (_, at) => at * 31)
    assert.is(toBase64(one), Buffer.from(one).toString('base64'), String(length))
  }
})

test('no two base64 texts mean the same bytes', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[AQgw/+=\-_9]{0,8}$/), (text) => {
      const standard = attempt(() => fromBase64(text))
      if (!(standard instanceof HoldfastError)) assert.is(toBase64(standard), text)
      const url = attempt(() => fromBase64Url(text))
      if (!(url instanceof HoldfastError)) assert.is(toBase64Url(url), text)
    }),
  )
  for (const text of ['A', 'AB', 'AB=', 'AB==', 'A===', 'AA==A', ' AA==', 'AA==\n', 'AA=A', 'é']) {
    assert.is(faultOf(() => fromBase64(text)).code, 'invalid', text)
  }
})

test('UTF-8 is strict and keeps everything, a byte order mark too', () => {
  fc.assert(fc.property(anyText, (text) => assert.is(fromUtf8(utf8(text)), text)))
  assert.is(fromUtf8(utf8('\uFEFFa')), '\uFEFFa')
  // Overlong, lone surrogate, cut off, beyond U+10FFFF.
  for (const bad of [
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xe2, 0x82],
    [0xf4, 0x90, 0x80, 0x80],
  ]) {
    assert.is(faultOf(() => fromUtf8(Uint8Array.from(bad))).code, 'invalid')
  }
})

test('concat and sameBytes', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 4 }), bytes, (parts, other) => {
      const whole = concat(...parts)
      assert.equal(
        [...whole],
        parts.flatMap((part) => [...part]),
      )
      assert.ok(sameBytes(whole, whole.slice()))
      assert.is(sameBytes(whole, other), toHex(whole) === toHex(other))
    }),
  )
})

test('text is ordered by code unit, not by locale', () => {
  assert.equal(['b', 'a', 'B', 'ä', 'a-b', 'ab'].sort(compareText), ['B', 'a', 'a-b', 'ab', 'b', 'ä'])
  assert.is(compareText('a', 'a'), 0)
})

test.run()
