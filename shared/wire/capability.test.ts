// Capabilities: their bytes, who may sign them, when they end.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, toBase64, toHex } from '../bytes.ts'
import { faultOf, hostileBytes, refusesPolitely } from '../fuzz.fake.ts'
import { sha256, signerFromSeed, verify } from '../host/crypto.ts'
import { parseDeviceKey, parseNetworkId, parseNodeId } from '../ids.ts'
import { encodeCanonical } from '../record/canonical.ts'
import { seal, trustedKeys } from '../record/envelope.ts'
import { certifyKey, keyring } from '../record/keys.ts'
import {
  type Capability,
  capabilityEnvelopeMax,
  isExpired,
  isHalfLifeReached,
  openCapability,
  sealCapability,
} from './capability.ts'

const root = signerFromSeed(new Uint8Array(32).fill(1))
const signing = signerFromSeed(new Uint8Array(32).fill(2))
const device = signerFromSeed(new Uint8Array(32).fill(3))
const trusted = keyring([certifyKey(signing.publicKey, 1, root, sha256)], root.publicKey, verify, sha256)
const deviceKey = parseDeviceKey(toBase64(device.publicKey))
const capability: Capability = {
  network: parseNetworkId('abcdefgh2345'),
  node: parseNodeId('abcdefgh23456777'),
  deviceKey,
  epoch: 1,
  revision: 42,
  issuedAt: 1_700_000_000_000,
  expiresAt: 1_700_604_800_000,
}
const envelope = sealCapability(capability, signing, sha256)

test('golden capability: relays in the field check these bytes', () => {
  assert.is(
    fromUtf8(envelope.subarray(73)),
    `{"deviceKey":"${deviceKey}","epoch":1,"expiresAt":1700604800000,"issuedAt":1700000000000,` +
      '"network":"abcdefgh2345","node":"abcdefgh23456777","revision":42}',
  )
  assert.is(toHex(sha256(envelope)), 'e602f5e2731d1fd452d1f34aac71836b80be98a7c3eb393101eba137488ee769')
  assert.equal(openCapability(envelope, trusted, verify), capability)
})

test('the largest capability fits its bound', () => {
  const most = Number.MAX_SAFE_INTEGER
  const largest = { ...capability, epoch: most, revision: most, issuedAt: most, expiresAt: most }
  const sealed = sealCapability(largest, signing, sha256)
  assert.ok(sealed.length <= capabilityEnvelopeMax)
  assert.equal(openCapability(sealed, trusted, verify), largest)
})

test('only a key of the root’s chain may sign, and only as a capability', () => {
  assert.is(
    faultOf(() => openCapability(sealCapability(capability, device, sha256), trusted, verify)).code,
    'untrusted',
  )
  assert.is(faultOf(() => openCapability(sealCapability(capability, root, sha256), trusted, verify)).code, 'untrusted')
  const asFact = seal('fact', encodeCanonical(capability), signing, sha256)
  assert.is(faultOf(() => openCapability(asFact, trusted, verify)).code, 'bad-signature')
  assert.is(faultOf(() => openCapability(envelope, trustedKeys([], sha256), verify)).code, 'untrusted')
})

for (const [what, change] of [
  ['a node that is user text', { node: 'alpha' }],
  ['a network that is user text', { network: 'default' }],
  ['a key cut short', { deviceKey: 'AAAA' }],
  ['an expiry as text', { expiresAt: '1' }],
  ['a field that is not known', { may: 'everything' }],
  ['a missing revision', { revision: undefined }],
] as const) {
  test(`signed all the same, refused: ${what}`, () => {
    const forged = seal('capability', encodeCanonical({ ...capability, ...change }), signing, sha256)
    assert.is(faultOf(() => openCapability(forged, trusted, verify)).code, 'invalid')
  })
}

test('hostile bytes are refused politely', () => {
  refusesPolitely(hostileBytes(envelope), (bytes) => openCapability(bytes, trusted, verify))
})

test('it ends at its expiry and is due for renewal from half of its life on', () => {
  const { issuedAt, expiresAt } = capability
  const half = (issuedAt + expiresAt) / 2
  for (const [at, due, expired] of [
    [issuedAt - 1, false, false],
    [half - 1, false, false],
    [half, true, false],
    [expiresAt - 1, true, false],
    [expiresAt, true, true],
  ] as const) {
    assert.is(isHalfLifeReached(capability, at), due)
    assert.is(isExpired(capability, at), expired)
  }
})

test.run()
