// Frames byte by byte: nodes of different versions meet, so none of these bytes may ever change in silence.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { concat, toHex } from '../../shared/bytes.ts'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { hostileBytes } from '../../shared/fuzz.fake.ts'
import { hkdf, openAead, sealAead, sha256, sharedSecretWith, wgPublicKey } from '../../shared/host/crypto.ts'
import {
  bodyBytes,
  encodeHeader,
  encodeProbe,
  nonceOf,
  parseHeader,
  parseProbe,
  randomBytes,
  sessionBytes,
  tagBytes,
} from './frame.ts'
import type { PathTalk } from './path-talk.ts'
import { createPathTalk } from './talk.ts'

const range = (from: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => from + i)
const TAG = range(0x10, tagBytes)
const SESSION = range(0x20, sessionBytes)
const RANDOM = range(0x40, randomBytes)

const header = fc.record({
  kind: fc.constantFrom('ping' as const, 'pong' as const, 'call' as const),
  tag: fc.uint8Array({ minLength: tagBytes, maxLength: tagBytes }),
  session: fc.uint8Array({ minLength: sessionBytes, maxLength: sessionBytes }),
  counter: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
})

test('a header on the wire', () => {
  const golden = (kind: string): string => `f0686601${kind}0000001011121314151617202122232425262700000000000001ff`
  for (const [kind, byte] of [
    ['ping', '01'],
    ['pong', '02'],
    ['call', '03'],
  ] as const) {
    assert.is(toHex(encodeHeader({ kind, tag: TAG, session: SESSION, counter: 511n })), golden(byte))
  }
})

test('a probe on the wire, and the nonce of its frame', () => {
  const body = toHex(encodeProbe(0xdeadbeef, RANDOM, Uint8Array.of(1, 2, 3)))
  assert.is(body, `deadbeef404142434445464748494a4b010203${'00'.repeat(15)}`)
  assert.is(toHex(nonceOf(0x0102030405060708n)), '000000000102030405060708')
})

test('a header is read as it was written', () => {
  const sealed = new Uint8Array(bodyBytes + 16).fill(9)
  fc.assert(
    fc.property(header, (one) => {
      const bytes = encodeHeader(one)
      const read = parseHeader(concat(bytes, sealed))
      assert.equal(read, { ...one, covered: bytes, sealed })
    }),
  )
})

test('a probe is read as it was written, however long', () => {
  const id = fc.nat(2 ** 32 - 1)
  const random = fc.uint8Array({ minLength: randomBytes, maxLength: randomBytes })
  fc.assert(
    fc.property(id, random, fc.integer({ min: 0, max: 9_000 }), (probe, noise, size) => {
      const body = encodeProbe(probe, noise, new Uint8Array(0), size)
      assert.is(body.length, Math.max(size, bodyBytes))
      assert.equal(parseProbe(body), { probe, random: noise, rest: new Uint8Array(bodyBytes - 4 - randomBytes) })
    }),
  )
})

test('what is no frame is none', () => {
  const frame = concat(
    encodeHeader({ kind: 'ping', tag: TAG, session: SESSION, counter: 1n }),
    new Uint8Array(bodyBytes + 16),
  )
  assert.ok(parseHeader(frame))
  assert.is(parseHeader(frame.subarray(0, -1)), undefined, 'too short')
  assert.is(parseHeader(concat(frame, new Uint8Array(9_001 - frame.length))), undefined, 'too long')
  for (const at of [0, 1, 2, 3, 5, 6, 7]) {
    const other = frame.slice()
    other[at] = (other[at] ?? 0) ^ 0x80
    assert.is(parseHeader(other), undefined, `byte ${at}`)
  }
  for (const kind of [0, 5, 255]) {
    const other = frame.slice()
    other[4] = kind
    assert.is(parseHeader(other), undefined, `kind ${kind}`)
  }
})

test('no bytes make the parser throw, and no message of WireGuard is a frame', () => {
  const frame = concat(encodeHeader({ kind: 'pong', tag: TAG, session: SESSION, counter: 1n }), new Uint8Array(64))
  fc.assert(fc.property(hostileBytes(frame), (bytes) => void parseHeader(bytes)))
  for (const type of [1, 2, 3, 4]) {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 78, maxLength: 200 }), (rest) => {
        assert.is(parseHeader(concat(Uint8Array.of(type, 0, 0, 0), rest)), undefined)
      }),
    )
  }
})

/** From the private keys of RFC 7748 §6.1, and randomness that is known. */
function talkOf(own: string, peer: string): PathTalk {
  const crypto = { sha256, hkdf, seal: sealAead, open: openAead }
  const self = { wgKey: wgPublicKey(own), sharedWith: sharedSecretWith(own) }
  let next = 0
  const entropy = { bytes: (length: number) => range(next++ & 0xff, length), fraction: () => 0 }
  const talk = createPathTalk({ self, crypto, clock: new FakeClock(), entropy })
  talk.setPeers([wgPublicKey(peer)])
  return talk
}

const key = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')
const ALICE = key('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a')
const BOB = key('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')

// Worked out apart from this code, from the words at the head of frame.ts and talk.ts.
test('whole frames on the wire, sealed', () => {
  const [alice, bob] = [talkOf(ALICE, BOB), talkOf(BOB, ALICE)]
  const ping = alice.ping(wgPublicKey(BOB), 7, parseEndpoint('192.0.2.2:51820'))
  const heard = bob.receive(ping, parseEndpoint('[2001:db8::1]:4000'))
  const call = alice.call(wgPublicKey(BOB))
  assert.is(
    toHex(ping),
    'f0686601010000007dfb82f3f778133800010203040506070000000000000000' +
      '5e724ad4b1a9dbc1b7e687de7cc5a8d0cb08b11037aed8fb71a73216f388635417142f569207088902b6dbd2f19ad02d586b',
  )
  assert.is(
    heard?.type === 'ping' ? toHex(heard.reply) : '',
    'f068660102000000f8b0188862a8d44d00010203040506070000000000000000' +
      '41ec02ca146ee5131b26fb3e82a288227c0c8f7b1f52a55494a09b3b2fe2c7c6e5af7b209af13026477159848de3596b9ab1',
  )
  assert.is(
    toHex(call),
    'f0686601030000007dfb82f3f778133800010203040506070000000000000001' +
      '929a5161c2a70676e1f22d7693c1cdacd0c8a1fc9cfb05ac6f6878ef8be6e8b6a69cdabdc13f98684ac2ea2d7336f2b6be0e',
  )
})

test('the same bytes again would be refused, so none are ever sent twice', () => {
  const talk = createPathTalk({
    self: { wgKey: wgPublicKey(ALICE), sharedWith: sharedSecretWith(ALICE) },
    crypto: { sha256, hkdf, seal: sealAead, open: openAead },
    clock: new FakeClock(),
    entropy: seededEntropy(1),
  })
  const frames = Array.from({ length: 300 }, () => toHex(talk.call(wgPublicKey(BOB)).subarray(0, 32)))
  assert.is(new Set(frames).size, frames.length)
})

test.run()
