// A real hub signs with another key from one start to the next: a device that was there follows by the difference alone, one
// that was away by a snapshot, and neither takes anything of the old key afterwards.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { raiseEpoch } from '../../cloud/backup/raise-epoch.ts'
import type { HubOptions } from '../../cloud/hub.ts'
import {
  admin,
  createWorld,
  device as deviceNumber,
  signer as first,
  resource,
  type World,
} from '../../cloud/hub-world.fake.ts'
import { loadKeys } from '../../edge/enrol/device-keys.ts'
import { openDeviceFiles } from '../../edge/host/device-files.ts'
import { stateFiles } from '../../edge/host/files.ts'
import { createDeviceBook } from '../../edge/keys/device-book.ts'
import { createOwnDevice } from '../../edge/keys/own-device.ts'
import { createOwnFact } from '../../edge/report/own-fact.ts'
import { MemoryStore } from '../../edge/store/memory.fake.ts'
import { acceptDelta, acceptSnapshot, type Held } from '../../edge/trust/accept.ts'
import { createFactBook } from '../../edge/trust/fact-book.ts'
import { createHolding } from '../../edge/trust/holding.ts'
import { createIntake } from '../../edge/trust/intake.ts'
import type { Anchors } from '../../edge/trust/keys.ts'
import { createRootPin, keepRoot } from '../../edge/trust/root-pin.ts'
import { toBase64, utf8 } from '../../shared/bytes.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import type { Signer } from '../../shared/effects.ts'
import { generateWgPrivateKey, sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { writeAtomic } from '../../shared/host/files.ts'
import { type NodeId, parseDeviceKey } from '../../shared/ids.ts'
import { encodeDelta, encodeSnapshot } from '../../shared/record/delta.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { noVersion, signHead } from '../../shared/record/head.ts'
import { certifyKey } from '../../shared/record/keys.ts'
import { type SignedRoot, signRoot } from '../../shared/record/root.ts'

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

/** What a hub is started with once `to` has followed `roots` at the end of `links`. */
function under(to: Signer, links: readonly SignedRoot[]): Partial<HubOptions> {
  const certificates = [certifyKey(first.publicKey, 1 + links.length, to, sha256)]
  const anchor = { rootKey: parseDeviceKey(toBase64(to.publicKey)), tlsAuthority: toBase64(new Uint8Array(4)) }
  return { anchor, keyCertificates: certificates, roots: links }
}

const roots = [root, ...['second', 'third'].map((word) => signerFromSeed(sha256(utf8(`${word} root`))))] as const
const links = [1, 2].map((serial) => {
  const [from, to] = [roots[serial - 1] ?? root, roots[serial] ?? root]
  const [before, next] = [from, to].map(({ publicKey }) => parseDeviceKey(toBase64(publicKey))) as [never, never]
  return signRoot({ serial, root: before, next, issuedAt: serial }, from, to, sha256)
})

/** A device that keeps what it takes. */
function deviceOf(world: World, store = new MemoryStore()) {
  const certificates = [certifyKey(first.publicKey, 1, root, sha256)]
  const own = createRootPin({
    enrolled: parseDeviceKey(toBase64(root.publicKey)),
    file: { read: () => store.get('root-key') },
    write(text) {
      store.set('root-key', text)
      return true
    },
    onPinned: () => undefined,
  })
  const anchors: Anchors = { network: world.network(), ...own.anchors, certificates, verify, sha256 }
  const holding = keepRoot(createHolding(anchors, store, memoryLog()), own)
  holding.load()
  const intake = createIntake({
    anchors,
    holding,
    store,
    keep: { write: (_, run) => (run(), true), journal: () => undefined },
    health: { raise: () => undefined },
    clock: world.clock,
    log: memoryLog(),
    onTaken: () => undefined,
  })
  const exportNow = (): Uint8Array => {
    const held = holding.held()
    if (held === undefined) throw new assert.Assertion({ message: 'nothing is held', operator: 'ok' } as never)
    return encodeSnapshot(held.records, held.envelope)
  }
  return { anchors, exported: exportNow, holding, intake, own, store }
}

test('the root changes twice: who is there follows by the difference, who was away by a file of another device', async () => {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.pass()
  const [there, away] = [deviceOf(world), deviceOf(world)]
  for (const { intake } of [there, away]) intake.offer('snapshot', snapshot(world), { by: 'hub' })
  for (const serial of [1, 2]) {
    await world.hub.stop()
    await world.restart(under(roots[serial] ?? root, links.slice(0, serial)))
    await world.pass()
    const from = there.holding.held()?.version ?? noVersion
    for (const { del, head, put, version } of world.store.revisionsSince(world.network(), from)) {
      const held = there.holding.held()?.version ?? noVersion
      there.intake.offer('delta', encodeDelta({ from: held, to: version, put, del }, head), { by: 'hub' })
    }
    assert.equal(there.own.pin(), { key: (roots[serial] ?? root).publicKey, serial })
  }
  assert.is(away.own.pin().serial, 0)
  assert.ok(away.intake.offer('snapshot', there.exported(), { by: 'file' }))
  assert.equal(away.own.pin(), there.own.pin())
  // Read back after a restart, from what was pinned.
  const again = deviceOf(world, away.store)
  assert.equal([again.own.pin().serial, again.holding.held()?.version], [2, published(world).version])
  await world.hub.stop()
})

test('a hub that was restored from before a rotation is refused, until it is given the keys from after it', async () => {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.pass()
  const there = deviceOf(world)
  there.intake.offer('snapshot', snapshot(world), { by: 'hub' })
  await world.hub.stop()
  await world.restart(under(roots[1] ?? root, links.slice(0, 1)))
  await world.pass()
  there.intake.offer('snapshot', snapshot(world), { by: 'hub' })
  await world.hub.stop()
  // The backup has the records of then as well, but what a hub starts with are its keys.
  raiseEpoch(world.store)
  await world.restart({})
  await world.pass()
  assert.throws(() => there.intake.offer('snapshot', snapshot(world), { by: 'hub' }), /was left behind here/)
  await world.hub.stop()
  await world.restart(under(roots[1] ?? root, links.slice(0, 1)))
  await world.pass()
  assert.ok(there.intake.offer('snapshot', snapshot(world), { by: 'hub' }))
  await world.hub.stop()
})

/** A peer of `alpha`: which device key it knows it by, from the hub's records and from what others say. */
function peerOf(world: World, alpha: NodeId) {
  const { holding, intake } = deviceOf(world)
  const record = () => holding.inForce()?.parsed.records.nodes.find(({ nodeId }) => nodeId === alpha)
  const book = createDeviceBook({
    network: world.network(),
    verify,
    log: memoryLog(),
    recorded: (node) =>
      node === alpha ? { key: need(record()).deviceKey, serial: record()?.deviceSerial ?? 0 } : undefined,
    isLocked: () => false,
  })
  const facts = createFactBook({
    store: new MemoryStore(),
    log: memoryLog(),
    sha256,
    verify,
    keyOf: (node) => book.keyOf(node),
    onLinks: (node, led) => void book.hear(node, led),
    onRefused: () => undefined,
  })
  return {
    facts,
    keyOf: () => book.keyOf(alpha),
    follow() {
      intake.offer('snapshot', snapshot(world), { by: 'hub' })
      book.membersChanged()
      facts.membersChanged()
    },
  }
}

function need<T>(one: T | undefined): T {
  if (one === undefined) throw new assert.Assertion({ message: 'it is not there', operator: 'ok' } as never)
  return one
}

test('a device changes its device key without the hub: a peer goes by it at once, the hub takes it, and the former one ends', async () => {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.pass()
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-rotation-'))
  try {
    const { nodeId } = deviceNumber(1)
    const files = stateFiles(directory)
    const seed = sha256(utf8('device 1'))
    writeAtomic(files.deviceKey, `${toBase64(seed)}\n`)
    const keys = openDeviceFiles(files, world.clock, { network: world.network(), node: nodeId })
    const peer = peerOf(world, nodeId)
    peer.follow()
    const pin = () => ({ key: need(peer.keyOf()), serial: 0 })
    const own = createOwnDevice({
      node: nodeId,
      signer: keys.signer,
      files: keys,
      clock: world.clock,
      log: memoryLog(),
      book: { state: () => undefined, forked: () => [] },
      keep: { journal: () => undefined },
      recorded: pin,
      isLocked: () => false,
    })
    const voice = (signer: Signer, led: boolean, boot: number) => {
      const inFront = () => (led ? own.links() : [])
      const fact = createOwnFact({ node: nodeId, signer, sha256, clock: world.clock, boot, links: inFront })
      return fact.compose([], 51_820, false, [], { natType: 'unknown', mapped: [], relays: [] } as never)
    }
    const former = signerFromSeed(seed)
    own.rotate()
    // The hub is away: the peer hears it from the device, or from anybody who passes it on.
    assert.ok(peer.facts.offer(nodeId, voice(keys.signer, true, 1)))
    assert.is(peer.keyOf(), own.key())
    assert.is(peer.facts.offer(nodeId, voice(former, false, 9)), undefined)
    // It is back.
    await world.say(nodeId, 'fact', voice(keys.signer, true, 1))
    await world.pass()
    const away = peerOf(world, nodeId)
    for (const one of [peer, away]) {
      one.follow()
      assert.is(one.keyOf(), own.key(), 'the record has it')
      assert.ok(one.facts.offer(nodeId, voice(keys.signer, false, 2)), 'no link is asked for any more')
      const stolen = voice(former, false, 99)
      assert.is(one.facts.offer(nodeId, stolen), undefined)
    }
    await world.say(nodeId, 'fact', voice(former, false, 99))
    await world.pass()
    assert.is(world.hub.fleet()[0]?.fact?.boot, 1)
    // The next start of the agent is the same node under the new key.
    writeAtomic(files.wgKey, `${generateWgPrivateKey()}\n`)
    const loaded = need(loadKeys(files))
    assert.equal([loaded.nodeId, loaded.deviceKey], [nodeId, own.key()])
  } finally {
    rmSync(directory, { recursive: true })
    await world.hub.stop()
  }
})

test.run()
