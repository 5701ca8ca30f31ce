// A real hub signs with another key from one start to the next: a device that was there follows by the difference alone, one
// that was away by a snapshot, and neither takes anything of the old key afterwards.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { admin, createWorld, signer as first, resource, type World } from '../../cloud/hub-world.fake.ts'
import { acceptDelta, acceptSnapshot, type Held } from '../../edge/trust/accept.ts'
import type { Anchors } from '../../edge/trust/keys.ts'
import { utf8 } from '../../shared/bytes.ts'
import { sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { encodeDelta, encodeSnapshot } from '../../shared/record/delta.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { signHead } from '../../shared/record/head.ts'
import { certifyKey } from '../../shared/record/keys.ts'

const root = signerFromSeed(sha256(utf8('root')))
const second = signerFromSeed(sha256(utf8('the next signing key')))
const certificate = certifyKey(second.publicKey, 2, root, sha256)

function published(world: World) {
  const held = world.store.published(world.network())
  if (held === undefined) throw new assert.Assertion({ message: 'nothing is published', operator: 'ok' } as never)
  return held
}

const snapshot = (world: World): Uint8Array => encodeSnapshot(published(world).records, published(world).head)

/** What the hub would send a device that holds `held`: one difference after the other. */
function follow(world: World, anchors: Anchors, held: Held): Held {
  let reached = held
  for (const { del, head, put, version } of world.store.revisionsSince(world.network(), held.version)) {
    const frame = encodeDelta({ from: reached.version, to: version, put, del }, head)
    reached = acceptDelta(anchors, reached, frame).next
  }
  return reached
}

test('a device follows a hub to its next signing key, and leaves the old one behind', async () => {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.pass()
  const certificates = [certifyKey(first.publicKey, 1, root, sha256)]
  const anchors: Anchors = { network: world.network(), root: root.publicKey, certificates, verify, sha256 }
  const held = acceptSnapshot(anchors, undefined, snapshot(world)).next
  await world.hub.stop()
  await world.restart({ signer: second, keyCertificates: [certificate] })
  world.hub.put(resource('Node', 'alpha', { labels: { role: 'web' } }), admin)
  await world.pass()
  const after = follow(world, anchors, held)
  assert.equal([...after.ring.keys.keys()], [keyIdOf(second.publicKey, sha256)])
  assert.equal(after.version, published(world).version)
  const away = acceptSnapshot(anchors, held, snapshot(world)).next
  assert.equal(away.head, after.head)
  // Whoever has the old key can sign what they like.
  const { revision } = after.version
  const stolen = { ...after.head, revision: revision + 1, keyId: keyIdOf(first.publicKey, sha256) }
  const envelope = signHead(stolen, first, sha256)
  const to = { epoch: after.version.epoch, revision: revision + 1 }
  const forged = encodeDelta({ from: after.version, to, put: new Map(), del: [] }, envelope)
  assert.throws(() => acceptDelta(anchors, after, forged), /unknown key/)
  assert.throws(() => acceptSnapshot(anchors, after, encodeSnapshot(published(world).records, envelope)), /unknown key/)
  await world.hub.stop()
})

test.run()
