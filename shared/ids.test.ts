// Ids and keys: only well-formed ones get a branded type.

import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'
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

// The ones that the TLS library of this very machine refuses to derive a secret with, checked against it.
test('WireGuard keys of small order are refused, whatever their topmost bit; their neighbours are keys', () => {
  const { privateKey } = generateKeyPairSync('x25519')
  const derives = (bytes: Uint8Array): boolean => {
    const der = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), bytes])
    try {
      diffieHellman({ privateKey, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) })
      return true
    } catch {
      return false
    }
  }
  const middle = ['e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b8', '5f9c95bca3508c24b1d0b1559c83ef5b']
  const heads = ['00', '01', '02', 'eb', 'ec', 'ed', 'ee', 'ef']
  const whole = [
    ...heads.flatMap((head) => ['00'.repeat(31), `${'ff'.repeat(30)}7f`].map((rest) => head + rest)),
    `${middle[0]}00`,
    `${middle[0]}01`,
    `${middle[1]}04445cc4581c8e86d8224eddd09f1157`,
    `${middle[1]}04445cc4581c8e86d8224eddd09f1158`,
  ]
  let refused = 0
  for (const hex of whole) {
    for (const top of [0, 0x80]) {
      const bytes = new Uint8Array(Buffer.from(hex, 'hex'))
      bytes[31] = (bytes[31] ?? 0) | top
      let taken = true
      try {
        parseWgKey(toBase64(bytes))
      } catch {
        taken = false
        refused += 1
      }
      assert.is(taken, derives(bytes), hex)
    }
  }
  assert.is(refused, 14)
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
