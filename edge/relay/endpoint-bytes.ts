// An endpoint in eighteen bytes, as relays and nodes write it to each other.

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, portOf } from '../../shared/address/endpoint.ts'
import { formatIp, tryParseIp } from '../../shared/address/ip.ts'

const MAPPED = 0xffffn << 32n

/** Sixteen bytes of address, IPv4 as IPv4-mapped (RFC 4291 §2.5.5.2), and two of port. */
export function endpointBytes(endpoint: Endpoint): Uint8Array {
  const ip = tryParseIp(hostOf(endpoint)) ?? { family: 6, value: 0n }
  const value = ip.family === 4 ? MAPPED | ip.value : ip.value
  const out = new Uint8Array(18)
  const view = new DataView(out.buffer)
  view.setBigUint64(0, value >> 64n)
  view.setBigUint64(8, value & 0xffffffffffffffffn)
  view.setUint16(16, portOf(endpoint))
  return out
}

/** The inverse. */
export function endpointFrom(bytes: Uint8Array): Endpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 18)
  const value = (view.getBigUint64(0) << 64n) | view.getBigUint64(8)
  const ip =
    value >> 32n === 0xffffn ? ({ family: 4, value: value & 0xffffffffn } as const) : { family: 6 as const, value }
  return formatEndpoint(formatIp(ip) as Address, view.getUint16(16))
}
