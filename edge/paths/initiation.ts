// The first message of a WireGuard handshake, as far as somebody without a key can read it: whom it is for. Its first MAC is
// made with nothing but that peer's public key (WireGuard paper §5.4.4).

import { blake2s } from '@noble/hashes/blake2.js'
import { concat, fromBase64, sameBytes, utf8 } from '../../shared/bytes.ts'
import type { WgKey } from '../../shared/ids.ts'

const initiationBytes = 148
/** Type 1 and three zeros. */
const TYPE = Uint8Array.of(1, 0, 0, 0)
const MAC1_AT = 116
const MAC_BYTES = 16
const LABEL = utf8('mac1----')

export function isInitiation(bytes: Uint8Array): boolean {
  return bytes.length === initiationBytes && sameBytes(bytes.subarray(0, 4), TYPE)
}

/** What initiations for the peer are recognized by. */
export function mac1Key(peer: WgKey): Uint8Array {
  return blake2s(concat(LABEL, fromBase64(peer)))
}

function mac1(key: Uint8Array, covered: Uint8Array): Uint8Array {
  return blake2s(covered, { key, dkLen: MAC_BYTES })
}

/** `bytes` are an initiation, `key` the `mac1Key` of a peer. */
export function isFor(key: Uint8Array, bytes: Uint8Array): boolean {
  return sameBytes(mac1(key, bytes.subarray(0, MAC1_AT)), bytes.subarray(MAC1_AT, MAC1_AT + MAC_BYTES))
}

/** An initiation that says nothing but whom it is for. @testonly */
export function initiationFor(peer: WgKey): Uint8Array {
  const covered = concat(TYPE, new Uint8Array(MAC1_AT - TYPE.length))
  return concat(covered, mac1(mac1Key(peer), covered), new Uint8Array(MAC_BYTES))
}
