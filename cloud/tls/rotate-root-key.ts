// Another root key in place of the present one: for exported keys that were lost, a safe that somebody else has opened. Both
// roots sign that the one follows the other, and the new one certifies the signing key anew; devices follow with the first
// revision that the hub signs, from the hub, from peers or from a file, however many rotations they have missed.

import { join } from 'node:path'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { generateSigningSeed, sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { readIfThere } from '../../shared/host/files.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { readKeyCertificate } from '../../shared/record/keys.ts'
import { nextRoot } from './next-keys.ts'
import { readRootChain, rootChainText } from './root-chain.ts'
import { replaceTogether, settleStaged } from './staged-files.ts'

export interface RotatedRoot {
  /** Key ids, sixteen hex digits. */
  readonly before: string
  readonly after: string
  readonly serial: number
  /** True where the oldest link had to go: devices and tokens that pin what was before it can't follow any more. */
  readonly shortened: boolean
}

function need(path: string): string {
  const text = readIfThere(path)?.trim()
  if (text !== undefined) return text
  throw new HoldfastError('not-found', `there is no ${path}`, {
    remedy: 'Run this on the hub’s machine, with its --data; it works on a hub that has been started once.',
  })
}

/** Takes effect when the hub starts again. */
export function rotateRootKey(directory: string, now: number): RotatedRoot {
  settleStaged(directory)
  const root = signerFromSeed(fromBase64(need(join(directory, 'root.key'))))
  const signer = signerFromSeed(fromBase64(need(join(directory, 'signing.key'))))
  const certified = fromBase64(need(join(directory, 'signing.crt')))
  const chain = readRootChain(directory, root.publicKey)
  const { issuedAt: certifiedAt } = readKeyCertificate(certified, root.publicKey, verify, sha256)
  const seed = generateSigningSeed()
  const next = signerFromSeed(seed)
  const made = nextRoot({ root, signer, certifiedAt, chain }, next, now, sha256)
  const { serial, shortened } = made
  replaceTogether(directory, {
    'root.key': `${toBase64(seed)}\n`,
    'root-chain.json': rootChainText(made.chain),
    'signing.crt': `${toBase64(made.certificate)}\n`,
  })
  const [before, after] = [root, next].map(({ publicKey }) => keyIdOf(publicKey, sha256)) as [string, string]
  return { before, after, serial, shortened }
}
