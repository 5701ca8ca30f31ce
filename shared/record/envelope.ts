// A signed message: who signed, the signature, and the exact bytes that were signed.
//
//   byte 0      version, 1
//   bytes 1–8   key id: the first 8 bytes of SHA-256 of the Ed25519 public key
//   bytes 9–72  Ed25519 signature (RFC 8032) over  "holdfast/" kind "/1" NUL payload
//   bytes 73–   payload
//
// The kind is signed but not sent: a signature over a fact can never pass for one over a head. Readers verify before
// they parse a byte of the payload.

import { concat, sameBytes, toHex, utf8 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { HoldfastError } from '../errors.ts'

export type EnvelopeKind =
  | 'head'
  | 'key'
  | 'root'
  | 'fact'
  | 'capability'
  | 'lock'
  | 'member'
  | 'override'
  | 'override-end'
  | 'authority'
  | 'wg-key'
  | 'device-key'
  | 'ledger'
  | 'ledger-window'
  | 'agent-order'
  | 'command'
  | 'command-answer'

const VERSION = 1
const KEY_ID_BYTES = 8
const HEADER_BYTES = 1 + KEY_ID_BYTES + 64

/** A public key that is trusted to sign, by its id in hex. */
export type TrustedKeys = ReadonlyMap<string, Uint8Array>

/** Sixteen hex digits that name a public key. */
export function keyIdOf(publicKey: Uint8Array, sha256: Sha256): string {
  return toHex(sha256(publicKey).subarray(0, KEY_ID_BYTES))
}

/** Id of the key that an envelope says it was signed with; not verified. */
export function envelopeKeyId(envelope: Uint8Array): string {
  return toHex(envelope.subarray(1, 1 + KEY_ID_BYTES))
}

/** What a signature is over: no signature over one kind can pass for one over another. */
export function signedBytes(kind: EnvelopeKind, payload: Uint8Array): Uint8Array {
  return concat(utf8(`holdfast/${kind}/1\0`), payload)
}

export function seal(kind: EnvelopeKind, payload: Uint8Array, signer: Signer, sha256: Sha256): Uint8Array {
  const keyId = sha256(signer.publicKey).subarray(0, KEY_ID_BYTES)
  return concat(Uint8Array.of(VERSION), keyId, signer.sign(signedBytes(kind, payload)), payload)
}

/** Returns the payload if a trusted key signed it; throws `untrusted` or `bad-signature`. */
export function openEnvelope(
  kind: EnvelopeKind,
  envelope: Uint8Array,
  trusted: TrustedKeys,
  verify: Verify,
): { readonly payload: Uint8Array; readonly keyId: string } {
  if (envelope.length < HEADER_BYTES || envelope[0] !== VERSION) {
    throw new HoldfastError('invalid', `not a signed ${kind}`)
  }
  const keyId = envelopeKeyId(envelope)
  const publicKey = trusted.get(keyId)
  if (publicKey === undefined) throw new HoldfastError('untrusted', `${kind} is signed by unknown key ${keyId}`)
  const payload = envelope.subarray(HEADER_BYTES)
  if (!verify(publicKey, signedBytes(kind, payload), envelope.subarray(1 + KEY_ID_BYTES, HEADER_BYTES))) {
    throw new HoldfastError('bad-signature', `signature of the ${kind} by key ${keyId} is wrong`)
  }
  return { payload, keyId }
}

export function trustedKeys(publicKeys: readonly Uint8Array[], sha256: Sha256): TrustedKeys {
  return new Map(publicKeys.map((key) => [keyIdOf(key, sha256), key]))
}

export function sameEnvelope(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && sameBytes(a, b))
}
