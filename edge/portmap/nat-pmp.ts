// Messages of the NAT Port Mapping Protocol (RFC 6886), for routers that do not speak PCP. Pure.

import type { Address } from '../../shared/address/cidr.ts'
import { formatIp } from '../../shared/address/ip.ts'

const VERSION = 0
const RESPONSE = 128
const operations = { address: 0, mapUdp: 1 } as const

/** RFC 6886 §3.5, from 1 on. */
const RESULTS = [
  'it does not speak this version',
  'it allows nobody to map ports',
  'it has no connection outside',
  'it has no room for more mappings',
  'it does not know the operation',
] as const

export function natPmpResultText(result: number): string {
  return RESULTS[result - 1] ?? `result ${result}`
}

export function encodeAddressRequest(): Uint8Array {
  return Uint8Array.of(VERSION, operations.address)
}

export interface UdpMapping {
  readonly internalPort: number
  readonly externalPort: number
  readonly lifetimeS: number
}

/** A lifetime of 0 takes the mapping back; then the outside port has to be 0, too (§3.4). */
export function encodeUdpMapRequest({ externalPort, internalPort, lifetimeS }: UdpMapping): Uint8Array {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  view.setUint8(1, operations.mapUdp)
  view.setUint16(4, internalPort)
  view.setUint16(6, externalPort)
  view.setUint32(8, lifetimeS)
  return bytes
}

export interface NatPmpAnswer {
  readonly about: 'address' | 'mapping'
  readonly result: number
  readonly epochS: number
  /** Where `about` is `address` and the router has one. */
  readonly external?: Address
  /** Where `about` is `mapping` and the result is 0. */
  readonly mapping?: UdpMapping
}

/** Undefined for what is no answer. */
export function parseNatPmpAnswer(bytes: Uint8Array): NatPmpAnswer | undefined {
  if (bytes.length < 8 || bytes.length > 16 || bytes[0] !== VERSION) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const operation = view.getUint8(1) - RESPONSE
  const [result, epochS] = [view.getUint16(2), view.getUint32(4)]
  if (operation === operations.address) {
    if (result !== 0) return { about: 'address', result, epochS }
    if (bytes.length !== 12) return undefined
    const value = BigInt(view.getUint32(8))
    return {
      about: 'address',
      result,
      epochS,
      ...(value === 0n ? {} : { external: formatIp({ family: 4, value }) as Address }),
    }
  }
  if (operation !== operations.mapUdp) return undefined
  if (result !== 0) return { about: 'mapping', result, epochS }
  if (bytes.length !== 16) return undefined
  const mapping = { internalPort: view.getUint16(8), externalPort: view.getUint16(10), lifetimeS: view.getUint32(12) }
  return { about: 'mapping', result, epochS, mapping }
}
