// Signatures that stand beside what they are over, so that several people can sign one thing, each in their own time.

import * as v from 'valibot'
import { fromBase64, toBase64 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { lockKeysMax } from '../limits.ts'
import { type EnvelopeKind, keyIdOf, signedBytes, type TrustedKeys } from './envelope.ts'

const signature = v.strictObject({
  /** Sixteen hex digits that name the key. */
  key: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/, 'is not the id of a key')),
  /** Ed25519 (RFC 8032) over the same bytes as an envelope's, base64. */
  signature: v.pipe(v.string(), v.base64(), v.length(88)),
})
export type Signature = v.InferOutput<typeof signature>

export const signatures = v.pipe(v.array(signature), v.maxLength(lockKeysMax))
export type Signatures = readonly Signature[]

export function signBeside(kind: EnvelopeKind, payload: Uint8Array, signer: Signer, sha256: Sha256): Signature {
  return { key: keyIdOf(signer.publicKey, sha256), signature: toBase64(signer.sign(signedBytes(kind, payload))) }
}

/** The keys of `trusted` that signed `payload`; each counts once, however often its signature stands there. */
export function signersOf(
  kind: EnvelopeKind,
  payload: Uint8Array,
  given: Signatures,
  trusted: TrustedKeys,
  verify: Verify,
): ReadonlySet<string> {
  const message = signedBytes(kind, payload)
  const signers = new Set<string>()
  for (const { key, signature: bytes } of given) {
    const publicKey = trusted.get(key)
    if (publicKey === undefined || signers.has(key)) continue
    if (verify(publicKey, message, fromBase64(bytes))) signers.add(key)
  }
  return signers
}
