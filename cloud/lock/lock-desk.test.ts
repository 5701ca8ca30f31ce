// The membership lock at the hub: what it takes, what it refuses, and that nobody is cut off by it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { fakeLock, lockKeyOf, lockSigner, signLock } from '../../shared/host/lock-keys.fake.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import type { LockBundle } from '../../shared/record/lock-bundle.ts'
import { parseJoinToken } from '../../shared/wire/enrol.ts'
import { admin, createWorld, recordOf, resource, type World } from '../hub-world.fake.ts'
import { proposeEnd, proposeFirst, proposeNext, signBundle } from './signing.ts'

const network = 'default'
const noChange = { add: [], remove: [], revoke: [], pardon: [], threshold: undefined } as const

async function world(): Promise<World> {
  const made = createWorld()
  await made.start()
  await made.join(1, 'a')
  await made.join(2, 'b')
  await made.pass()
  return made
}

function bundle({ hub }: World, proposal?: LockBundle['proposal']): LockBundle {
  const { lock, members, network: of } = hub.lockView(network)
  const list = members.map(({ member, signatures }) => ({ member, signatures: [...signatures] }))
  return {
    network: of,
    ...(lock === undefined ? {} : { lock }),
    ...(proposal === undefined ? {} : { proposal }),
    members: list,
  }
}

const signed = (given: LockBundle, by: readonly number[], whom: 'all' | string[] = 'all'): LockBundle =>
  by.reduce((held, index) => signBundle(held, lockSigner(index), whom, sha256), given)

function submit(at: World, given: LockBundle, replace = false): void {
  at.hub.signMembers(network, given, replace, admin)
}

/** Two of the keys 1, 2 and 3 sign. */
async function locked(): Promise<World> {
  const made = await world()
  const proposal = proposeFirst(made.network(), [1, 2, 3].map(lockKeyOf), undefined, 1)
  submit(made, signed(bundle(made, proposal), [1, 2]))
  await made.pass()
  return made
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isHoldfastError(error)) return error.code
    throw error
  }
  return 'none'
}

const specOf = (at: World): NetworkSpec => at.hub.get('Network', network)?.resource.spec as NetworkSpec

const nodes = (at: World): string =>
  at
    .records()
    .filter((id) => id.startsWith('node/'))
    .join(' ')

test('a lock that all members are signed for comes into force in one revision, and stands in the Network', async () => {
  const at = await world()
  const before = at.version().revision
  const proposal = proposeFirst(at.network(), [1, 2, 3].map(lockKeyOf), undefined, 1)
  const whole = bundle(at, proposal)
  assert.is(
    codeOf(() => submit(at, signed(whole, [1]))),
    'untrusted',
  )
  const [a] = signed(whole, [1, 2]).members
  const half = { ...signed(whole, [1, 2], []), members: a === undefined ? [] : [a] }
  assert.is(
    codeOf(() => submit(at, half)),
    'conflict',
  )
  assert.is(at.hub.lockView(network).lock, undefined)
  submit(at, signed(whole, [1, 2]))
  await at.pass()
  assert.is(at.version().revision, before + 1)
  assert.ok(at.records().includes('lock/1'))
  assert.is((recordOf(at, 'node/a')['membership'] as unknown[]).length, 2)
  assert.equal(specOf(at).membershipLock, { keys: proposal.lock.keys, threshold: 2 })
  assert.match(JSON.stringify(at.hub.audit(5)), 'lock 1, 2 of 3 keys')
})

test('a device that joins is no member, and gets nothing, until enough keys have signed for it', async () => {
  const at = await locked()
  const token = at.token()
  const reply = await at.join(3, 'c', token)
  assert.equal([reply.state, reply.state === 'pending' && reply.awaits], ['pending', 'signatures'])
  await at.pass()
  assert.is(nodes(at), 'node/a node/b')
  assert.is(at.hub.fleet().find(({ name }) => name === 'c')?.state, 'unsigned')
  const enrolled = at.hub.get('Node', 'c')?.status.conditions.find(({ type }) => type === 'Enrolled')
  assert.is(enrolled?.reason, 'AwaitsSignatures')
  submit(at, signed(bundle(at), [3], ['c']))
  assert.is((await at.join(3, 'c', token)).state, 'pending')
  submit(at, signed(bundle(at), [1], ['c']))
  assert.is((await at.join(3, 'c', token)).state, 'enrolled')
  assert.is(nodes(at), 'node/a node/b node/c')
  assert.is(at.hub.rollOut()[0]?.nodes, 3)
})

test('signatures of strangers, wrong ones and those of another network are refused; then nothing changed', async () => {
  const at = await locked()
  await at.join(3, 'c')
  const whole = bundle(at)
  const strange = { ...whole, proposal: signLock(fakeLock({ network: at.network(), keys: [9], threshold: 1 }), []) }
  const { proposal: _, ...by9 } = signed(strange, [9], ['c'])
  assert.is(
    codeOf(() => submit(at, by9)),
    'untrusted',
  )
  const good = signed(whole, [1], ['c'])
  const twisted = {
    ...good,
    members: good.members.map(({ member, signatures }) => ({
      member,
      signatures:
        member.name === 'c'
          ? signatures.map((one) => ({ ...one, key: whole.members[0]?.signatures[1]?.key ?? '' }))
          : signatures,
    })),
  }
  assert.is(
    codeOf(() => submit(at, twisted)),
    'bad-signature',
  )
  assert.is(
    codeOf(() => submit(at, { ...good, network: { ...good.network, id: 'bbbbbbbbbbbb' as never } })),
    'untrusted',
  )
  assert.throws(() => signed(whole, [9]), /is not one of the lock/)
  assert.equal(at.hub.lockView(network).members.find(({ member }) => member.name === 'c')?.signatures, [])
})

test('only the keys change the lock; who would be cut off by a change keeps it from coming', async () => {
  const at = await locked()
  const { lock } = at.hub.lockView(network)
  assert.ok(lock)
  const change = { ...noChange, add: [lockKeyOf(4)], remove: [lockKeyOf(1)] }
  const proposal = proposeNext(lock.lock, change, sha256)
  assert.is(
    codeOf(() => submit(at, signed(bundle(at, proposal), [3, 4]))),
    'untrusted',
  )
  assert.is(
    codeOf(() => submit(at, signed(bundle(at, proposal), [2, 3], []))),
    'conflict',
  )
  submit(at, signed(bundle(at, proposal), [2, 3]))
  await at.pass()
  assert.equal(
    at.records().filter((id) => id.startsWith('lock/')),
    ['lock/1', 'lock/2'],
  )
  assert.is(nodes(at), 'node/a node/b')
  assert.is(
    codeOf(() => submit(at, signed(bundle(at, proposal), [2, 3]))),
    'untrusted',
  )
})

test('a device that the lock revokes is out, and no signature brings it back', async () => {
  const at = await locked()
  const { lock, members } = at.hub.lockView(network)
  const b = members.find(({ member }) => member.name === 'b')?.member.nodeId
  assert.ok(lock !== undefined && b !== undefined)
  submit(at, signed(bundle(at, proposeNext(lock.lock, { ...noChange, revoke: [b] }, sha256)), [1, 2]))
  await at.pass()
  assert.is(nodes(at), 'node/a')
  submit(at, signed(bundle(at), [1, 2, 3], ['b']))
  await at.pass()
  assert.is(nodes(at), 'node/a')
})

test('an end that the keys signed lets everybody in whom the hub admits, and a new lock follows it', async () => {
  const at = await locked()
  await at.join(3, 'c')
  const { lock } = at.hub.lockView(network)
  assert.ok(lock)
  const end = proposeEnd(lock.lock, sha256)
  assert.is(
    codeOf(() => submit(at, signed(bundle(at, end), [1], []))),
    'untrusted',
  )
  submit(at, signed(bundle(at, end), [1, 2], []))
  await at.pass()
  assert.is(nodes(at), 'node/a node/b node/c')
  assert.is(specOf(at).membershipLock, undefined)
  const anew = proposeNext(end.lock, { ...noChange, add: [lockKeyOf(5)], threshold: 1 }, sha256)
  submit(at, signed(bundle(at, anew), [5]))
  await at.pass()
  assert.is(nodes(at), 'node/a node/b node/c')
})

test('where the keys are lost a lock made anew begins a chain of its own, and old signatures stay beside the new ones', async () => {
  const at = await locked()
  const proposal = proposeFirst(at.network(), [lockKeyOf(8)], undefined, 2)
  const whole = signed(bundle(at, proposal), [8])
  assert.is(
    codeOf(() => submit(at, whole)),
    'untrusted',
  )
  submit(at, whole, true)
  await at.pass()
  assert.equal(
    at.records().filter((id) => id.startsWith('lock/')),
    ['lock/2'],
  )
  // Devices that trust the old lock still find the signatures they ask for.
  assert.is((recordOf(at, 'node/a')['membership'] as unknown[]).length, 3)
})

test('what people apply changes no lock, and takes no address away that is signed for', async () => {
  const at = await locked()
  const { membershipLock, ...rest } = specOf(at)
  at.hub.put(resource('Network', network, rest), admin)
  assert.equal(specOf(at).membershipLock, membershipLock)
  const weaker = { ...rest, membershipLock: { keys: [lockKeyOf(9)], threshold: 1 } }
  assert.is(
    codeOf(() => at.hub.put(resource('Network', network, weaker), admin)),
    'forbidden',
  )
  assert.is(
    codeOf(() => at.hub.put(resource('Network', network, { ...rest, cidr: '10.99.0.0/16', cidr6: undefined }), admin)),
    'conflict',
  )
  at.hub.put(resource('Node', 'a', { labels: { role: 'web' } }), admin)
  at.hub.put(resource('Node', 'b', { disabled: true }), admin)
  await at.pass()
  assert.is(nodes(at), 'node/a')
  at.hub.put(resource('Node', 'b', {}), admin)
  await at.pass()
  assert.is(nodes(at), 'node/a node/b')
})

test('locks and signatures outlive a restart, and new tokens name the lock', async () => {
  const at = await locked()
  await at.join(3, 'c')
  submit(at, signed(bundle(at), [1], ['c']))
  const records = at.records()
  at.crash()
  await at.restart()
  assert.equal(at.records(), records)
  assert.is(parseJoinToken(at.token()).lock?.length, 32)
  submit(at, signed(bundle(at), [2], ['c']))
  await at.pass()
  assert.is(nodes(at), 'node/a node/b node/c')
})

test.run()
