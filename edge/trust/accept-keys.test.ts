// Which keys a device takes a set from, as they come and go.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../../shared/bytes.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { certifyKey } from '../../shared/record/keys.ts'
import { FakeHub, testSigner } from '../link/hub.fake.ts'
import { begin, c, codeOf } from './accept.fake.ts'
import { acceptDelta, acceptHead, acceptSnapshot, type Held, openHeld } from './accept.ts'

test('a key that the set brings may sign the next revision; one it drops may not', () => {
  const { hub, held } = begin()
  const old = hub.signer
  const young = testSigner(3)
  const { anchors } = hub
  hub.putKey(old, 1).putKey(young, 2).commit()
  const both = acceptDelta(anchors, held, hub.delta(held.version) ?? new Uint8Array()).next
  hub.signer = young
  hub.remove(`key/${keyIdOf(old.publicKey, sha256)}`).commit()
  const rotated = acceptDelta(anchors, both, hub.delta(both.version) ?? new Uint8Array()).next
  const reread = { head: rotated.envelope, version: rotated.version, records: rotated.records }
  assert.equal([...openHeld(anchors, reread).ring.keys.keys()], [keyIdOf(young.publicKey, sha256)])
  hub.signer = old
  hub.putNode(c).commit()
  assert.is(
    codeOf(() => acceptHead(anchors, rotated, hub.latest.head)),
    'untrusted',
  )
  assert.is(
    codeOf(() => acceptSnapshot(anchors, rotated, hub.snapshot())),
    'untrusted',
  )
  hub.putKey(old, 1).commit()
  assert.is(
    codeOf(() => acceptSnapshot(anchors, rotated, hub.snapshot())),
    'untrusted',
    'a removed key stays removed',
  )
})

test('a device that slept through a rotation learns the new key from the snapshot', () => {
  const { hub, held } = begin()
  const { anchors } = hub
  hub.signer = testSigner(3)
  hub.putKey(hub.signer, 2).commit()
  assert.is(
    codeOf(() => acceptHead(anchors, held, hub.latest.head)),
    'untrusted',
  )
  assert.is(acceptSnapshot(anchors, held, hub.snapshot()).next.version.revision, 2)
})

test('a delta may bring the key that signs it, if the root certified it later than all that are held', () => {
  const { hub, held } = begin()
  const { anchors } = hub
  const old = hub.signer
  const delta = (from: Held): Uint8Array => hub.delta(from.version) ?? new Uint8Array()
  hub.signer = testSigner(3)
  hub.putKey(hub.signer, 2).commit()
  const rotated = acceptDelta(anchors, held, delta(held)).next
  assert.equal([...rotated.ring.keys.keys()], [keyIdOf(hub.signer.publicKey, sha256)])
  // The old one is no newcomer: it was certified earlier.
  hub.signer = old
  hub.putKey(old, 1).commit()
  assert.is(
    codeOf(() => acceptDelta(anchors, rotated, delta(rotated))),
    'untrusted',
  )
})

test('a delta that brings a key which the root did not certify, or no key, is refused', () => {
  for (const root of [testSigner(66), undefined]) {
    const { hub, held } = begin()
    const { anchors } = hub
    const young = testSigner(3)
    const envelope = toBase64(certifyKey(young.publicKey, 2, root ?? hub.root, sha256))
    hub.signer = young
    if (root !== undefined) hub.put(`key/${keyIdOf(young.publicKey, sha256)}`, { envelope })
    hub.putNode(c).commit()
    assert.throws(() => acceptDelta(anchors, held, hub.delta(held.version) ?? new Uint8Array()))
    assert.is(held.version.revision, 1)
  }
})

test('a key that the root did not certify keeps the set out', () => {
  const { hub, held } = begin()
  const { anchors } = hub
  const thief = new FakeHub()
  Object.assign(thief, { root: testSigner(66) })
  const stranger = testSigner(8)
  const id = `key/${keyIdOf(stranger.publicKey, sha256)}`
  hub.put(id, { envelope: Buffer.from(thief.certificate(stranger, 9)).toString('base64') }).commit()
  assert.is(
    codeOf(() => acceptSnapshot(anchors, held, hub.snapshot())),
    'untrusted',
  )
})

test.run()
