// A device's word on its key: believed of nobody but the device, for no other network, and small enough for one packet.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../bytes.ts'
import type { Signer } from '../effects.ts'
import { faultOf, hostileBytes, refusesPolitely } from '../fuzz.fake.ts'
import { sha256, signerFromSeed, verify } from '../host/crypto.ts'
import { parseDeviceKey, parseNetworkId, parseNodeId } from '../ids.ts'
import { keyStatementBytesMax } from '../limits.ts'
import { encodeCanonical } from '../record/canonical.ts'
import { seal } from '../record/envelope.ts'
import { fakeWgKey } from '../record/parsed.fake.ts'
import { type KeyStatement, openKeyStatement, sealKeyStatement } from './key-statement.ts'

const signerOf = (byte: number): Signer => signerFromSeed(new Uint8Array(32).fill(byte))
const signer = signerOf(1)
const network = parseNetworkId('testnetaaaaa')
const node = parseNodeId('aaaaaaaaaaaaaaaa')
const holder = { network, node, deviceKey: parseDeviceKey(toBase64(signer.publicKey)) }
const word: KeyStatement = { network, node, serial: 3, wgKey: fakeWgKey(7) }
const open = (envelope: Uint8Array): KeyStatement => openKeyStatement(envelope, holder, verify, sha256)

test('a word opens to itself, and the largest fits into one packet', () => {
  assert.equal(open(sealKeyStatement(word, signer, sha256)), word)
  const largest = sealKeyStatement({ ...word, serial: Number.MAX_SAFE_INTEGER }, signer, sha256)
  assert.ok(largest.length <= keyStatementBytesMax, `${largest.length} bytes`)
})

for (const [what, envelope, code] of [
  ['signed by another device', sealKeyStatement(word, signerOf(2), sha256), 'untrusted'],
  ['signed as something else', seal('fact', encodeCanonical(word), signer, sha256), 'bad-signature'],
  [
    'of another network',
    sealKeyStatement({ ...word, network: parseNetworkId('othernetaaaa') }, signer, sha256),
    'untrusted',
  ],
  [
    'about another node',
    sealKeyStatement({ ...word, node: parseNodeId('bbbbbbbbbbbbbbbb') }, signer, sha256),
    'untrusted',
  ],
  [
    'with serial 0, which is enrolment’s',
    seal('wg-key', encodeCanonical({ ...word, serial: 0 }), signer, sha256),
    'invalid',
  ],
  [
    'with a key that shares nothing',
    seal('wg-key', encodeCanonical({ ...word, wgKey: toBase64(new Uint8Array(32)) }), signer, sha256),
    'invalid',
  ],
  ['with more to say', seal('wg-key', encodeCanonical({ ...word, more: 1 }), signer, sha256), 'invalid'],
] as const) {
  test(`a word ${what} is refused`, () => {
    assert.is(faultOf(() => open(envelope)).code, code)
  })
}

test('no bytes do more than be refused', () => {
  refusesPolitely(hostileBytes(sealKeyStatement(word, signer, sha256)), open)
})

test.run()
