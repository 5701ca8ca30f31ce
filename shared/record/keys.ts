// Signing keys and the root that certifies them. Agents pin the root; the hub signs heads with a certified key.

import * as v from 'valibot'
import { fromBase64, toBase64 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { parseDeviceKey } from '../ids.ts'
import { integer, text } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { encodeCanonical, parseCanonical } from './canonical.ts'
import { keyIdOf, openEnvelope, seal, type TrustedKeys, trustedKeys } from './envelope.ts'

const certificate = v.strictObject({
  purpose: v.literal('sign-heads'),
  publicKey: text(parseDeviceKey, 'ed25519-key'),
  issuedAt: integer(0, Number.MAX_SAFE_INTEGER),
})

export function certifyKey(publicKey: Uint8Array, issuedAt: number, root: Signer, sha256: Sha256): Uint8Array {
  return seal('key', encodeCanonical({ purpose: 'sign-heads', publicKey: toBase64(publicKey), issuedAt }), root, sha256)
}

export interface KeyCertificate {
  readonly publicKey: Uint8Array
  /** Milliseconds since the Unix epoch; orders the keys of one root. */
  readonly issuedAt: number
}

/** What `envelope` certifies, if the root signed it. */
export function readKeyCertificate(
  envelope: Uint8Array,
  root: Uint8Array,
  verify: Verify,
  sha256: Sha256,
): KeyCertificate {
  const { payload } = openEnvelope('key', envelope, trustedKeys([root], sha256), verify)
  const { publicKey, issuedAt } = parseWith(certificate, parseCanonical(payload, 1_024))
  return { publicKey: fromBase64(publicKey), issuedAt }
}

/** The public key that `envelope` certifies, if the root signed it. */
export function openKeyCertificate(envelope: Uint8Array, root: Uint8Array, verify: Verify, sha256: Sha256): Uint8Array {
  return readKeyCertificate(envelope, root, verify, sha256).publicKey
}

/**
 * The keys that may sign heads, from certificates that the root signed. Throws if one of them is not of the root.
 * @testonly
 */
export function keyring(
  envelopes: readonly Uint8Array[],
  root: Uint8Array,
  verify: Verify,
  sha256: Sha256,
): TrustedKeys {
  const keys = new Map<string, Uint8Array>()
  for (const envelope of envelopes) {
    const key = openKeyCertificate(envelope, root, verify, sha256)
    keys.set(keyIdOf(key, sha256), key)
  }
  return keys
}
