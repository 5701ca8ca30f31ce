// Back in by the device key alone: who is let in, and everything that opens nothing.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, toBase64, utf8 } from '../../shared/bytes.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { lockKeyOf, lockSigner } from '../../shared/host/lock-keys.fake.ts'
import type { LockBundle } from '../../shared/record/lock-bundle.ts'
import { anchorPin, credentialId } from '../../shared/wire/enrol.ts'
import { type RenewRequest, renewProofBytes } from '../../shared/wire/renew.ts'
import type { BrokerAccess } from '../broker-access.ts'
import { admin, createWorld, type Device, device, resource, type World } from '../hub-world.fake.ts'
import { proposeFirst, signBundle } from '../lock/signing.ts'

const first = device(1)

/** With the credentials as the broker keeps them. */
async function started() {
  const kept = new Map<string, Uint8Array>()
  const brokerAccess: BrokerAccess = {
    allow: async (node, _network, password) => void kept.set(node, credentialId(password, sha256)),
    revoke: async (node) => void kept.delete(node),
    suspend: async () => undefined,
    resume: async () => undefined,
    credential: (node) => kept.get(node),
  }
  const world = createWorld({ brokerAccess })
  await world.start()
  await world.join(1, 'alpha')
  return { world, kept }
}

function requestOf(world: World, who: Device = first, challenge = world.hub.challenge(who.nodeId)): RenewRequest {
  const pin = anchorPin(world.hub.anchor(), sha256)
  const proof = toBase64(who.signer.sign(renewProofBytes(who.nodeId, challenge, pin)))
  return { nodeId: who.nodeId, challenge: toBase64(challenge), proof }
}

async function refused(attempt: Promise<unknown>, code: 'forbidden' | 'rate-limited' = 'forbidden'): Promise<void> {
  const error: unknown = await attempt.then(
    () => 'was let in',
    (reason: unknown) => reason,
  )
  assert.ok(isHoldfastError(error, code), `expected ${code}, got ${String(error)}`)
}

test('a member whose credentials are lost is given new ones, which the broker knows; it stands in the audit log', async () => {
  const { kept, world } = await started()
  kept.clear()
  const { broker, state } = await world.hub.renew(requestOf(world))
  assert.is(state, 'renewed')
  assert.is(broker.username, first.nodeId)
  assert.equal(kept.get(first.nodeId), credentialId(broker.password, sha256))
  const [row] = world.hub.audit(1)
  assert.equal([row?.actor, row?.verb, row?.target], ['alpha', 'renew', 'node/alpha'])
})

test('a request that was used opens nothing again, nor does its challenge, also where both come at once', async () => {
  const { world } = await started()
  const request = requestOf(world)
  const both = await Promise.allSettled([world.hub.renew(request), world.hub.renew(request)])
  assert.equal(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  await refused(world.hub.renew(request))
})

test('a challenge ends by itself, and by the end of the hub’s process', async () => {
  const { world } = await started()
  const [early, late] = [requestOf(world), requestOf(world)]
  world.clock.advance(119_000)
  await world.hub.renew(early)
  world.clock.advance(2_000)
  await refused(world.hub.renew(late))
  const fresh = requestOf(world)
  world.crash()
  await world.restart()
  await refused(world.hub.renew(fresh))
})

test('nobody gets in with another’s challenge, another key, another hub’s proof, or bytes of his own making', async () => {
  const { kept, world } = await started()
  await world.join(2, 'beta')
  const before = new Map(kept)
  const good = requestOf(world)
  const other = device(2)
  const challenge = world.hub.challenge(first.nodeId)
  const foreignPin = toBase64(first.signer.sign(renewProofBytes(first.nodeId, challenge, new Uint8Array(32))))
  const byOther = toBase64(
    other.signer.sign(renewProofBytes(first.nodeId, challenge, anchorPin(world.hub.anchor(), sha256))),
  )
  const forged = concat(new Uint8Array(8).fill(0x1f), new Uint8Array(48))
  for (const request of [
    requestOf(world, first, world.hub.challenge(other.nodeId)),
    { ...good, nodeId: other.nodeId },
    { nodeId: first.nodeId, challenge: toBase64(challenge), proof: foreignPin },
    { nodeId: first.nodeId, challenge: toBase64(challenge), proof: byOther },
    requestOf(world, first, forged),
    requestOf(world, first, new Uint8Array(0)),
    requestOf(world, first, utf8('x'.repeat(56))),
  ])
    await refused(world.hub.renew(request))
  assert.equal(kept, before)
  await world.hub.renew(good)
})

test('who was removed, is disabled, waits for approval or never was gets none, and looks the same before he proves himself', async () => {
  const { kept, world } = await started()
  assert.is(world.hub.challenge(device(9).nodeId).length, world.hub.challenge(first.nodeId).length)
  await refused(world.hub.renew(requestOf(world, device(9))))
  await world.join(3, 'waits', world.token({ autoApprove: false }))
  await refused(world.hub.renew(requestOf(world, device(3))))
  world.hub.put(resource('Node', 'alpha', { disabled: true }), admin)
  await refused(world.hub.renew(requestOf(world)))
  world.hub.put(resource('Node', 'alpha', { disabled: false }), admin)
  await world.hub.renew(requestOf(world))
  world.hub.delete('Node', 'alpha', admin)
  await refused(world.hub.renew(requestOf(world)))
  assert.equal([...kept.keys()], [])
})

test('who waits for signatures by the membership lock gets none until they are there', async () => {
  const { world } = await started()
  await world.pass()
  const sign = (more: Pick<LockBundle, 'proposal'>): void => {
    const { lock, members, network } = world.hub.lockView('default')
    const list = members.map(({ member, signatures }) => ({ member, signatures: [...signatures] }))
    const bundle = { network, ...(lock === undefined ? {} : { lock }), ...more, members: list }
    world.hub.signMembers('default', signBundle(bundle, lockSigner(1), 'all', sha256), false, admin)
  }
  sign({ proposal: proposeFirst(world.network(), [lockKeyOf(1)], 1, 1) })
  await world.pass()
  assert.is((await world.join(2, 'beta')).state, 'pending')
  await refused(world.hub.renew(requestOf(world, device(2))))
  await world.hub.renew(requestOf(world))
  sign({})
  await world.hub.renew(requestOf(world, device(2)))
})

test('two devices with one identity do not take the credentials from each other without end', async () => {
  const { world } = await started()
  await world.hub.renew(requestOf(world))
  await world.hub.renew(requestOf(world))
  await refused(world.hub.renew(requestOf(world)), 'rate-limited')
  world.clock.advance(60_000)
  await world.hub.renew(requestOf(world))
})

test.run()
