// Who gets in: tokens, proofs, names, approval, and the way out.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64, toBase64Url, toHex } from '../../shared/bytes.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { parseSnapshot, unframe } from '../../shared/record/delta.ts'
import { openHead } from '../../shared/record/head.ts'
import { keyring } from '../../shared/record/keys.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import { anchorPin, credentialId, type EnrolReply, leaveProofBytes, parseJoinToken } from '../../shared/wire/enrol.ts'
import { admin, createWorld, device, enrolRequest, recordOf, resource, type World } from '../hub-world.fake.ts'

async function started(): Promise<World> {
  const world = createWorld()
  await world.start()
  return world
}

type Code = 'forbidden' | 'conflict' | 'bad-signature' | 'failed' | 'not-found' | 'invalid' | 'exhausted'

async function refused(attempt: Promise<unknown>, code: Code): Promise<void> {
  const error: unknown = await attempt.then(
    () => 'was let in',
    (reason: unknown) => reason,
  )
  assert.ok(isHoldfastError(error, code), `expected ${code}, got ${String(error)}`)
}

const usesLeft = (world: World): readonly number[] => world.hub.listTokens().map((row) => row.usesLeft)

test('the reply alone puts a device on the mesh: keys of the pinned root, a head, a set that contains it', async () => {
  const world = await started()
  const word = world.token({ uses: 1, labels: { site: 'north' } })
  const reply = await world.hub.enrol(enrolRequest(word, device(1), 'alpha', { site: 'south', role: 'pump' }))
  assert.is(reply.state, 'enrolled')
  if (reply.state !== 'enrolled') return
  const anchor = world.hub.anchor()
  assert.is(toHex(anchorPin(anchor, sha256)), toHex(parseJoinToken(word).pin))
  const keys = keyring(reply.keys.map(fromBase64), fromBase64(anchor.rootKey), verify, sha256)
  const { head, payload } = unframe(fromBase64(reply.snapshot), 1 << 24)
  assert.is(openHead(head, keys, verify).network, reply.network.id)
  assert.ok(parseSnapshot(payload).has('node/alpha'))
  assert.is(reply.broker.username, device(1).nodeId)
  assert.equal(recordOf(world, 'node/alpha')['labels'], { role: 'pump', site: 'north' })
})

test('devices that join at the same time are each given a set that its head vouches for', async () => {
  const world = await started()
  const word = world.token()
  const replies = await Promise.all(
    [1, 2, 3].map((seed) => world.hub.enrol(enrolRequest(word, device(seed), `node-${seed}`))),
  )
  for (const reply of replies) {
    if (reply.state !== 'enrolled') throw new Error('not enrolled')
    const keys = keyring(reply.keys.map(fromBase64), fromBase64(world.hub.anchor().rootKey), verify, sha256)
    const { head, payload } = unframe(fromBase64(reply.snapshot), 1 << 24)
    const tree = new MerkleTree(sha256)
    for (const [id, bytes] of parseSnapshot(payload)) tree.put(id, sha256(bytes))
    assert.is(toHex(tree.root()), openHead(head, keys, verify).root)
  }
})

test('a token is used up, expires and can be revoked; who asks can’t tell which', async () => {
  const world = await started()
  const once = world.token({ uses: 1 })
  await world.join(1, 'alpha', once)
  await refused(world.join(2, 'beta', once), 'forbidden')
  const short = world.token({ ttl: '60s' })
  world.clock.advance(60_000)
  await refused(world.join(2, 'beta', short), 'forbidden')
  const revoked = world.token()
  assert.ok(world.hub.revokeToken(parseJoinToken(revoked).id, admin))
  assert.not.ok(world.hub.revokeToken('aaaaaaaa', admin))
  await refused(world.join(2, 'beta', revoked), 'forbidden')
  const stranger = createWorld()
  await stranger.start()
  await refused(world.join(2, 'beta', stranger.token()), 'forbidden')
})

test('a secret that is wrong, short or no base64 is refused, and spends nothing', async () => {
  const world = await started()
  const request = enrolRequest(world.token({ uses: 1 }), device(1), 'alpha')
  for (const secret of [toBase64Url(new Uint8Array(32)), 'AA', '', '!!!!'])
    await refused(world.hub.enrol({ ...request, secret }), 'forbidden')
  assert.equal(usesLeft(world), [1])
})

test('the secret is nowhere in what the hub keeps', async () => {
  const world = await started()
  const { secret } = parseJoinToken(world.token())
  const kept = world.store.tokens().map((token) => toHex(token.secretHash))
  assert.equal(kept, [toHex(sha256(secret))])
})

test('nobody enrols a key that he does not hold, nor changes what was proven', async () => {
  const world = await started()
  const request = enrolRequest(world.token(), device(1), 'alpha')
  const other = enrolRequest(world.token(), device(2), 'alpha')
  await refused(world.hub.enrol({ ...request, deviceKey: other.deviceKey }), 'bad-signature')
  await refused(world.hub.enrol({ ...request, wgKey: other.wgKey }), 'bad-signature')
  await refused(world.hub.enrol({ ...request, labels: { admin: 'yes' } }), 'bad-signature')
  await refused(world.hub.enrol({ ...request, proof: other.proof }), 'bad-signature')
  assert.equal(world.hub.fleet(), [])
})

test('a device whose first reply was lost asks again with the same token, which is not spent twice', async () => {
  const world = await started()
  const word = world.token({ uses: 1 })
  const first = await world.join(1, 'alpha', word)
  const before = world.version()
  const second = await world.join(1, 'alpha', word)
  assert.equal([first.state, second.state, second.nodeId], ['enrolled', 'enrolled', first.nodeId])
  assert.equal([usesLeft(world), world.version()], [[0], before])
})

test('a device that made a new WireGuard key joins again under its own name and address', async () => {
  const world = await started()
  await world.join(1, 'alpha')
  const before = recordOf(world, 'node/alpha')
  const renewed = { ...device(1), wgKey: device(2).wgKey }
  await world.hub.enrol(enrolRequest(world.token(), renewed, 'alpha'))
  const after = recordOf(world, 'node/alpha')
  assert.equal([after['wgKey'], after['addresses']], [renewed.wgKey, before['addresses']])
  assert.equal([world.hub.fleet().length, world.revoked], [1, []])
})

test('a taken name is a conflict, a Node without a device is an invitation', async () => {
  const world = await started()
  world.hub.put(resource('Node', 'alpha', { labels: { site: 'people-said' }, addresses: ['100.80.7.7'] }), admin)
  await world.join(1, 'alpha')
  assert.equal(recordOf(world, 'node/alpha')['addresses'], ['100.80.7.7', String(world.hub.fleet()[0]?.addresses[1])])
  assert.equal(recordOf(world, 'node/alpha')['labels'], { site: 'people-said' })
  await refused(world.join(2, 'alpha'), 'conflict')
  const nameless = await world.hub.enrol(enrolRequest(world.token(), device(3)))
  assert.is(nameless.name, `node-${device(3).nodeId.slice(0, 6)}`)
})

test('a device of another network is not let in by this one’s token', async () => {
  const world = await started()
  world.hub.put(resource('Network', 'site', { cidr: '10.5.0.0/16' }), admin)
  world.hub.put(resource('Node', 'alpha', { network: 'site' }), admin)
  const word = world.token({ uses: 1 })
  await refused(world.join(1, 'alpha', word), 'conflict')
  assert.equal(usesLeft(world), [1])
})

test('a disabled Node takes no device, and the token is not spent', async () => {
  const world = await started()
  world.hub.put(resource('Node', 'alpha', { disabled: true }), admin)
  await refused(world.join(1, 'alpha', world.token({ uses: 1 })), 'forbidden')
  assert.equal(usesLeft(world), [1])
})

test('with approval, a device waits outside the set until somebody lets it in', async () => {
  const world = await started()
  const word = world.token({ uses: 1, autoApprove: false })
  assert.is((await world.join(1, 'alpha', word)).state, 'pending')
  await world.pass()
  assert.not.ok(world.records().includes('node/alpha'))
  assert.is(world.hub.fleet()[0]?.state, 'pending')
  // It asks again long after the token has expired.
  world.clock.advance(86_400_000)
  assert.is((await world.join(1, 'alpha', word)).state, 'pending')
  assert.is((await world.hub.approve('alpha', admin)).state, 'never-seen')
  assert.ok(world.records().includes('node/alpha'))
  assert.is((await world.join(1, 'alpha', word)).state, 'enrolled')
  await refused(world.hub.approve('nobody', admin), 'not-found')
  assert.ok(world.hub.audit(10).some((row) => row.verb === 'approve' && row.actor === 'admin'))
})

test('an enrolment that could not be stored leaves neither device nor a spent token', async () => {
  const world = await started()
  const word = world.token({ uses: 1 })
  const { putEnrolment } = world.store
  world.store.putEnrolment = () => {
    throw new TypeError('no space left on the device')
  }
  const error = await world.join(1, 'alpha', word).catch((reason: unknown) => reason)
  assert.instance(error, TypeError)
  assert.equal([world.hub.fleet(), world.hub.get('Node', 'alpha'), usesLeft(world)], [[], undefined, [1]])
  world.store.putEnrolment = putEnrolment
  assert.is((await world.join(1, 'alpha', word)).state, 'enrolled')
})

test('a device is not told that it is a member before the revision that says so is stored', async () => {
  const world = await started()
  const word = world.token({ uses: 1 })
  world.store.full = true
  await refused(world.join(1, 'alpha', word), 'failed')
  world.store.full = false
  assert.is((await world.join(1, 'alpha', word)).state, 'enrolled')
})

test('a full network says so to the device that joins', async () => {
  const world = await started()
  world.hub.put(resource('Network', 'tiny', { cidr: '10.5.0.0/29' }), admin)
  const word = world.token({ network: 'tiny' })
  for (let i = 1; i <= 5; i++) await world.join(i, `n${i}`, word)
  await refused(world.join(6, 'n6', word), 'exhausted')
  assert.is(world.hub.get('Node', 'n6'), undefined)
})

test('deleting a Node cuts its device off at once; its address is free, its name too', async () => {
  const world = await started()
  await world.join(1, 'alpha')
  world.hub.delete('Node', 'alpha', admin)
  await world.pass()
  assert.equal([world.revoked, world.hub.fleet()], [[device(1).nodeId], []])
  assert.not.ok(world.records().includes('node/alpha'))
  assert.equal(world.store.allocations(), [])
  assert.is((await world.join(2, 'alpha')).state, 'enrolled')
})

/** What the device says when it leaves: signed by `seed`'s device key, for the credential of `reply`. */
function goodbye(seed: number, reply: EnrolReply): Uint8Array {
  if (reply.state !== 'enrolled') throw new Error('not enrolled')
  return device(seed).signer.sign(leaveProofBytes(reply.nodeId, credentialId(reply.broker.password, sha256)))
}

test('a device that leaves keeps its Node and address for one that comes back', async () => {
  const world = await started()
  const reply = await world.join(1, 'alpha')
  const before = recordOf(world, 'node/alpha')['addresses']
  const { nodeId } = device(1)
  await refused(world.hub.leave(nodeId, goodbye(2, reply)), 'forbidden')
  await refused(world.hub.leave(device(2).nodeId, goodbye(2, reply)), 'forbidden')
  await world.hub.leave(nodeId, goodbye(1, reply))
  await world.pass()
  assert.not.ok(world.records().includes('node/alpha'))
  assert.equal(world.revoked, [nodeId])
  assert.is(
    world.hub.get('Node', 'alpha')?.status.conditions.find((one) => one.type === 'Enrolled')?.reason,
    'NotEnrolled',
  )
  await world.join(2, 'alpha')
  assert.equal(recordOf(world, 'node/alpha')['addresses'], before)
})

test('a goodbye that was recorded cuts nobody off who has joined again', async () => {
  const world = await started()
  const word = world.token()
  const first = await world.join(1, 'alpha', word)
  const recorded = goodbye(1, first)
  await world.hub.leave(device(1).nodeId, recorded)
  await refused(world.hub.leave(device(1).nodeId, recorded), 'forbidden')
  const second = await world.join(1, 'alpha', word)
  await refused(world.hub.leave(device(1).nodeId, recorded), 'forbidden')
  assert.ok(world.records().includes('node/alpha'))
  await world.hub.leave(device(1).nodeId, goodbye(1, second))
})

test('enrolments, names and addresses survive a restart', async () => {
  const world = await started()
  await world.join(1, 'alpha')
  const before = world.hub.fleet()
  await world.hub.stop()
  await world.restart()
  assert.equal(world.hub.fleet(), before)
  await refused(world.join(2, 'alpha'), 'conflict')
})

test.run()
