// Signed messages: nothing is parsed that a trusted key did not sign for exactly this purpose.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, toHex, utf8 } from '../bytes.ts'
import type { Signer } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { attempt, faultOf, hostileBytes } from '../fuzz.fake.ts'
import { sha256, signerFromSeed, verify } from '../host/crypto.ts'
import { type EnvelopeKind, keyIdOf, openEnvelope, sameEnvelope, seal, trustedKeys } from './envelope.ts'

const signerOf = (byte: number): Signer => signerFromSeed(new Uint8Array(32).fill(byte))
const hub = signerOf(1)
const stranger = signerOf(2)
const trusted = trustedKeys([hub.publicKey], sha256)
const payload = utf8('{"a":1}')

test('what was sealed opens, with the id of the key', () => {
  const opened = openEnvelope('head', seal('head', payload, hub, sha256), trusted, verify)
  assert.equal([...opened.payload], [...payload])
  assert.is(opened.keyId, keyIdOf(hub.publicKey, sha256))
  assert.match(opened.keyId, /^[0-9a-f]{16}$/)
})

test('golden envelope: a change here cuts every device in the field off', () => {
  assert.is(
    toHex(seal('head', payload, hub, sha256)),
    '0134750f98bd59fcfc84d311d972a92986481d533b763fe855ffc60b28a87c925f322a512a0539a7654f35f1a0af5b83a7e86359b5a250d0db57205bf7754b98c0e820f01b20d260017b2261223a317d',
  )
})

test('a signature for one purpose is worth nothing for another', () => {
  const kinds: readonly EnvelopeKind[] = ['head', 'key', 'fact']
  for (const made of kinds) {
    for (const asked of kinds) {
      const open = (): unknown => openEnvelope(asked, seal(made, payload, hub, sha256), trusted, verify)
      if (made === asked) assert.ok(open())
      else assert.is(faultOf(open).code, 'bad-signature')
    }
  }
})

test('a stranger is untrusted; a stranger under the id of a trusted key has a bad signature', () => {
  const foreign = seal('head', payload, stranger, sha256)
  assert.is(faultOf(() => openEnvelope('head', foreign, trusted, verify)).code, 'untrusted')
  const disguised = concat(foreign.subarray(0, 1), sha256(hub.publicKey).subarray(0, 8), foreign.subarray(9))
  assert.is(faultOf(() => openEnvelope('head', disguised, trusted, verify)).code, 'bad-signature')
  assert.is(faultOf(() => openEnvelope('head', foreign, new Map(), verify)).code, 'untrusted')
})

test('no damage to an envelope goes unnoticed', () => {
  const sealed = seal('fact', payload, hub, sha256)
  fc.assert(
    fc.property(hostileBytes(sealed), (bytes) => {
      const opened = attempt(() => openEnvelope('fact', bytes, trusted, verify))
      if (!(opened instanceof HoldfastError)) assert.equal([...bytes], [...sealed])
    }),
    { numRuns: 1_000 },
  )
})

test('sameEnvelope compares content', () => {
  const sealed = seal('fact', payload, hub, sha256)
  assert.ok(sameEnvelope(sealed, sealed.slice()))
  assert.ok(sameEnvelope(undefined, undefined))
  assert.not.ok(sameEnvelope(sealed, undefined))
  assert.not.ok(sameEnvelope(sealed, seal('fact', utf8('{}'), hub, sha256)))
})

test.run()
