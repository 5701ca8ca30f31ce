// The hub's root and signing keys. The root only certifies signing keys, and the root that follows it; devices pin it. Losing
// these files means that every device has to join again, so they are made once, replaced by none but themselves (rotation),
// and part of every backup.

import { join } from 'node:path'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Clock, Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { generateSigningSeed, sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { makePrivateDirectory, readIfThere, writeAtomic } from '../../shared/host/files.ts'
import { parseDeviceKey } from '../../shared/ids.ts'
import { certifyKey, openKeyCertificate } from '../../shared/record/keys.ts'
import type { SignedRoot } from '../../shared/record/root.ts'
import { sealAuthority } from '../../shared/wire/authority.ts'
import type { Anchor } from '../../shared/wire/enrol.ts'
import { readRootChain } from './root-chain.ts'
import { settleStaged } from './staged-files.ts'

export interface HubKeys {
  readonly anchor: Anchor
  readonly signer: Signer
  readonly keyCertificates: readonly Uint8Array[]
  /** What leads from former roots to this one; empty where there were none. */
  readonly roots: readonly SignedRoot[]
  /** The TLS authority, signed by the root: for devices that pin one that was lost. */
  readonly signedAuthority: Uint8Array
}

function openSeed(path: string): Signer {
  const held = readIfThere(path)
  if (held !== undefined) {
    try {
      return signerFromSeed(fromBase64(held.trim()))
    } catch (cause) {
      throw new HoldfastError('corrupt', `${path} is not a key`, { cause, remedy: 'Bring it back from a backup.' })
    }
  }
  const seed = generateSigningSeed()
  writeAtomic(path, `${toBase64(seed)}\n`)
  return signerFromSeed(seed)
}

/** Kept rather than made anew: its bytes are part of the records, which a restart must not change. */
function openCertificate(path: string, root: Signer, signer: Signer, now: number): Uint8Array {
  const held = readIfThere(path)
  if (held !== undefined) {
    const envelope = fromBase64(held.trim())
    const certified = openKeyCertificate(envelope, root.publicKey, verify, sha256)
    if (toBase64(certified) === toBase64(signer.publicKey)) return envelope
  }
  const envelope = certifyKey(signer.publicKey, now, root, sha256)
  writeAtomic(path, `${toBase64(envelope)}\n`)
  return envelope
}

export function openHubKeys(directory: string, authorityDer: Uint8Array, clock: Clock): HubKeys {
  makePrivateDirectory(directory)
  settleStaged(directory)
  const root = openSeed(join(directory, 'root.key'))
  const signer = openSeed(join(directory, 'signing.key'))
  const certificate = openCertificate(join(directory, 'signing.crt'), root, signer, clock.now())
  return {
    anchor: { rootKey: parseDeviceKey(toBase64(root.publicKey)), tlsAuthority: toBase64(authorityDer) },
    signer,
    keyCertificates: [certificate],
    roots: readRootChain(directory, root.publicKey),
    signedAuthority: sealAuthority(authorityDer, root, sha256),
  }
}
