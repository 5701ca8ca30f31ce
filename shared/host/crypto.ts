// Keys and signatures by node:crypto. Private halves are raw 32-byte seeds in memory and 0600 files on disk.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  verify as cryptoVerify,
  generateKeyPairSync,
  type KeyObject,
  sign,
  timingSafeEqual,
} from 'node:crypto'
import { toBase64 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { parseWgKey, type WgKey } from '../ids.ts'

// DER prefixes of RFC 8410: what stands before the 32 raw bytes of a key.
const ED25519_PRIVATE = Buffer.from('302e020100300506032b657004220420', 'hex')
const ED25519_PUBLIC = Buffer.from('302a300506032b6570032100', 'hex')
const X25519_PRIVATE = Buffer.from('302e020100300506032b656e04220420', 'hex')

export const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest()

/** Public keys turned into key objects: a node verifies the same few over and over. */
const known = new Map<string, KeyObject>()
const KNOWN_MAX = 4_096

function publicKeyObject(publicKey: Uint8Array): KeyObject {
  const id = toBase64(publicKey)
  const held = known.get(id)
  if (held !== undefined) return held
  const key = createPublicKey({ key: Buffer.concat([ED25519_PUBLIC, publicKey]), format: 'der', type: 'spki' })
  if (known.size >= KNOWN_MAX) known.clear()
  known.set(id, key)
  return key
}

export const verify: Verify = (publicKey, message, signature) => {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  try {
    return cryptoVerify(null, message, publicKeyObject(publicKey), signature)
  } catch {
    // A public key that is no point on the curve verifies nothing.
    return false
  }
}

function rawPublic(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(-32))
}

function rawSeed(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }).subarray(-32))
}

function privateKey(prefix: Buffer, seed: Uint8Array): KeyObject {
  if (seed.length !== 32) throw new HoldfastError('corrupt', `a private key has ${seed.length} bytes instead of 32`)
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' })
}

/** A fresh Ed25519 seed, 32 bytes. */
export function generateSigningSeed(): Uint8Array {
  return rawSeed(generateKeyPairSync('ed25519').privateKey)
}

export function signerFromSeed(seed: Uint8Array): Signer {
  const key = privateKey(ED25519_PRIVATE, seed)
  return { publicKey: rawPublic(createPublicKey(key)), sign: (message) => new Uint8Array(sign(null, message, key)) }
}

/** A fresh WireGuard private key, base64 as `wg genkey` prints it. */
export function generateWgPrivateKey(): string {
  const seed = rawSeed(generateKeyPairSync('x25519').privateKey)
  // Clamped as Curve25519 asks (RFC 7748 §5), because `wg` prints it back clamped.
  seed[0] = (seed[0] as number) & 248
  seed[31] = ((seed[31] as number) & 127) | 64
  return toBase64(seed)
}

export function wgPublicKey(privateBase64: string): WgKey {
  const key = privateKey(X25519_PRIVATE, Buffer.from(privateBase64, 'base64'))
  return parseWgKey(toBase64(rawPublic(createPublicKey(key))))
}

/** Compares secrets in time that depends on their length only. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
