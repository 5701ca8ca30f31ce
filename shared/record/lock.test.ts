// Who may change a lock, and whom it admits: every way to have too little.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import { toBase64, utf8 } from '../bytes.ts'
import { sha256, signerFromSeed, verify } from '../host/crypto.ts'
import { fakeLock, lockKeyOf, signLock, signMember } from '../host/lock-keys.fake.ts'
import { base32, parseDeviceKey, parseName, parseNetworkId, parseNodeId } from '../ids.ts'
import { parseWith } from '../intent/resource.ts'
import { firstLock, followLocks, lockSchema, mayFollow, type SignedLock } from './lock.ts'
import { createJudge, type Judge, type Member } from './member.ts'
import { fakeWgKey } from './parsed.fake.ts'
import { encodeRecord, type NodeBody, parseRecord } from './record.ts'

const scope = { sha256, verify }
const network = parseNetworkId('aaaaaaaaaaaa')
const elsewhere = parseNetworkId('bbbbbbbbbbbb')
const first = fakeLock({ network, keys: [1, 2, 3], threshold: 2 })
const next = fakeLock({ network, keys: [2, 3, 4], threshold: 2, after: first })

const deviceSigner = signerFromSeed(sha256(utf8('device')))
const member: Member = {
  name: parseName('pump'),
  nodeId: parseNodeId(base32(sha256(deviceSigner.publicKey), 16)),
  deviceKey: parseDeviceKey(toBase64(deviceSigner.publicKey)),
  wgKey: fakeWgKey(3),
  addresses: [parseAddress('10.7.0.3')],
}
const node = (membership: NodeBody['membership'], change: Partial<NodeBody> = {}): NodeBody => ({
  ...member,
  labels: {},
  advertise: [],
  ...(membership === undefined ? {} : { membership }),
  ...change,
})
const judge = (lock = first): Judge => createJudge(lock, scope)

for (const [what, offered, may] of [
  ['signed by enough of both', signLock(next, [2, 3]), true],
  ['by one key, and by one that is new', signLock(next, [2, 4]), false],
  ['by one key twice', signLock(next, [2, 2]), false],
  ['by keys of the old lock that do not belong to the new one', signLock(next, [1, 2]), false],
  ['by nobody', signLock(next, []), false],
  ['by the old ones, of another network', signLock({ ...next, network: elsewhere }, [2, 3]), false],
  ['two steps ahead', signLock({ ...next, serial: 3 }, [2, 3]), false],
  [
    'after another lock than this',
    signLock(fakeLock({ network, keys: [2, 3, 4], threshold: 2, serial: 2 }), [2, 3]),
    false,
  ],
  ['the end, signed by enough', signLock(fakeLock({ network, keys: [], threshold: 0, after: first }), [1, 3]), true],
  ['the end, signed by one', signLock(fakeLock({ network, keys: [], threshold: 0, after: first }), [1]), false],
] as const) {
  test(`a lock may ${may ? '' : 'not '}follow: ${what}`, () => assert.is(mayFollow(first, offered, scope), may))
}

test('a signature over one lock is none over another', () => {
  const { signatures } = signLock(next, [2, 3])
  assert.not(mayFollow(first, { lock: { ...next, threshold: 1 }, signatures }, scope))
})

test('a chain is followed as far as it holds, in any order, and never back', () => {
  const third = fakeLock({ network, keys: [4], threshold: 1, after: next })
  const chain = [signLock(third, [3, 4, 2]), signLock(first, [1, 2]), signLock(next, [2, 3])]
  assert.equal(followLocks(first, chain, scope), third)
  assert.equal(followLocks(third, chain, scope), third)
  assert.equal(followLocks(first, chain.slice(0, 2), scope), first)
  // After an end a new lock needs nothing but its own keys.
  const end = fakeLock({ network, keys: [], threshold: 0, after: third })
  const anew = fakeLock({ network, keys: [7], threshold: 1, after: end })
  assert.equal(followLocks(third, [signLock(anew, [7]), signLock(end, [4])], scope), anew)
  assert.equal(followLocks(third, [signLock(anew, [7])], scope), third)
})

test('the first lock a device believes is one that its own keys signed, of its network', () => {
  assert.equal(firstLock([signLock(first, [1, 2])], network, scope), first)
  assert.is(firstLock([signLock(first, [1])], network, scope), undefined)
  assert.is(firstLock([signLock(first, [1, 2])], elsewhere, scope), undefined)
  assert.equal(firstLock([signLock(next, [3, 4]), signLock(first, [1, 2])], network, scope), next)
  const end = fakeLock({ network, keys: [], threshold: 0, after: first })
  // Nobody can say of a lock that it is over but its keys.
  assert.equal(firstLock([signLock(first, [1, 2]), signLock(end, [9])], network, scope), first)
  assert.equal(firstLock([signLock(first, [1, 2]), signLock(end, [1, 2])], network, scope), end)
})

for (const [what, body, verdict] of [
  ['enough signatures', node(signMember(network, member, [1, 3])), 'admitted'],
  ['one of two', node(signMember(network, member, [1])), 'unsigned'],
  ['the same one twice', node(signMember(network, member, [1, 1])), 'unsigned'],
  ['one of a key that is not of the lock', node(signMember(network, member, [1, 4])), 'unsigned'],
  ['none', node(undefined), 'unsigned'],
  ['those of another network', node(signMember(elsewhere, member, [1, 2, 3])), 'unsigned'],
  ['another WireGuard key', node(signMember(network, member, [1, 2]), { wgKey: fakeWgKey(9) }), 'unsigned'],
  ['another address', node(signMember(network, member, [1, 2]), { addresses: [parseAddress('10.7.0.4')] }), 'unsigned'],
  ['another name', node(signMember(network, member, [1, 2]), { name: parseName('other') }), 'unsigned'],
  ['other labels', node(signMember(network, member, [1, 2]), { labels: { role: 'x' } }), 'admitted'],
] as const) {
  test(`a node with ${what} is ${verdict}`, () => assert.is(judge()(body), verdict))
}

test('a revoked device stays out whoever signs, also under another id', () => {
  const lock = fakeLock({ network, keys: [1], threshold: 1, revoked: [member.nodeId] })
  assert.is(judge(lock)(node(signMember(network, member, [1]))), 'revoked')
  const nodeId = parseNodeId('aaaaaaaaaaaaaaaa')
  assert.is(judge(lock)(node(signMember(network, { ...member, nodeId }, [1]), { nodeId })), 'unsigned')
})

test('a lock with more signatures asked than keys, or with keys out of order, is none', () => {
  for (const bad of [
    { ...first, threshold: 4 },
    { ...first, threshold: 0 },
    { ...first, keys: first.keys.toReversed() },
    { ...first, keys: [first.keys[0], first.keys[0]] },
    { ...first, serial: 0 },
  ]) {
    assert.throws(() => parseWith(lockSchema, bad))
  }
})

test('records of locks and of signed nodes come back as they were', () => {
  const signed = signLock(first, [1, 2])
  const lock = parseRecord(encodeRecord({ kind: 'lock', id: 'lock/1', body: signed }))
  assert.equal(lock.body, signed)
  const body = node(signMember(network, member, [1, 2]))
  assert.equal(parseRecord(encodeRecord({ kind: 'node', id: 'node/pump', body })).body, body)
})

const keysOf = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 })

test('a lock follows exactly if enough distinct keys of both signed, and so does a member', () =>
  fc.assert(
    fc.property(
      keysOf,
      keysOf,
      fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 8 }),
      fc.nat(4),
      (a, b, by, more) => {
        const of = (keys: readonly number[]): number => 1 + (more % keys.length)
        const old = fakeLock({ network, keys: a, threshold: of(a) })
        const then = fakeLock({ network, keys: b, threshold: of(b), after: old })
        const distinct = new Set(by)
        const count = (keys: readonly number[]): number => keys.filter((key) => distinct.has(key)).length
        const enough = count(a) >= old.threshold && count(b) >= then.threshold
        assert.is(mayFollow(old, signLock(then, by), scope), enough)
        const admitted = count(a) >= old.threshold ? 'admitted' : 'unsigned'
        assert.is(judge(old)(node(signMember(network, member, by))), admitted)
      },
    ),
    { numRuns: 60 },
  ))

test('no offer weakens what is pinned: without its keys every set of locks leads nowhere', () => {
  const strangers = fc.record({
    keys: fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 }),
    by: fc.array(fc.integer({ min: 3, max: 8 }), { maxLength: 6 }),
    serial: fc.integer({ min: 1, max: 4 }),
    chained: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(strangers, { maxLength: 5 }), (offers) => {
      let last = first
      const offered = offers.map(({ by, chained, keys, serial }): SignedLock => {
        const lock = fakeLock({ network, keys, threshold: 1, ...(chained ? { after: last } : { serial }) })
        last = lock
        return signLock(lock, by)
      })
      // Of the pinned lock's three keys only the third is among those that sign.
      assert.is(followLocks(first, offered, scope), first)
    }),
    { numRuns: 100 },
  )
})

test('the key of a lock is named by its public half', () => assert.is(first.keys.includes(lockKeyOf(2)), true))

test.run()
