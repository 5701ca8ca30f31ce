// A lock key in a file: the seed of an Ed25519 key, readable by nobody but its owner. Its place is not the hub.

import { existsSync } from 'node:fs'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { generateSigningSeed, signerFromSeed } from '../../shared/host/crypto.ts'
import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import { type DeviceKey, parseDeviceKey } from '../../shared/ids.ts'

/** The public half, as a lock names it. */
export function publicHalf(signer: Signer): DeviceKey {
  return parseDeviceKey(toBase64(signer.publicKey))
}

/** Throws `conflict` where something is there: a key that is overwritten is lost. */
export function makeKeyFile(path: string): DeviceKey {
  if (existsSync(path)) {
    throw new HoldfastError('conflict', `${path} exists already`, {
      remedy: 'Choose another name; a key is never overwritten.',
    })
  }
  const seed = generateSigningSeed()
  writeAtomic(path, `${toBase64(seed)}\n`)
  return publicHalf(signerFromSeed(seed))
}

export function openKeyFile(path: string): Signer {
  const text = readIfThere(path)
  const remedy = 'Give the file that `holdfast-hub lock key` wrote.'
  if (text === undefined) throw new HoldfastError('not-found', `there is no file ${path}`, { remedy })
  try {
    return signerFromSeed(fromBase64(text.trim()))
  } catch (cause) {
    throw new HoldfastError('invalid', `${path} does not hold a lock key`, { cause, remedy })
  }
}
