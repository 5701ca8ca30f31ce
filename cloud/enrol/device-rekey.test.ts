// A device shows that another device key follows its own: what the hub takes into intent, what the former key is worth from then
// on, and everything that changes nothing.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../../shared/bytes.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { type Fact, sealFact } from '../../shared/fact/fact.ts'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { lockKeyOf, lockSigner } from '../../shared/host/lock-keys.fake.ts'
import { parseDeviceKey } from '../../shared/ids.ts'
import { leadBy, signDeviceLink } from '../../shared/record/device-link.ts'
import type { LockBundle } from '../../shared/record/lock-bundle.ts'
import { parseRecord } from '../../shared/record/record.ts'
import { anchorPin } from '../../shared/wire/enrol.ts'
import { renewProofBytes } from '../../shared/wire/renew.ts'
import { originOf } from '../compile/decompile.ts'
import { admin, createWorld, type Device, device, enrolRequest, recordOf, type World } from '../hub-world.fake.ts'
import { proposeEnd, proposeFirst, signBundle } from '../lock/signing.ts'

const [first, second, next, later, thief] = [device(1), device(2), device(31), device(32), device(33)]
const keyOf = ({ signer }: Device) => parseDeviceKey(toBase64(signer.publicKey))

async function started(): Promise<World> {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.join(2, 'beta')
  await world.pass()
  return world
}

const link = (world: World, serial: number, from: Device, to: Device, of = first): Uint8Array =>
  signDeviceLink(serial, from.signer, to.signer, { network: world.network(), node: of.nodeId })

/** `alpha` says something under `by`, with `links` in front. */
async function say(world: World, by: Device, seq: number, links: readonly Uint8Array[] = []): Promise<void> {
  const fact: Fact = {
    node: first.nodeId,
    boot: 1,
    seq,
    candidates: [],
    observed: [],
    relays: [],
    natType: 'unknown',
    at: seq,
  }
  await world.say(first.nodeId, 'fact', leadBy(links, sealFact(fact, by.signer, sha256)))
  await world.pass()
}

const recorded = (world: World): readonly unknown[] => {
  const { deviceKey, deviceSerial, nodeId } = recordOf(world, 'node/alpha')
  return [deviceKey, deviceSerial, nodeId]
}
const heard = (world: World): number | undefined => world.hub.fleet().find(({ name }) => name === 'alpha')?.fact?.seq
const verbs = (world: World, verb: string) => world.hub.audit(100).filter((row) => row.verb === verb)

async function rotated(): Promise<World> {
  const world = await started()
  await say(world, first, 50)
  await say(world, next, 1, [link(world, 1, first, next)])
  return world
}

async function refused(attempt: Promise<unknown>, code: 'forbidden' | 'conflict'): Promise<void> {
  const error: unknown = await attempt.then(
    () => 'was let in',
    (reason: unknown) => reason,
  )
  assert.ok(isHoldfastError(error, code), `expected ${code}, got ${String(error)}`)
}

test('a key that follows is taken into the record of the same node, once, and stands in the audit log', async () => {
  const world = await started()
  await say(world, first, 50)
  const before = world.version().revision
  await say(world, next, 1, [link(world, 1, first, next)])
  assert.equal(recorded(world), [keyOf(next), 1, first.nodeId])
  assert.is(world.version().revision, before + 1)
  assert.is(heard(world), 1, 'its word counts, however far the former key had counted')
  const [row] = verbs(world, 'rotate-device-key')
  assert.equal([row?.actor, row?.target], ['alpha', 'node/alpha'])
  assert.match(row?.detail ?? '', /serial 1/)
  await say(world, next, 2, [link(world, 1, first, next)])
  assert.is(world.version().revision, before + 1)
})

test('the former key is worth nothing from then on: neither for a word nor to name another', async () => {
  const world = await rotated()
  await say(world, first, 99)
  assert.is(heard(world), 1)
  await say(world, thief, 99, [link(world, 9, first, thief)])
  assert.equal(recorded(world), [keyOf(next), 1, first.nodeId])
  assert.is(heard(world), 1)
})

test('several changes while the hub was away come at once, in whatever order', async () => {
  const world = await started()
  await say(world, later, 1, [link(world, 2, next, later), link(world, 1, first, next)])
  assert.equal(recorded(world), [keyOf(later), 2, first.nodeId])
})

test('it outlives a restart, and a hub that has a backup from before is led on again', async () => {
  const world = await rotated()
  world.crash()
  await world.restart()
  assert.equal(recorded(world), [keyOf(next), 1, first.nodeId])
  const record = parseRecord(world.store.published(world.network())?.records.get('node/alpha') ?? new Uint8Array())
  const enrolment = originOf(record, 'default' as never, 1)?.enrolment
  assert.equal([enrolment?.deviceKey, enrolment?.deviceSerial, enrolment?.nodeId], [keyOf(next), 1, first.nodeId])
})

test('a link to another device’s key changes nothing, and is written down once', async () => {
  const world = await started()
  await say(world, first, 1, [link(world, 1, first, second)])
  await say(world, first, 2, [link(world, 1, first, second)])
  assert.equal(recorded(world), [keyOf(first), undefined, first.nodeId])
  assert.is(verbs(world, 'rotate-device-key-refused').length, 1)
})

test('a link back to a key that the device had is not followed, whether it comes along or later', async () => {
  const world = await started()
  await say(world, next, 1, [link(world, 1, first, next), link(world, 2, next, first)])
  assert.equal(recorded(world), [keyOf(next), 1, first.nodeId])
  await say(world, next, 2, [link(world, 2, next, first)])
  assert.equal(recorded(world), [keyOf(next), 1, first.nodeId])
  assert.match(verbs(world, 'rotate-device-key-refused')[0]?.detail ?? '', /had that key before/)
})

test('a link that was signed for another device, or by nobody who has the former key, leads nowhere', async () => {
  const world = await started()
  await say(world, first, 1, [link(world, 1, first, next, second), link(world, 1, thief, next)])
  assert.equal(recorded(world), [keyOf(first), undefined, first.nodeId])
})

test('nobody joins with a key that was left behind, nor a second time with the present one', async () => {
  const world = await rotated()
  await refused(world.hub.enrol(enrolRequest(world.token(), first, 'alpha')), 'conflict')
  await refused(world.hub.enrol(enrolRequest(world.token(), next, 'gamma')), 'conflict')
  assert.equal(recorded(world), [keyOf(next), 1, first.nodeId])
})

test('new credentials are for who has the present key, or shows how it follows from the one that is known here', async () => {
  const request = (world: World, who: Device, links?: readonly Uint8Array[]) => {
    const challenge = world.hub.challenge(first.nodeId)
    const bytes = renewProofBytes(first.nodeId, challenge, anchorPin(world.hub.anchor(), sha256))
    const shown = links === undefined ? {} : { links: links.map((one) => toBase64(one)) }
    return { nodeId: first.nodeId, challenge: toBase64(challenge), proof: toBase64(who.signer.sign(bytes)), ...shown }
  }
  const before = await started()
  await refused(before.hub.renew(request(before, next)), 'forbidden')
  await refused(before.hub.renew(request(before, next, [link(before, 1, thief, next)])), 'forbidden')
  assert.is((await before.hub.renew(request(before, next, [link(before, 1, first, next)]))).state, 'renewed')
  const after = await rotated()
  await refused(after.hub.renew(request(after, first)), 'forbidden')
  await refused(after.hub.renew(request(after, thief, [link(after, 5, first, thief)])), 'forbidden')
  assert.is((await after.hub.renew(request(after, next, [link(after, 1, first, next)]))).state, 'renewed')
})

function bundleOf(world: World, more: object = {}): LockBundle {
  const { lock, members, network } = world.hub.lockView('default')
  const list = members.map(({ links, member, signatures }) => ({
    member,
    signatures: [...signatures],
    ...(links === undefined ? {} : { links: [...links] }),
  }))
  return { network, ...(lock === undefined ? {} : { lock }), ...more, members: list }
}

async function locked(): Promise<World> {
  const world = await started()
  const proposal = proposeFirst(world.network(), [lockKeyOf(1)], 1, 1)
  world.hub.signMembers(
    'default',
    signBundle(bundleOf(world, { proposal }), lockSigner(1), 'all', sha256),
    false,
    admin,
  )
  await world.pass()
  return world
}

const sign = async (world: World, bundle = bundleOf(world)): Promise<void> => {
  world.hub.signMembers('default', signBundle(bundle, lockSigner(1), 'all', sha256), false, admin)
  await world.pass()
}

test('under a membership lock the device asks, and has the key once people have signed', async () => {
  const world = await locked()
  await say(world, first, 1, [link(world, 1, first, next)])
  assert.equal(recorded(world), [keyOf(first), undefined, first.nodeId])
  assert.is(heard(world), 1, 'it goes on by its present key')
  await say(world, first, 2, [link(world, 1, first, next)])
  assert.is(verbs(world, 'ask-device-key').length, 1)
  world.crash()
  await world.restart()
  const asked = world.hub.lockView('default').members.filter(({ asksDeviceKey }) => asksDeviceKey)
  assert.equal(
    asked.map(({ member, verdict }) => [member.name, member.deviceKey, verdict]),
    [['alpha', keyOf(next), 'unsigned']],
  )
  await sign(world)
  assert.equal(recorded(world), [keyOf(next), 1, first.nodeId])
  assert.is(verbs(world, 'rotate-device-key').length, 1)
  assert.equal(
    world.hub.lockView('default').members.map(({ member, verdict }) => [member.name, member.deviceKey, verdict]),
    [
      ['alpha', keyOf(next), 'admitted'],
      ['beta', keyOf(second), 'admitted'],
    ],
  )
  await say(world, next, 3)
  assert.is(heard(world), 3)
})

test('nobody signs for a device key that the device has not shown to follow', async () => {
  const world = await locked()
  await say(world, first, 1, [link(world, 1, first, next)])
  const bundle = bundleOf(world)
  const swapped = {
    ...bundle,
    members: bundle.members.map((one) =>
      one.member.deviceKey === keyOf(next) ? { ...one, member: { ...one.member, deviceKey: keyOf(thief) } } : one,
    ),
  }
  assert.is(faultOf(() => signBundle(swapped, lockSigner(1), 'all', sha256)).code, 'untrusted')
  assert.equal(recorded(world), [keyOf(first), undefined, first.nodeId])
})

test('a lock that ends while a key is asked for lets the device have it', async () => {
  const world = await locked()
  await say(world, first, 1, [link(world, 1, first, next)])
  const lock = world.hub.lockView('default').lock?.lock
  assert.ok(lock)
  await sign(world, bundleOf(world, { proposal: proposeEnd(lock, sha256) }))
  await say(world, first, 2, [link(world, 1, first, next)])
  assert.equal(recorded(world), [keyOf(next), 1, first.nodeId])
})

test('who signs for members is shown how the present key follows from the one that the id is of, and signs nothing else', async () => {
  const world = await rotated()
  const proposal = proposeFirst(world.network(), [lockKeyOf(1)], 1, 1)
  const bundle = bundleOf(world, { proposal })
  const without = { ...bundle, members: bundle.members.map(({ member, signatures }) => ({ member, signatures })) }
  assert.is(faultOf(() => signBundle(without, lockSigner(1), 'all', sha256)).code, 'untrusted')
  const forged = {
    ...bundle,
    members: bundle.members.map((one) => ({ ...one, member: { ...one.member, deviceKey: keyOf(thief) } })),
  }
  assert.is(faultOf(() => signBundle(forged, lockSigner(1), 'all', sha256)).code, 'untrusted')
  world.hub.signMembers('default', signBundle(bundle, lockSigner(1), 'all', sha256), false, admin)
  await world.pass()
  assert.equal(recorded(world), [keyOf(next), 1, first.nodeId], 'and it is a member')
  // A hub that was made anew from what devices hold has no links: what people signed before vouches for the key.
  const signed = bundleOf(world)
  const bare = { ...signed, members: signed.members.map(({ member, signatures }) => ({ member, signatures })) }
  assert.is(signBundle(bare, lockSigner(1), 'all', sha256).members.length, 2)
})

test.run()
