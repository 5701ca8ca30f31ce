// The first message of a WireGuard handshake (WireGuard paper §5.4.2), by whoever has a private key, for any time.

import {
  createCipheriv,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { blake2s } from '@noble/hashes/blake2.js'
import { concat, fromBase64, utf8 } from '../../shared/bytes.ts'
import { sharedSecretWith, wgPublicKey } from '../../shared/host/crypto.ts'
import type { WgKey } from '../../shared/ids.ts'

const CONSTRUCTION = utf8('Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s')
const IDENTIFIER = utf8('WireGuard v1 zx2c4 Jason@zx2c4.com')
/** What stands before the 32 raw bytes of a public X25519 key (RFC 8410). */
const X25519_PUBLIC = Buffer.from('302a300506032b656e032100', 'hex')
const LABEL_MAC1 = utf8('mac1----')
/** TAI64's zero, with the ten leap seconds that WireGuard leaves at that. */
const TAI_EPOCH = 2n ** 62n + 10n

const hash = (...parts: readonly Uint8Array[]): Uint8Array => blake2s(concat(...parts))

/** HMAC over BLAKE2s, as Noise uses it, and not BLAKE2s's own keyed mode. */
function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac('blake2s256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** Chaining key and key. */
function derive(chain: Uint8Array, input: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const secret = hmac(chain, input)
  const first = hmac(secret, Uint8Array.of(1))
  return [first, hmac(secret, first, Uint8Array.of(2))]
}

function seal(key: Uint8Array, plain: Uint8Array, aad: Uint8Array): Uint8Array {
  const cipher = createCipheriv('chacha20-poly1305', key, new Uint8Array(12), { authTagLength: 16 })
  cipher.setAAD(aad, { plaintextLength: plain.length })
  return concat(cipher.update(plain), cipher.final(), cipher.getAuthTag())
}

function timestamp(atMs: number): Uint8Array {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, TAI_EPOCH + BigInt(Math.floor(atMs / 1_000)))
  view.setUint32(8, (atMs % 1_000) * 1_000_000)
  return bytes
}

const rawPublic = (key: KeyObject): Uint8Array => key.export({ format: 'der', type: 'spki' }).subarray(-32)

/** 148 bytes from the holder of `privateKey` to `peer`, made at `atMs` by its own clock. */
export function initiate(privateKey: string, peer: WgKey, atMs: number): Uint8Array {
  const theirs = fromBase64(peer)
  const ephemeral = generateKeyPairSync('x25519')
  const ephemeralPublic = rawPublic(ephemeral.publicKey)
  const key = Buffer.concat([X25519_PUBLIC, theirs])
  const publicKey = createPublicKey({ key, format: 'der', type: 'spki' })
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey })

  let state = hash(hash(hash(CONSTRUCTION), IDENTIFIER), theirs)
  const [first] = derive(hash(CONSTRUCTION), ephemeralPublic)
  state = hash(state, ephemeralPublic)
  const [second, staticKey] = derive(first, shared)
  const sealedStatic = seal(staticKey, fromBase64(wgPublicKey(privateKey)), state)
  state = hash(state, sealedStatic)
  const [, timeKey] = derive(second, sharedSecretWith(privateKey)(peer))
  const sealedTime = seal(timeKey, timestamp(atMs), state)
  const sender = Uint8Array.of(7, 0, 0, 0)
  const covered = concat(Uint8Array.of(1, 0, 0, 0), sender, ephemeralPublic, sealedStatic, sealedTime)
  const mac1 = blake2s(covered, { key: hash(LABEL_MAC1, theirs), dkLen: 16 })
  return concat(covered, mac1, new Uint8Array(16))
}
