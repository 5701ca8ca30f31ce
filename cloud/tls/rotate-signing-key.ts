// Another signing key in place of the present one: for a disk that was sold, a backup that was lost, a person who left. The
// root certifies it later than the one before, which is what devices ask of a newcomer; they learn it with the first revision
// that it signs, from the hub, from peers or from a file, and refuse the old one from then on.

import { join } from 'node:path'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { generateSigningSeed, sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { readKeyCertificate } from '../../shared/record/keys.ts'
import { nextSigner } from './next-keys.ts'
import { settleStaged } from './staged-files.ts'

export interface Rotated {
  /** Key ids, sixteen hex digits. */
  readonly before: string
  readonly after: string
}

function need(path: string): string {
  const text = readIfThere(path)?.trim()
  if (text !== undefined) return text
  throw new HoldfastError('not-found', `there is no ${path}`, {
    remedy: 'Run this on the hub’s machine, with its --data; it works on a hub that has been started once.',
  })
}

/** Takes effect when the hub starts again. */
export function rotateSigningKey(directory: string, now: number): Rotated {
  settleStaged(directory)
  const root = signerFromSeed(fromBase64(need(join(directory, 'root.key'))))
  const held = fromBase64(need(join(directory, 'signing.crt')))
  const { issuedAt, publicKey } = readKeyCertificate(held, root.publicKey, verify, sha256)
  const seed = generateSigningSeed()
  const next = signerFromSeed(seed)
  const { certificate } = nextSigner({ root, certifiedAt: issuedAt }, next, now, sha256)
  writeAtomic(join(directory, 'signing.crt'), `${toBase64(certificate)}\n`)
  writeAtomic(join(directory, 'signing.key'), `${toBase64(seed)}\n`)
  return { before: keyIdOf(publicKey, sha256), after: keyIdOf(next.publicKey, sha256) }
}
