// Ids and keys: only well-formed ones get a branded type.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64, utf8 } from './bytes.ts'
import { faultOf, refusesPolitely } from './fuzz.fake.ts'
import { base32, parseDeviceKey, parseName, parseNetworkId, parseNodeId, parseWgKey } from './ids.ts'

// RFC 4648 §10, lower-cased and without padding.
for (const [text, encoded] of [
  ['f', 'm'],
  ['fo', 'mzx'],
  ['foo', 'mzxw'],
  ['foob', 'mzxw6y'],
  ['fooba', 'mzxw6ytb'],
  ['foobar', 'mzxw6ytbo'],
] as const) {
  test(`base32 of ${text}`, () => assert.is(base32(utf8(text), encoded.length), encoded))
}

test('base32 depends on every bit it uses, and asks for enough bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 10, maxLength: 10 }), fc.nat(79), (bytes, bit) => {
      const other = bytes.slice()
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7))
      assert.is.not(base32(bytes, 16), base32(other, 16))
    }),
  )
  assert.is(faultOf(() => base32(new Uint8Array(9), 16)).code, 'invalid')
})

test('keys have 32 bytes in canonical base64', () => {
  const key = toBase64(new Uint8Array(32).fill(7))
  assert.is(parseWgKey(key), key)
  assert.is(parseDeviceKey(key), key)
  for (const bad of ['', key.slice(1), toBase64(new Uint8Array(31)), toBase64(new Uint8Array(33)), `${key} `]) {
    assert.is(faultOf(() => parseWgKey(bad)).code, 'invalid')
    assert.match(faultOf(() => parseDeviceKey(bad)).message, /device key/)
  }
})

test('names are DNS labels', () => {
  for (const good of ['a', 'shop-1', '0', 'a'.repeat(63)]) assert.is(parseName(good), good)
  for (const bad of ['', '-a', 'a-', 'A', 'a.b', 'a_b', 'a b', 'ä', 'a'.repeat(64), 'a\n', 'a/b', '../a']) {
    assert.match(faultOf(() => parseName(bad)).remedy ?? '', /lower-case/, bad)
  }
})

test('ids have their length and alphabet', () => {
  assert.is(parseNodeId('abcdefghijkl2345'), 'abcdefghijkl2345')
  assert.is(parseNetworkId('abcdefgh2345'), 'abcdefgh2345')
  for (const bad of ['abcdefghijkl2341', 'ABCDEFGHIJKL2345', 'abcdefghijkl234', 'abcdefghijkl2345\n', '+', '#']) {
    assert.is(faultOf(() => parseNodeId(bad)).code, 'invalid')
    assert.is(faultOf(() => parseNetworkId(bad)).code, 'invalid')
  }
})

test('whatever the text, a refusal is polite', () => {
  for (const parse of [parseName, parseNodeId, parseNetworkId, parseWgKey]) refusesPolitely(fc.string(), parse, 200)
})

test.run()
