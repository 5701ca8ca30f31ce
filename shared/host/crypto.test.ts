// Published test vectors, and what must never verify.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64, toBase64, toHex, utf8 } from '../bytes.ts'
import { faultOf } from '../fuzz.fake.ts'
import {
  generateSigningSeed,
  generateWgPrivateKey,
  hkdf,
  openAead,
  sameSecret,
  sealAead,
  sha256,
  sharedSecretWith,
  signerFromSeed,
  verify,
  wgPublicKey,
} from './crypto.ts'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

// RFC 8032 §7.1: secret key, public key, message, signature.
for (const [name, seed, publicKey, message, signature] of [
  [
    'TEST 1',
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    'TEST 2',
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'TEST 3',
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const) {
  test(`Ed25519, RFC 8032 ${name}`, () => {
    const signer = signerFromSeed(hex(seed))
    assert.is(toHex(signer.publicKey), publicKey)
    assert.is(toHex(signer.sign(hex(message))), signature)
    assert.ok(verify(hex(publicKey), hex(message), hex(signature)))
  })
}

test('one bit anywhere and the signature is wrong', () => {
  const signer = signerFromSeed(generateSigningSeed())
  const message = utf8('holdfast')
  const signature = signer.sign(message)
  const flip = (bytes: Uint8Array, bit: number): Uint8Array => {
    const out = bytes.slice()
    out[bit >> 3] = (out[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return out
  }
  for (let bit = 0; bit < 512; bit += 7) assert.not.ok(verify(signer.publicKey, message, flip(signature, bit)))
  for (let bit = 0; bit < 64; bit += 5) assert.not.ok(verify(signer.publicKey, flip(message, bit), signature))
  for (let bit = 0; bit < 256; bit += 7) assert.not.ok(verify(flip(signer.publicKey, bit), message, signature))
})

test('S beyond the group order is refused: one signature can’t be turned into another (RFC 8032 §8.4)', () => {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const signer = signerFromSeed(hex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'))
  const signature = signer.sign(utf8('m'))
  const s = BigInt(`0x${toHex(signature.slice(32).toReversed())}`) + order
  const other = hex(s.toString(16).padStart(64, '0')).toReversed()
  assert.not.ok(verify(signer.publicKey, utf8('m'), Uint8Array.from([...signature.slice(0, 32), ...other])))
})

test('bytes that are no key or no signature verify nothing, and throw nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ maxLength: 70 }), (key, signature) => {
      assert.not.ok(verify(key, utf8('m'), signature))
    }),
  )
  assert.not.ok(verify(new Uint8Array(32).fill(0xff), utf8('m'), new Uint8Array(64)))
})

// RFC 7748 §6.1.
for (const [who, secret, publicKey] of [
  [
    'Alice',
    '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
    '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
  ],
  [
    'Bob',
    '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
    'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
  ],
] as const) {
  test(`X25519, RFC 7748 §6.1 ${who}`, () => {
    assert.is(toHex(fromBase64(wgPublicKey(toBase64(hex(secret))))), publicKey)
  })
}

test('X25519, RFC 7748 §6.1: both ends share the same secret', () => {
  const [alice, bob] = [
    '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
    '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
  ].map((secret) => toBase64(hex(secret))) as [string, string]
  const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742'
  assert.is(toHex(sharedSecretWith(alice)(wgPublicKey(bob))), shared)
  assert.is(toHex(sharedSecretWith(bob)(wgPublicKey(alice))), shared)
})

test('HKDF, RFC 5869 A.1 and A.3', () => {
  const secret = new Uint8Array(22).fill(0x0b)
  assert.is(
    toHex(hkdf(secret, hex('000102030405060708090a0b0c'), hex('f0f1f2f3f4f5f6f7f8f9'), 42)),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  )
  assert.is(
    toHex(hkdf(secret, new Uint8Array(0), new Uint8Array(0), 42)),
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  )
})

// RFC 8439 §2.8.2.
const AEAD = {
  key: hex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f'),
  nonce: hex('070000004041424344454647'),
  aad: hex('50515253c0c1c2c3c4c5c6c7'),
  plain: utf8(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  ),
  sealed: hex(
    'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b' +
      '1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc' +
      '3ff4def08e4b7a9de576d26586cec64b6116' +
      '1ae10b594f09e26a7e902ecbd0600691',
  ),
} as const

test('ChaCha20-Poly1305, RFC 8439 §2.8.2', () => {
  const { aad, key, nonce, plain, sealed } = AEAD
  assert.is(toHex(sealAead(key, nonce, plain, aad)), toHex(sealed))
  assert.is(toHex(openAead(key, nonce, sealed, aad) ?? new Uint8Array(0)), toHex(plain))
})

test('one bit anywhere, or too few bytes, and nothing is opened', () => {
  const { aad, key, nonce, sealed } = AEAD
  const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
    const out = bytes.slice()
    out[bit >> 3] = (out[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return out
  }
  for (let bit = 0; bit < sealed.length * 8; bit += 5) {
    assert.is(openAead(key, nonce, flipped(sealed, bit), aad), undefined)
  }
  for (let bit = 0; bit < aad.length * 8; bit++) {
    assert.is(openAead(key, nonce, sealed, flipped(aad, bit)), undefined)
  }
  for (let length = 0; length < 17; length++) {
    assert.is(openAead(key, nonce, sealed.subarray(0, length), aad), undefined)
  }
})

test('a fresh WireGuard key is clamped, and never the same', () => {
  const [a, b] = [generateWgPrivateKey(), generateWgPrivateKey()]
  assert.is.not(a, b)
  const bytes = fromBase64(a)
  assert.is((bytes[0] ?? 1) & 7, 0)
  assert.is((bytes[31] ?? 0) & 0xc0, 0x40)
  assert.is(fromBase64(wgPublicKey(a)).length, 32)
})

test('a key of the wrong length is damage, said so', () => {
  assert.is(faultOf(() => signerFromSeed(new Uint8Array(31))).code, 'corrupt')
  assert.is(faultOf(() => wgPublicKey('AAAA')).code, 'corrupt')
  assert.is(faultOf(() => wgPublicKey('')).code, 'corrupt')
})

test('SHA-256 of FIPS 180-2, and secrets compared', () => {
  assert.is(toHex(sha256(utf8('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.ok(sameSecret(utf8('secret'), utf8('secret')))
  assert.not.ok(sameSecret(utf8('secret'), utf8('secreT')))
  assert.not.ok(sameSecret(utf8('secret'), utf8('secret2')))
})

test.run()
