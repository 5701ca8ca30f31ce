// The TLS authority of a hub that lost the one devices pin: signed by the root key, which they pin as well.
//
// GET /api/v1/enrol/authority → its DER in an envelope of kind `authority`. It takes the place of the pinned one only where
// the root signed it and it is younger: an authority that was replaced can't come back.

import * as v from 'valibot'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { openEnvelope, seal, trustedKeys } from '../record/envelope.ts'
import { rootChain } from '../record/root.ts'

export const authoritySchema = v.strictObject({
  envelope: v.pipe(v.string(), v.base64(), v.maxLength(16_384)),
  /** What leads to the root that signed it from those before. */
  roots: v.optional(rootChain),
})

export function sealAuthority(der: Uint8Array, root: Signer, sha256: Sha256): Uint8Array {
  return seal('authority', der, root, sha256)
}

/** The DER, if the root signed it; throws `untrusted` or `bad-signature`. */
export function openAuthority(envelope: Uint8Array, root: Uint8Array, verify: Verify, sha256: Sha256): Uint8Array {
  return openEnvelope('authority', envelope, trustedKeys([root], sha256), verify).payload
}
