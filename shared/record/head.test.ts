// Heads and the keys that may sign them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, toHex, utf8 } from '../bytes.ts'
import type { Signer } from '../effects.ts'
import { faultOf, hostileBytes, refusesPolitely } from '../fuzz.fake.ts'
import { sha256, signerFromSeed, verify } from '../host/crypto.ts'
import { parseNetworkId } from '../ids.ts'
import { encodeCanonical } from './canonical.ts'
import { keyIdOf, seal, trustedKeys } from './envelope.ts'
import { compareVersion, formatVersion, type Head, noVersion, openHead, signHead } from './head.ts'
import { certifyKey, keyring, openKeyCertificate, readKeyCertificate } from './keys.ts'

const signerOf = (byte: number): Signer => signerFromSeed(new Uint8Array(32).fill(byte))
const root = signerOf(1)
const signing = signerOf(2)
const trusted = trustedKeys([signing.publicKey], sha256)
const head: Head = {
  network: parseNetworkId('abcdefgh2345'),
  epoch: 1,
  revision: 42,
  root: toHex(sha256(utf8('root'))),
  count: 3,
  issuedAt: 1_700_000_000_000,
  keyId: keyIdOf(signing.publicKey, sha256),
}

/** A head signed as it is, whatever is wrong with it. */
function forged(change: object): Uint8Array {
  return seal('head', encodeCanonical({ ...head, ...change }), signing, sha256)
}

test('a signed head opens to itself, and its bytes are its canonical form', () => {
  const envelope = signHead(head, signing, sha256)
  assert.equal(openHead(envelope, trusted, verify), head)
  assert.is(
    fromUtf8(envelope.subarray(73)),
    `{"count":3,"epoch":1,"issuedAt":1700000000000,"keyId":"${head.keyId}","network":"abcdefgh2345","revision":42,"root":"${head.root}"}`,
  )
})

for (const [what, change] of [
  ['a negative revision', { revision: -1 }],
  ['a revision as text', { revision: '1' }],
  ['a root cut short', { root: 'ab' }],
  ['upper-case hex', { root: head.root.toUpperCase() }],
  ['more records than any network has', { count: 20_001 }],
  ['a field that is not known', { extra: 1 }],
  ['a field that every object has', { toString: 'x' }],
  ['a missing field', { epoch: undefined }],
  ['the id of another key', { keyId: '0123456789abcdef' }],
  ['a network that is user text', { network: 'default' }],
] as const) {
  test(`signed all the same, refused: ${what}`, () => {
    assert.is(faultOf(() => openHead(forged(change), trusted, verify)).code, 'invalid')
  })
}

test('a head larger than any is refused', () => {
  assert.is(faultOf(() => openHead(forged({ extra: 'x'.repeat(1_024) }), trusted, verify)).code, 'too-large')
})

test('a higher epoch outranks every revision of a lower one', () => {
  const sorted = [noVersion, { epoch: 1, revision: 1 }, { epoch: 1, revision: 9 }, { epoch: 2, revision: 1 }]
  assert.equal([...sorted].toReversed().sort(compareVersion), sorted)
  assert.equal(sorted.map(formatVersion), ['0', '1', '9', '2.1'])
})

test('the root certifies signing keys; nothing else does', () => {
  const certificate = certifyKey(signing.publicKey, 5, root, sha256)
  assert.equal([...openKeyCertificate(certificate, root.publicKey, verify, sha256)], [...signing.publicKey])
  assert.is(readKeyCertificate(certificate, root.publicKey, verify, sha256).issuedAt, 5)
  const own = certifyKey(signing.publicKey, 5, signing, sha256)
  assert.is(faultOf(() => openKeyCertificate(own, root.publicKey, verify, sha256)).code, 'untrusted')
  // A head signed by the root itself is no certificate.
  const disguised = signHead({ ...head, keyId: keyIdOf(root.publicKey, sha256) }, root, sha256)
  assert.is(faultOf(() => openKeyCertificate(disguised, root.publicKey, verify, sha256)).code, 'bad-signature')
  const purpose = seal('key', encodeCanonical({ purpose: 'other', publicKey: '', issuedAt: 1 }), root, sha256)
  assert.is(faultOf(() => openKeyCertificate(purpose, root.publicKey, verify, sha256)).code, 'invalid')
})

test('a keyring holds every certified key, and one bad certificate spoils it', () => {
  const good = [signing, signerOf(3)].map((signer) => certifyKey(signer.publicKey, 1, root, sha256))
  const keys = keyring(good, root.publicKey, verify, sha256)
  assert.is(keys.size, 2)
  assert.equal(openHead(signHead(head, signing, sha256), keys, verify), head)
  const bad = [...good, certifyKey(signing.publicKey, 1, signing, sha256)]
  assert.is(faultOf(() => keyring(bad, root.publicKey, verify, sha256)).code, 'untrusted')
})

test('damaged heads and certificates are refused politely', () => {
  refusesPolitely(hostileBytes(signHead(head, signing, sha256)), (bytes) => openHead(bytes, trusted, verify))
  const certificate = certifyKey(signing.publicKey, 5, root, sha256)
  refusesPolitely(hostileBytes(certificate), (bytes) => openKeyCertificate(bytes, root.publicKey, verify, sha256))
  // As if the signature were right: the parser behind it stands alone.
  const believing = (): boolean => true
  refusesPolitely(hostileBytes(signHead(head, signing, sha256)), (bytes) => openHead(bytes, trusted, believing))
})

test.run()
