// How one root key follows another: whoever pins a root of a chain gets to its end, and by nothing else anywhere.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64, utf8 } from '../bytes.ts'
import type { Signer } from '../effects.ts'
import { faultOf } from '../fuzz.fake.ts'
import { sha256, signerFromSeed, verify } from '../host/crypto.ts'
import { parseDeviceKey } from '../ids.ts'
import { rootLinksMax } from '../limits.ts'
import { encodeRecord, parseRecord } from './record.ts'
import { followRoots, type RootPin, rootsBefore, type SignedRoot, signRoot } from './root.ts'

const scope = { sha256, verify }
const root = (at: number): Signer => signerFromSeed(sha256(utf8(`root ${at}`)))
const roots = Array.from({ length: rootLinksMax + 2 }, (_, at) => root(at))
const keyOf = ({ publicKey }: Signer) => parseDeviceKey(toBase64(publicKey))

function linkOf(from: Signer, to: Signer, serial: number, by: readonly [Signer, Signer] = [from, to]): SignedRoot {
  const link = { serial, root: keyOf(from), next: keyOf(to), issuedAt: serial * 10 }
  return signRoot(link, by[0], by[1], sha256)
}

const link = (at: number): SignedRoot => linkOf(root(at - 1), root(at), at)
const pin = (at: number): RootPin => ({ key: root(at).publicKey, serial: at })
const chain = Array.from({ length: rootLinksMax }, (_, at) => link(at + 1))
const thief = root(99)

for (const [what, from, offered, to] of [
  ['nothing leads nowhere', pin(0), [], pin(0)],
  ['one link', pin(0), [link(1)], pin(1)],
  ['two, in any order', pin(0), [link(2), link(1)], pin(2)],
  ['the whole of the longest chain', pin(0), chain, pin(rootLinksMax)],
  ['from the midst of it', pin(2), chain.slice(0, 5), pin(5)],
  ['a gap ends it', pin(0), [link(1), link(3)], pin(1)],
  ['a chain that begins later', pin(0), [link(2), link(3)], pin(0)],
  ['what led here before, replayed', pin(3), [link(1), link(2), link(3)], pin(3)],
  ['another hub’s chain', { key: thief.publicKey, serial: 0 }, chain, { key: thief.publicKey, serial: 0 }],
  ['a device that joined later and knows no serial', { key: root(4).publicKey, serial: 0 }, chain.slice(0, 6), pin(6)],
  ['without the old root’s signature', pin(0), [linkOf(root(0), root(1), 1, [thief, root(1)])], pin(0)],
  ['without the new root’s signature', pin(0), [linkOf(root(0), root(1), 1, [root(0), thief])], pin(0)],
  ['signed twice by one of them', pin(0), [linkOf(root(0), root(1), 1, [root(0), root(0)])], pin(0)],
  ['one of the signatures is missing', pin(0), [{ ...link(1), signatures: link(1).signatures.slice(1) }], pin(0)],
  ['changed after it was signed', pin(0), [{ ...link(1), link: { ...link(1).link, next: keyOf(thief) } }], pin(0)],
  ['a serial that does not rise', pin(5), [linkOf(root(5), root(6), 5)], pin(5)],
  ['a forged second link beside the true one', pin(0), [link(1), linkOf(root(0), thief, 1, [thief, thief])], pin(1)],
  ['the true one twice', pin(0), [link(1), link(1)], pin(1)],
] as const) {
  test(`${what}: from root ${from.serial} to ${to.serial}`, () => {
    assert.equal(followRoots(from, offered, scope), to)
  })
}

test('a fork is followed by nobody who stands before it, and means nothing to who has passed it', () => {
  const fork = linkOf(root(1), thief, 2)
  const fault = faultOf(() => followRoots(pin(0), [link(1), link(2), fork], scope))
  assert.is(fault.code, 'untrusted')
  assert.match(fault.message, /two root keys/)
  assert.equal(followRoots(pin(2), [link(1), link(2), fork, link(3)], scope), pin(3))
})

test('a chain that is too long is not even looked at', () => {
  const long = [...chain, link(rootLinksMax + 1)]
  assert.is(faultOf(() => followRoots(pin(0), long, scope)).code, 'too-large')
})

test('in whatever order and with whatever missing: one gets as far as the links go on without a gap', () => {
  const few = chain.slice(0, 6)
  fc.assert(
    fc.property(fc.shuffledSubarray(few), fc.integer({ min: 0, max: 6 }), (offered, from) => {
      const serials = new Set(offered.map((one) => one.link.serial))
      let to = from
      while (serials.has(to + 1)) to += 1
      assert.equal(followRoots(pin(from), offered, scope), pin(to))
    }),
    { numRuns: 60 },
  )
})

test('no byte of a signature can be changed', () => {
  const [own, other] = link(1).signatures
  if (own === undefined || other === undefined) throw new Error('a link bears two signatures')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const bytes = Buffer.from(own.signature, 'base64')
      bytes[at] = (bytes[at] ?? 0) ^ by
      const twisted = { ...link(1), signatures: [{ ...own, signature: bytes.toString('base64') }, other] }
      assert.equal(followRoots(pin(0), [twisted], scope), pin(0))
    }),
    { numRuns: 100 },
  )
})

test('a hub’s chain is whole and leads to its root, or is refused', () => {
  assert.equal(rootsBefore(root(0).publicKey, [], scope), [])
  assert.equal(
    rootsBefore(root(3).publicKey, chain.slice(0, 3), scope),
    roots.slice(0, 3).map(({ publicKey }) => publicKey),
  )
  assert.equal(
    rootsBefore(root(3).publicKey, chain.slice(1, 3), scope).length,
    2,
    'its beginning may have been dropped',
  )
  for (const [key, given] of [
    [root(2), chain.slice(0, 3)],
    [root(3), chain.slice(0, 2)],
    [root(3), [link(1), link(3)]],
    [root(3), [link(2), link(1), link(3)]],
    [thief, [link(1)]],
    [root(2), [link(1), linkOf(root(1), root(2), 2, [thief, root(2)])]],
  ] as const)
    assert.is(faultOf(() => rootsBefore(key.publicKey, given, scope)).code, 'untrusted')
})

test('a record of a link reads back as it was, and one that names itself is none', () => {
  const record = { kind: 'root', id: 'root/1', body: link(1) } as const
  assert.equal(parseRecord(encodeRecord(record)), record)
  const self = linkOf(root(0), root(0), 1)
  assert.is(faultOf(() => parseRecord(encodeRecord({ ...record, body: self }))).code, 'invalid')
})

test.run()
