// The key that releases are signed with: Ed25519, PKCS#8 in PEM, outside of every checkout, readable by its owner alone.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve, sep } from 'node:path'
import type { Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { readIfThere } from '../../shared/host/files.ts'

const root = resolve(import.meta.dirname, '../..')

export function defaultKeyPath(): string {
  return join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'holdfast', 'release-signing-key.pem')
}

function parse(path: string, pem: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    throw new HoldfastError('invalid', `${path} holds no private key in PEM`, { cause })
  }
  if (key.asymmetricKeyType === 'ed25519') return key
  throw new HoldfastError(
    'invalid',
    `${path} holds a key of ${key.asymmetricKeyType}, and releases are signed by Ed25519`,
    {
      remedy: `Make one with: openssl genpkey -algorithm ed25519 -out ${path}`,
    },
  )
}

function make(path: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519')
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // Never over one that is there: it may be the only copy.
  writeFileSync(path, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600, flag: 'wx' })
  return privateKey
}

export interface SigningKey {
  readonly signer: Signer
  /** PEM, as `release-key.pem` of the release. */
  readonly publicPem: string
  readonly isNew: boolean
}

/** Reads the key at `path`, or makes it there. Throws where others may read it, or where it lies in the checkout. */
export function openSigningKey(path: string): SigningKey {
  const full = resolve(path)
  if (full.startsWith(root + sep)) {
    throw new HoldfastError('usage', `${path} lies in the checkout, and would be published with it`, {
      remedy: `Keep it elsewhere, such as in ${defaultKeyPath()}.`,
    })
  }
  const pem = readIfThere(full)
  if (pem !== undefined && (statSync(full).mode & 0o077) !== 0) {
    throw new HoldfastError('forbidden', `${path} may be read by others`, { remedy: `chmod 600 ${path}` })
  }
  const key = pem === undefined ? make(full) : parse(path, readFileSync(full, 'utf8'))
  const publicKey = createPublicKey(key)
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return {
    signer: { publicKey: new Uint8Array(raw), sign: (message) => new Uint8Array(sign(null, message, key)) },
    publicPem: publicKey.export({ format: 'pem', type: 'spki' }) as string,
    isNew: pem === undefined,
  }
}
