// Orders to update, and the proof that a build is asked for with: what is taken, and what is not.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../bytes.ts'
import { attempt, faultOf, hostileBytes, hostileText, refusesPolitely } from '../fuzz.fake.ts'
import { sha256, signerFromSeed, verify } from '../host/crypto.ts'
import { parseName, parseNetworkId, parseNodeId } from '../ids.ts'
import { encodeCanonical } from '../record/canonical.ts'
import { seal, trustedKeys } from '../record/envelope.ts'
import { downloadProofBytes, formatDownloadProof, parseDownloadProof } from './download.ts'
import { type Order, openOrder, sealOrder } from './order.ts'
import { renewProofBytes } from './renew.ts'

const signer = signerFromSeed(new Uint8Array(32).fill(1))
const stranger = signerFromSeed(new Uint8Array(32).fill(2))
const trusted = trustedKeys([signer.publicKey], sha256)
const node = parseNodeId('abcdefgh2345abcd')
const withdrawn: Order = { network: parseNetworkId('abcdefgh2345'), node, serial: 7, update: parseName('fleet') }
const order: Order = {
  ...withdrawn,
  release: { bytes: new Uint8Array(500).fill(7), signature: new Uint8Array(64).fill(8) },
}

test('an order opens to itself, with a release and without', () => {
  for (const one of [order, { ...order, downgrade: true }, withdrawn])
    assert.equal(openOrder(sealOrder(one, signer, sha256), trusted, verify), one)
})

test('one of a stranger, and the same bytes signed as something else, are none', () => {
  assert.is(faultOf(() => openOrder(sealOrder(order, stranger, sha256), trusted, verify)).code, 'untrusted')
  const other = seal('capability', encodeCanonical(withdrawn), signer, sha256)
  assert.is(faultOf(() => openOrder(other, trusted, verify)).code, 'bad-signature')
})

test('words of later hubs are passed over; what is known is held to its form; what is huge is refused', () => {
  const open = (body: object) => openOrder(seal('agent-order', encodeCanonical(body), signer, sha256), trusted, verify)
  assert.equal(open({ ...withdrawn, colour: 'red' }), withdrawn)
  for (const bad of [{ serial: -1 }, { node: 'x' }, { update: '../x' }, { release: { manifest: '*', signature: '' } }])
    assert.is(faultOf(() => open({ ...withdrawn, ...bad })).code, 'invalid')
  assert.is(faultOf(() => open({ ...withdrawn, note: 'x'.repeat(50_000) })).code, 'too-large')
  refusesPolitely(hostileBytes(sealOrder(order, signer, sha256)), (bytes) => openOrder(bytes, trusted, verify))
})

test('a proof for a build is read as it was written, and is no proof for credentials', () => {
  const given = new Uint8Array(56)
  const proof = { nodeId: node, challenge: toBase64(given), proof: toBase64(new Uint8Array(64)) }
  assert.equal(parseDownloadProof(formatDownloadProof(proof)), proof)
  assert.not.equal(downloadProofBytes(node, given, given), renewProofBytes(node, given, given))
  refusesPolitely(hostileText(formatDownloadProof(proof)), parseDownloadProof)
  const answer = attempt(() => parseDownloadProof(undefined))
  assert.ok(answer instanceof Error && answer.code === 'unauthenticated')
})

test.run()
