// Enrolment: tokens as people copy them, what they pin, and what a device proves.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, toBase64, toHex, utf8 } from '../bytes.ts'
import { faultOf, hostileText, refusesPolitely } from '../fuzz.fake.ts'
import { sha256 } from '../host/crypto.ts'
import { parseDeviceKey, parseName, parseNodeId, parseWgKey } from '../ids.ts'
import { parseWith } from '../intent/resource.ts'
import {
  type Anchor,
  anchorPin,
  anchorSchema,
  credentialId,
  enrolProofBytes,
  enrolReplySchema,
  enrolRequestSchema,
  formatJoinToken,
  leaveProofBytes,
  parseJoinToken,
} from './enrol.ts'

const key = (byte: number): string => toBase64(new Uint8Array(32).fill(byte))
const anchor: Anchor = parseWith(anchorSchema, { rootKey: key(1), tlsAuthority: toBase64(utf8('DER')) })
const token = { id: 'abcdefgh', secret: new Uint8Array(32).fill(3), pin: anchorPin(anchor, sha256) }
const request = {
  tokenId: token.id,
  name: parseName('shop-1'),
  labels: { role: 'till' },
  wgKey: parseWgKey(key(4)),
  deviceKey: parseDeviceKey(key(5)),
}
const whole = { ...request, secret: 'AAAA', proof: toBase64(new Uint8Array(64)) }

test('a token survives copying, with white space around it', () => {
  const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z2-7]{8}$/), bytes32, bytes32, (id, secret, pin) => {
      const word = formatJoinToken({ id, secret, pin })
      assert.match(word, /^hf1\.[a-z2-7]{8}\.[A-Za-z0-9_-]{86}$/)
      const read = parseJoinToken(` ${word}\n`)
      assert.equal([read.id, toHex(read.secret), toHex(read.pin)], [id, toHex(secret), toHex(pin)])
    }),
  )
})

const word = formatJoinToken(token)
for (const [what, bad] of [
  ['nothing', ''],
  ['another version', word.replace('hf1', 'hf2')],
  ['half a token', word.slice(0, 60)],
  ['one character short', word.slice(0, -1)],
  ['one character more', `${word}A`],
  ['more behind it', `${word}.x`],
  ['a space inside', word.replace('A', ' ')],
  ['bits behind the end', `${word.slice(0, -1)}_`],
] as const) {
  test(`a token with ${what} is refused, and nothing of it is repeated`, () => {
    const fault = faultOf(() => parseJoinToken(bad))
    assert.is(fault.code, 'invalid')
    assert.match(fault.remedy ?? '', /token create/)
    assert.not.match(fault.message, /AwMDAw/)
  })
}

test('damaged tokens are refused politely', () => {
  refusesPolitely(hostileText(word), parseJoinToken)
})

test('golden pin and proof: tokens and enrolments in the field depend on them', () => {
  assert.is(toHex(token.pin), 'a671de6610c3286253816773996fc9ccaef5931d46731601ad176debbc0b875c')
  assert.is(
    toHex(sha256(enrolProofBytes(request, token.pin))),
    '57d3db0a57dcad76dc4e51c6c68620909239549ae74931adcdc11d8af7e0f1cc',
  )
  const credential = credentialId('secret of the broker', sha256)
  assert.is(toHex(credential), toHex(sha256(utf8('secret of the broker'))))
  assert.is(
    toHex(leaveProofBytes(parseNodeId('aaaaaaaaaaaaaaaa'), credential)),
    toHex(concat(utf8('holdfast/leave/2\0aaaaaaaaaaaaaaaa'), credential)),
  )
})

test('the pin depends on both halves of the anchor', () => {
  const pins = [
    anchor,
    { ...anchor, rootKey: parseDeviceKey(key(2)) },
    { ...anchor, tlsAuthority: toBase64(utf8('DES')) },
  ]
  assert.is(new Set(pins.map((one) => toHex(anchorPin(one, sha256)))).size, 3)
})

test('a proof is bound to everything that is asked, and to the hub', () => {
  const changes = [
    {},
    { tokenId: 'bbbbbbbb' },
    { name: parseName('shop-2') },
    { labels: { role: 'admin' } },
    { labels: {} },
    { wgKey: parseWgKey(key(6)) },
    { deviceKey: parseDeviceKey(key(6)) },
  ]
  const proofs = changes.map((change) => toHex(enrolProofBytes({ ...request, ...change }, token.pin)))
  const { name: _, ...nameless } = request
  proofs.push(toHex(enrolProofBytes(nameless, token.pin)), toHex(enrolProofBytes(request, concat(token.pin).fill(0))))
  assert.is(new Set(proofs).size, proofs.length)
})

for (const [what, change, field] of [
  ['a token id that is none', { tokenId: 'x' }, 'tokenId'],
  ['a name that is a path', { name: '../x' }, 'name'],
  ['labels that are a list', { labels: ['a'] }, 'labels'],
  ['a label every object has', { labels: { toString: 'x' } }, 'labels.toString'],
  ['a short key', { wgKey: 'AAAA' }, 'wgKey'],
  ['an endless secret', { secret: 'A'.repeat(65) }, 'secret'],
  ['a proof that is no base64', { proof: '%' }, 'proof'],
  ['a field too many', { admin: true }, 'admin'],
] as const) {
  test(`a request with ${what} is refused`, () => {
    assert.is(faultOf(() => parseWith(enrolRequestSchema, { ...whole, ...change })).field, field)
  })
}

test('a request and both replies are read', () => {
  assert.is(parseWith(enrolRequestSchema, whole).name, 'shop-1')
  const pending = { state: 'pending', nodeId: 'aaaaaaaaaaaaaaaa', name: 'shop-1', retryAfterS: 5 }
  assert.equal(parseWith(enrolReplySchema, pending), pending)
  assert.is(faultOf(() => parseWith(enrolReplySchema, { ...pending, retryAfterS: -1 })).field, 'retryAfterS')
  assert.is(faultOf(() => parseWith(enrolReplySchema, { ...pending, state: 'constructor' })).field, 'state')
  assert.is(faultOf(() => parseWith(enrolReplySchema, { ...pending, state: 'enrolled' })).code, 'invalid')
})

test.run()
