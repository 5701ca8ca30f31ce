// The cryptography of the relay's words: MACs, and a key that both ends of a bind agree on without sending it.

import { createHmac, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto'
import { concat, utf8 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sameSecret, secretKeyObject } from '../../shared/host/crypto.ts'
import type { NodeId } from '../../shared/ids.ts'
import { macBytes } from './frames.ts'

/** What stands before the 32 raw bytes of a public X25519 key (RFC 8410). */
const X25519_PUBLIC = Buffer.from('302a300506032b656e032100', 'hex')

/** HMAC-SHA256 cut to 16 bytes (RFC 2104 §5). */
export function mac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac('sha256', secretKeyObject(key))
  for (const part of parts) hmac.update(part)
  return new Uint8Array(hmac.digest().subarray(0, macBytes))
}

export function macHolds(key: Uint8Array, bytes: Uint8Array, claimed: Uint8Array): boolean {
  return sameSecret(mac(key, bytes), claimed)
}

/** Who agrees on a key with whom for which session; part of its derivation. */
export interface Agreement {
  readonly relay: NodeId
  readonly node: NodeId
  readonly peer: NodeId
}

/** One X25519 key pair; its private half stays inside. */
export interface Exchange {
  readonly publicKey: Uint8Array
  /** The session key. Throws `invalid` where `theirs` is no key that secrets can be made with. */
  agree(theirs: Uint8Array, agreement: Agreement): Uint8Array
}

function derive(privateKey: KeyObject, theirs: Uint8Array): Buffer {
  try {
    const der = Buffer.concat([X25519_PUBLIC, theirs])
    return diffieHellman({ privateKey, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) })
  } catch (cause) {
    // RFC 7748 §6.1: a point of small order gives a secret that everybody knows.
    throw new HoldfastError('invalid', 'the other end’s key is not usable', { cause })
  }
}

export function createExchange(): Exchange {
  const pair = generateKeyPairSync('x25519')
  const publicKey = new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
  return {
    publicKey,
    agree(theirs, { node, peer, relay }) {
      const shared = derive(pair.privateKey, theirs)
      const info = concat(utf8('holdfast relay 1'), utf8(relay), utf8(node), utf8(peer))
      return new Uint8Array(hkdfSync('sha256', shared, new Uint8Array(0), info, 32))
    },
  }
}
