// Branded strings: once parsed, a value of these types is well-formed, so nothing downstream checks again.

import { fromBase64, toBase64 } from './bytes.ts'
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
  return key32(text, 'WireGuard key') as WgKey
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

export function parseName(text: string): Name {
  if (!LABEL.test(text)) {
    throw new HoldfastError('invalid', `"${text.slice(0, 70)}" is not a name`, {
      remedy: 'Use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends.',
    })
  }
  return text as Name
}
