// Branded strings: once parsed, a value of these types is well-formed, so nothing downstream checks again.

import { fromBase64, toBase64, toHex } from './bytes.ts'
import { HoldfastError } from './errors.ts'

declare const brand: unique symbol
type Brand<Tag extends string> = string & { readonly [brand]: Tag }

/** A WireGuard (X25519) public key: 32 bytes, standard base64. */
export type WgKey = Brand<'WgKey'>
/** An Ed25519 public key: 32 bytes, standard base64. */
export type DeviceKey = Brand<'DeviceKey'>
/** Sixteen characters of lower-case base32: the hash of the node's first device key. */
export type NodeId = Brand<'NodeId'>
/** Twelve characters of lower-case base32, random. */
export type NetworkId = Brand<'NetworkId'>
/** A DNS label (RFC 1123): what people call a resource. */
export type Name = Brand<'Name'>

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** RFC 4648 base32, lower case, cut to `length` characters. */
export function base32(bytes: Uint8Array, length: number): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += BASE32[(value >>> bits) & 31]
      if (text.length === length) return text
    }
  }
  throw new HoldfastError('invalid', `${bytes.length} bytes are too few for ${length} base32 characters`)
}

/**
 * Points of small order on Curve25519, and their other encodings, little-endian: 0, 1, two of order eight, p − 1, p, p + 1
 * (RFC 7748 §6.1). With any of them the shared secret is zero, known to everybody.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
])

/** X25519 ignores the topmost bit (RFC 7748 §5), so it hides nothing here. */
function isSmallOrder(key: Uint8Array): boolean {
  const masked = key.slice()
  masked[31] = (masked[31] ?? 0) & 0x7f
  return SMALL_ORDER.has(toHex(masked))
}

function key32(text: string, what: string): string {
  let bytes: Uint8Array
  try {
    bytes = fromBase64(text)
  } catch (cause) {
    throw new HoldfastError('invalid', `${what} is not base64`, { cause })
  }
  if (bytes.length !== 32) throw new HoldfastError('invalid', `${what} has ${bytes.length} bytes instead of 32`)
  return toBase64(bytes)
}

export function parseWgKey(text: string): WgKey {
  const key = key32(text, 'WireGuard key')
  if (isSmallOrder(fromBase64(key))) {
    throw new HoldfastError('invalid', 'WireGuard key is one that gives no secret with anybody', {
      remedy: 'Make keys on the device: remove wg.key and join again.',
    })
  }
  return key as WgKey
}

export function parseDeviceKey(text: string): DeviceKey {
  return key32(text, 'device key') as DeviceKey
}

export function parseNodeId(text: string): NodeId {
  if (!/^[a-z2-7]{16}$/.test(text)) throw new HoldfastError('invalid', `"${text.slice(0, 40)}" is not a node id`)
  return text as NodeId
}

export function parseNetworkId(text: string): NetworkId {
  if (!/^[a-z2-7]{12}$/.test(text)) throw new HoldfastError('invalid', `"${text.slice(0, 40)}" is not a network id`)
  return text as NetworkId
}

export function isName(text: string): text is Name {
  return LABEL.test(text)
}

export function parseName(text: string): Name {
  if (!isName(text)) {
    throw new HoldfastError('invalid', `"${text.slice(0, 70)}" is not a name`, {
      remedy: 'Use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends.',
    })
  }
  return text
}
