// Which keys follow which: what a root signs when it, or the signing key it certifies, is replaced by another. Pure; the files
// are somebody else's.

import { toBase64 } from '../../shared/bytes.ts'
import type { Sha256, Signer } from '../../shared/effects.ts'
import { parseDeviceKey } from '../../shared/ids.ts'
import { rootLinksMax } from '../../shared/limits.ts'
import { certifyKey } from '../../shared/record/keys.ts'
import { type SignedRoot, signRoot } from '../../shared/record/root.ts'

export interface PresentKeys {
  readonly root: Signer
  readonly signer: Signer
  /** When the root certified the signing key, milliseconds since the Unix epoch. */
  readonly certifiedAt: number
  /** What leads from former roots to this one, the oldest first. */
  readonly chain: readonly SignedRoot[]
}

export interface NextRoot {
  readonly chain: readonly SignedRoot[]
  readonly serial: number
  /** The signing key's, by the new root. */
  readonly certificate: Uint8Array
  readonly certifiedAt: number
  /** True where the oldest link had to go: devices and tokens that pin what was before it can't follow any more. */
  readonly shortened: boolean
}

/** Both roots sign that `next` follows, and `next` certifies the signing key anew. */
export function nextRoot(present: PresentKeys, next: Signer, now: number, sha256: Sha256): NextRoot {
  const { certifiedAt: before, chain, root, signer } = present
  const last = chain.at(-1)?.link
  // By a clock that went back the signing key would seem older than it was.
  const issuedAt = Math.max(Math.floor(now), before + 1, (last?.issuedAt ?? 0) + 1)
  const serial = (last?.serial ?? 0) + 1
  const keyOf = ({ publicKey }: Signer) => parseDeviceKey(toBase64(publicKey))
  const link = signRoot({ serial, root: keyOf(root), next: keyOf(next), issuedAt }, root, next, sha256)
  const kept = [...chain, link].slice(-rootLinksMax)
  const certificate = certifyKey(signer.publicKey, issuedAt, next, sha256)
  return { chain: kept, serial, certificate, certifiedAt: issuedAt, shortened: kept.length <= chain.length }
}

export interface NextSigner {
  readonly certificate: Uint8Array
  readonly certifiedAt: number
}

/** The root certifies `next` later than the present one, which is what devices ask of a newcomer. */
export function nextSigner(
  { certifiedAt: before, root }: Pick<PresentKeys, 'certifiedAt' | 'root'>,
  next: Signer,
  now: number,
  sha256: Sha256,
): NextSigner {
  // By a clock that went back the new key would be the older one, and refused.
  const certifiedAt = Math.max(Math.floor(now), before + 1)
  return { certificate: certifyKey(next.publicKey, certifiedAt, root, sha256), certifiedAt }
}
