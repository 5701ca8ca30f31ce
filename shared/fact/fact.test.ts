// Facts: signed by the node they are about, last writer wins, and hints from hostile nodes stay within bounds.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import { parseEndpoint } from '../address/endpoint.ts'
import { toBase64 } from '../bytes.ts'
import type { Signer } from '../effects.ts'
import { faultOf, hostileBytes, refusesPolitely } from '../fuzz.fake.ts'
import { sha256, signerFromSeed, verify } from '../host/crypto.ts'
import { parseDeviceKey, parseName, parseNodeId } from '../ids.ts'
import { candidatesMax, factBytesMax, observedMax } from '../limits.ts'
import { podTableBytesMax } from '../pod-limits.ts'
import { encodeCanonical } from '../record/canonical.ts'
import { seal } from '../record/envelope.ts'
import { type Fact, isNewerFact, openFact, readFact, sealFact } from './fact.ts'
import { packPods } from './pack-pods.ts'

const signerOf = (byte: number): Signer => signerFromSeed(new Uint8Array(32).fill(byte))
const signer = signerOf(1)
const key = parseDeviceKey(toBase64(signer.publicKey))
const node = parseNodeId('aaaaaaaaaaaaaaaa')
const fact: Fact = {
  node,
  boot: 2,
  seq: 7,
  candidates: [{ kind: 'lan', endpoint: parseEndpoint('192.168.1.7:51820') }],
  observed: [{ node: parseNodeId('bbbbbbbbbbbbbbbb'), endpoint: parseEndpoint('203.0.113.7:40000') }],
  relays: [parseNodeId('cccccccccccccccc')],
  natType: 'endpoint-independent',
  podTable: packPods(
    [{ namespace: parseName('web'), name: 'web-0', addresses: [parseAddress('10.42.0.7')], labels: { app: 'web' } }],
    [],
    podTableBytesMax,
  ).table,
  at: 1_700_000_000_000,
}

const open = (envelope: Uint8Array): Fact => openFact(envelope, node, key, verify, sha256)
const forged = (change: object): Uint8Array => seal('fact', encodeCanonical({ ...fact, ...change }), signer, sha256)

test('a fact opens to itself', () => {
  assert.equal(open(sealFact(fact, signer, sha256)), fact)
})

test('a fact about another node, or by another node, is not believed', () => {
  assert.is(faultOf(() => open(forged({ node: 'bbbbbbbbbbbbbbbb' }))).code, 'untrusted')
  assert.is(faultOf(() => open(sealFact(fact, signerOf(2), sha256))).code, 'untrusted')
  assert.is(faultOf(() => open(seal('head', encodeCanonical(fact), signer, sha256))).code, 'bad-signature')
})

for (const [what, change, field] of [
  [
    'too many candidates',
    { candidates: Array.from({ length: candidatesMax + 1 }, () => fact.candidates[0]) },
    'candidates',
  ],
  ['too much observed', { observed: Array.from({ length: observedMax + 1 }, () => fact.observed[0]) }, 'observed'],
  ['a name for an endpoint', { candidates: [{ kind: 'lan', endpoint: 'evil.example:1' }] }, 'candidates[0].endpoint'],
  ['a kind that is no word', { candidates: [{ kind: 7, endpoint: '192.0.2.1:1' }] }, 'candidates[0].kind'],
  ['a NAT that is no word', { natType: 'a cone' }, 'natType'],
  ['a negative boot', { boot: -1 }, 'boot'],
  ['pods in no namespace', { podTable: { words: [], namespaces: [], groups: [{ namespace: 0 }] } }, 'podTable'],
  ['a known field that is wrong beside an unknown one', { extra: 1, seq: -1 }, 'seq'],
] as const) {
  test(`signed all the same, refused: ${what}`, () => {
    const fault = faultOf(() => open(forged(change)))
    assert.equal([fault.code, fault.field], ['invalid', field])
  })
}

test('of a newer node all is read that is known here; what was signed is what is checked', () => {
  const candidates = [
    { kind: 'moon', endpoint: 'crater 9' },
    { ...fact.candidates[0], weight: 3 },
  ]
  const envelope = forged({ candidates, natType: 'cone', colour: 'red' })
  const read = readFact(envelope, node, key, verify, sha256)
  assert.equal(read, { fact: { ...fact, natType: 'unknown' }, unread: ['candidates[].weight', 'colour'] })
  const bent = envelope.slice()
  bent.set([(bent.at(-1) ?? 0) ^ 1], bent.length - 1)
  assert.is(faultOf(() => open(bent)).code, 'bad-signature')
})

test('a fact has a bound', () => {
  assert.is(faultOf(() => open(forged({ extra: 'x'.repeat(factBytesMax) }))).code, 'too-large')
})

test('newer is a total order on boot, then sequence', () => {
  const stamp = fc.record({ boot: fc.nat(3), seq: fc.nat(3) })
  fc.assert(
    fc.property(stamp, stamp, (a, b) => {
      const same = a.boot === b.boot && a.seq === b.seq
      assert.is(Number(isNewerFact(a, b)) + Number(isNewerFact(b, a)), same ? 0 : 1)
    }),
  )
  assert.ok(isNewerFact({ boot: 3, seq: 0 }, { boot: 2, seq: 999 }))
  assert.ok(isNewerFact({ boot: 0, seq: 0 }, undefined))
})

test('hostile facts are refused politely, by signature and by the parser behind it', () => {
  const envelope = sealFact(fact, signer, sha256)
  refusesPolitely(hostileBytes(envelope), open)
  refusesPolitely(hostileBytes(envelope), (bytes) => openFact(bytes, node, key, () => true, sha256))
})

test.run()
