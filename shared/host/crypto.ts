// Keys and signatures by node:crypto. Private halves are raw 32-byte seeds in memory and 0600 files on disk.

import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  verify as cryptoVerify,
  diffieHellman,
  generateKeyPairSync,
  hash,
  hkdfSync,
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
const X25519_PUBLIC = Buffer.from('302a300506032b656e032100', 'hex')

export const sha256: Sha256 = (bytes) => hash('sha256', bytes, 'buffer')

/** Public keys turned into key objects: a node verifies the same few over and over. */
const known = new Map<string, KeyObject>()
const KNOWN_MAX = 4_096

/** Of 32 raw bytes. */
export function publicKeyObject(publicKey: Uint8Array): KeyObject {
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

/** What a WireGuard key pair shares with the holder of another (X25519, RFC 7748 §6.1), 32 bytes, by the peer's public key. */
export function sharedSecretWith(privateBase64: string): (peer: WgKey) => Uint8Array {
  const own = privateKey(X25519_PRIVATE, Buffer.from(privateBase64, 'base64'))
  return (peer) => {
    const der = Buffer.concat([X25519_PUBLIC, Buffer.from(peer, 'base64')])
    return new Uint8Array(
      diffieHellman({ privateKey: own, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) }),
    )
  }
}

/** HKDF with SHA-256 (RFC 5869). */
export function hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, length))
}

const secretKeys = new WeakMap<Uint8Array, KeyObject>()

/**
 * A secret key for Node's ciphers and MACs, made once for as long as the bytes are held, which may not change. Given as bytes,
 * a key costs three times what is done with it.
 */
export function secretKeyObject(key: Uint8Array): KeyObject {
  let object = secretKeys.get(key)
  if (object === undefined) {
    object = createSecretKey(key)
    secretKeys.set(key, object)
  }
  return object
}

const AEAD = 'chacha20-poly1305'
const aeadTagBytes = 16

/** Ciphertext and tag (ChaCha20-Poly1305, RFC 8439 §2.8). A nonce of 12 bytes, never used twice under one key. */
export function sealAead(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array): Uint8Array {
  const cipher = createCipheriv(AEAD, secretKeyObject(key), nonce, { authTagLength: aeadTagBytes })
  cipher.setAAD(aad, { plaintextLength: plain.length })
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** The plain text; undefined where the tag does not fit. */
export function openAead(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  aad: Uint8Array,
): Uint8Array | undefined {
  const length = sealed.length - aeadTagBytes
  if (length < 0) return undefined
  const decipher = createDecipheriv(AEAD, secretKeyObject(key), nonce, { authTagLength: aeadTagBytes })
  decipher.setAAD(aad, { plaintextLength: length })
  decipher.setAuthTag(sealed.subarray(length))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, length)), decipher.final()])
  } catch {
    return undefined
  }
}

/** Compares secrets in time that depends on their length only. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
