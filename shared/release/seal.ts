// The signature over a manifest: 64 bytes of Ed25519 (RFC 8032) in `release.json.sig`, over the bytes of `release.json`
// and nothing else, so that openssl can check it where there is no Holdfast yet:
//
//   openssl pkeyutl -verify -pubin -inkey release-key.pem -rawin -in release.json -sigfile release.json.sig
//
// A release key signs manifests only, and what it signs says `"program":"holdfast"`: no other signed bytes are taken for one.

import type { Signer, Verify } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { releaseManifestBytesMax } from '../update-limits.ts'
import { type Manifest, parseManifest } from './manifest.ts'

/** Of a signature. */
const signatureBytes = 64

export interface SignedManifest {
  /** Exactly as signed. */
  readonly bytes: Uint8Array
  readonly signature: Uint8Array
}

/** `bytes` as `encodeManifest` made them. Throws where they are no manifest, so that none is signed by mistake. */
export function signManifest(bytes: Uint8Array, signer: Signer): SignedManifest {
  parseManifest(bytes)
  return { bytes, signature: signer.sign(bytes) }
}

/**
 * What the manifest says, once one of `keys` (32 bytes each) has signed it. Throws `bad-signature` where none has, and then
 * nothing of it was read; what `parseManifest` throws otherwise.
 */
export function verifyManifest(
  { bytes, signature }: SignedManifest,
  keys: readonly Uint8Array[],
  verify: Verify,
): Manifest {
  if (bytes.length > releaseManifestBytesMax) {
    throw new HoldfastError(
      'too-large',
      `the manifest has ${bytes.length} bytes, at most ${releaseManifestBytesMax} are read`,
    )
  }
  if (signature.length !== signatureBytes || !keys.some((key) => verify(key, bytes, signature))) {
    throw new HoldfastError('bad-signature', 'the manifest is not signed by a release key that is trusted here', {
      remedy: 'Was it changed on its way here, or is it of another publisher? Bring the release again from its source.',
    })
  }
  return parseManifest(bytes)
}
