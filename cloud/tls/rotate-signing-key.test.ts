// A new signing key in a hub's directory: certified later than the one before, whatever the clock says.

import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64 } from '../../shared/bytes.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { readKeyCertificate } from '../../shared/record/keys.ts'
import { scratch } from '../broker/broker.fake.ts'
import { openHubKeys } from './hub-keys.ts'
import { rotateSigningKey } from './rotate-signing-key.ts'

const authority = new Uint8Array(4)

test('the hub opens with the new key; the root stays, and the new certificate is the younger one', () => {
  const directory = scratch('hf-rotate-')
  const { path } = directory
  const before = openHubKeys(path, authority, new FakeClock(5_000))
  const issued = ({ anchor, keyCertificates }: typeof before): number =>
    readKeyCertificate(keyCertificates[0] ?? authority, fromBase64(anchor.rootKey), verify, sha256).issuedAt
  const rotated = rotateSigningKey(path, 1_000)
  const after = openHubKeys(path, authority, new FakeClock(9_000))
  assert.equal(rotated, {
    before: keyIdOf(before.signer.publicKey, sha256),
    after: keyIdOf(after.signer.publicKey, sha256),
  })
  assert.is.not(rotated.before, rotated.after)
  assert.equal(after.anchor, before.anchor)
  assert.ok(issued(after) > issued(before))
  directory.remove()
})

test('a rotation that was cut between its two files leaves a hub that starts', () => {
  const directory = scratch('hf-rotate-')
  const { path } = directory
  const before = openHubKeys(path, authority, new FakeClock(5_000))
  const old = readFileSync(`${path}/signing.key`, 'utf8')
  rotateSigningKey(path, 6_000)
  writeFileSync(`${path}/signing.key`, old)
  const after = openHubKeys(path, authority, new FakeClock(7_000))
  assert.equal(after.signer.publicKey, before.signer.publicKey)
  assert.is(after.keyCertificates.length, 1)
  directory.remove()
})

test('where no hub has ever been nothing is made', () => {
  const directory = scratch('hf-rotate-')
  const { path } = directory
  assert.throws(() => rotateSigningKey(path, 1), /there is no .*root\.key/)
  directory.remove()
})

test.run()
