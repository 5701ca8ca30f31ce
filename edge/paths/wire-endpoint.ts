// An endpoint in 18 bytes: the address as IPv6, an IPv4 one mapped into it (RFC 4291 §2.5.5.2), and the port.

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, portOf } from '../../shared/address/endpoint.ts'
import { formatIp, parseIp } from '../../shared/address/ip.ts'

export const endpointBytes = 18
const MAPPED = 0xffffn << 32n

export function encodeEndpoint(endpoint: Endpoint): Uint8Array {
  const { family, value } = parseIp(hostOf(endpoint))
  const whole = family === 4 ? MAPPED | value : value
  const bytes = new Uint8Array(endpointBytes)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, whole >> 64n)
  view.setBigUint64(8, whole & 0xffffffffffffffffn)
  view.setUint16(16, portOf(endpoint))
  return bytes
}

/** Undefined for a port 0, which is no place to be. */
export function decodeEndpoint(bytes: Uint8Array): Endpoint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, endpointBytes)
  const value = (view.getBigUint64(0) << 64n) | view.getBigUint64(8)
  const port = view.getUint16(16)
  if (port === 0) return undefined
  const mapped = value >> 32n === 0xffffn
  const text = formatIp(mapped ? { family: 4, value: value & 0xffffffffn } : { family: 6, value })
  return formatEndpoint(text as Address, port)
}
