// The PROXY protocol, version 2: where a connection comes from that somebody passes on untouched.
// https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt, §2.2

import { formatIp, type Ip, tryParseIp } from '../address/ip.ts'
import { concat } from '../bytes.ts'

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
const HEAD = SIGNATURE.length + 4
const LOCAL = 0x20
const PROXY = 0x21
const TCP4 = 0x11
const TCP6 = 0x21
/** Addresses and whatever a proxy adds about itself; more is not ours to read. */
export const proxyHeaderBytesMax = HEAD + 512

export interface ProxyEnds {
  readonly source: string
  readonly sourcePort: number
  readonly target: string
  readonly targetPort: number
}

function addressBytes({ family, value }: Ip, length: 4 | 16): Uint8Array {
  // An IPv4 address among IPv6 ones is written as mapped, RFC 4291 §2.5.5.2.
  const number = family === 4 && length === 16 ? value | 0xffff_0000_0000n : value
  return Uint8Array.from({ length }, (_, i) => Number((number >> BigInt(8 * (length - 1 - i))) & 0xffn))
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff)
}

/** Unknown ends, as of a connection that is gone already, are told as none. */
export function encodeProxyHeader(ends: ProxyEnds): Uint8Array {
  const source = tryParseIp(plainAddress(ends.source))
  const target = tryParseIp(plainAddress(ends.target))
  if (source === undefined || target === undefined) return concat(SIGNATURE, Uint8Array.of(LOCAL, 0, 0, 0))
  const four = source.family === 4 && target.family === 4
  const length = four ? 4 : 16
  const body = concat(
    addressBytes(source, length),
    addressBytes(target, length),
    portBytes(ends.sourcePort),
    portBytes(ends.targetPort),
  )
  return concat(SIGNATURE, Uint8Array.of(PROXY, four ? TCP4 : TCP6, 0, body.length), body)
}

/** As systems with sockets of both families write IPv4 addresses, `::ffff:192.0.2.1`, as what they are. */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%')
  const plain = zone < 0 ? address : address.slice(0, zone)
  return plain.startsWith('::ffff:') && plain.includes('.') ? plain.slice('::ffff:'.length) : plain
}

function ipAt(bytes: Uint8Array): string {
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  const four = bytes.length === 4 || value >> 32n === 0xffffn
  return formatIp(four ? { family: 4, value: value & 0xffff_ffffn } : { family: 6, value })
}

/** What a connection begins with: `more` while it may yet be a header, `none` where it is something else. */
export function readProxyHeader(
  bytes: Uint8Array,
): { readonly length: number; readonly source: string | undefined } | 'more' | 'none' {
  const same = SIGNATURE.subarray(0, bytes.length).every((byte, i) => bytes[i] === byte)
  if (!same) return 'none'
  if (bytes.length < HEAD) return 'more'
  const [command = 0, family = 0, high = 0, low = 0] = bytes.subarray(SIGNATURE.length, HEAD)
  const length = HEAD + ((high << 8) | low)
  if (length > proxyHeaderBytesMax || (command !== LOCAL && command !== PROXY)) return 'none'
  if (bytes.length < length) return 'more'
  const size = family === TCP4 ? 4 : family === TCP6 ? 16 : 0
  // Of the proxy itself, or over something that has no addresses: the sender is the source.
  if (command === LOCAL || size === 0) return { length, source: undefined }
  if (length < HEAD + 2 * size + 4) return 'none'
  return { length, source: ipAt(bytes.subarray(HEAD, HEAD + size)) }
}
