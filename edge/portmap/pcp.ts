// Messages of the Port Control Protocol (RFC 6887), as far as one UDP mapping needs them: MAP and ANNOUNCE. Pure.

import type { Address } from '../../shared/address/cidr.ts'
import { formatIp, parseIp } from '../../shared/address/ip.ts'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'

const VERSION = 2
const HEADER_BYTES = 24
const MAP_BYTES = 36
/** RFC 6887 §7. */
const MESSAGE_BYTES_MAX = 1_100
const UDP = 17
const RESPONSE = 0x80
const V4_MAPPED = 0xffffn << 32n

export const opcodes = { announce: 0, map: 1 } as const

/** RFC 6887 §7.4, from 1 on. */
const RESULTS = [
  'it does not speak this version',
  'it allows nobody to map ports',
  'it found the request malformed',
  'it does not know the operation',
  'it does not know an option',
  'it found an option malformed',
  'it has no connection outside',
  'it has no room for more mappings',
  'it does not map UDP',
  'it allows this host no more mappings',
  'it can’t give that outside port',
  'it wants no mapping for others',
  'another NAT stands between it and this host',
  'it excludes too much',
] as const
export const unsupportedVersion = 1

export function pcpResultText(result: number): string {
  return RESULTS[result - 1] ?? `result ${result}`
}

export interface MapRequest {
  readonly local: Address
  /** 12 random bytes in base64. */
  readonly nonce: string
  readonly internalPort: number
  readonly externalPort: number
  /** 0 takes the mapping back. */
  readonly lifetimeS: number
}

function header(opcode: number, lifetimeS: number, local: Address, length: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(length))
  view.setUint8(0, VERSION)
  view.setUint8(1, opcode)
  view.setUint32(4, lifetimeS)
  putAddress(view, 8, local)
  return view
}

function putAddress(view: DataView, at: number, address: Address): void {
  const { family, value } = parseIp(address)
  const whole = family === 4 ? V4_MAPPED | value : value
  view.setBigUint64(at, whole >> 64n)
  view.setBigUint64(at + 8, whole & 0xffff_ffff_ffff_ffffn)
}

/** Undefined for the unspecified address of either family. */
function readAddress(view: DataView, at: number): Address | undefined {
  const value = (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8)
  if (value === 0n || value === V4_MAPPED) return undefined
  const four = value >> 32n === 0xffffn
  return formatIp({ family: four ? 4 : 6, value: four ? value & 0xffff_ffffn : value }) as Address
}

export function encodeMapRequest({ externalPort, internalPort, lifetimeS, local, nonce }: MapRequest): Uint8Array {
  const view = header(opcodes.map, lifetimeS, local, HEADER_BYTES + MAP_BYTES)
  const bytes = new Uint8Array(view.buffer)
  bytes.set(fromBase64(nonce), HEADER_BYTES)
  view.setUint8(36, UDP)
  view.setUint16(40, internalPort)
  view.setUint16(42, externalPort)
  // No outside address is preferred: the unspecified one, of IPv4 (§11.1).
  putAddress(view, 44, '0.0.0.0' as Address)
  return bytes
}

/** Asks for nothing but the epoch (§14.1). */
export function encodeAnnounceRequest(local: Address): Uint8Array {
  return new Uint8Array(header(opcodes.announce, 0, local, HEADER_BYTES).buffer)
}

export interface PcpAnswer {
  readonly opcode: number
  readonly result: number
  /** Of the mapping, or how long the refusal holds. */
  readonly lifetimeS: number
  readonly epochS: number
  /** Present in answers to MAP. */
  readonly map?: {
    readonly nonce: string
    readonly internalPort: number
    readonly externalPort: number
    readonly external: Address | undefined
  }
}

/** Undefined for what is no answer, or one about another protocol than UDP. Options behind the mapping change nothing here. */
export function parsePcpAnswer(bytes: Uint8Array): PcpAnswer | undefined {
  if (bytes.length < HEADER_BYTES || bytes.length > MESSAGE_BYTES_MAX || bytes.length % 4 !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const kind = view.getUint8(1)
  if (view.getUint8(0) !== VERSION || (kind & RESPONSE) === 0) return undefined
  const opcode = kind & 0x7f
  const lead = { opcode, result: view.getUint8(3), lifetimeS: view.getUint32(4), epochS: view.getUint32(8) }
  if (opcode !== opcodes.map) return lead
  if (bytes.length < HEADER_BYTES + MAP_BYTES) return lead.result === 0 ? undefined : lead
  if (view.getUint8(36) !== UDP) return undefined
  return {
    ...lead,
    map: {
      nonce: toBase64(bytes.subarray(HEADER_BYTES, HEADER_BYTES + 12)),
      internalPort: view.getUint16(40),
      externalPort: view.getUint16(42),
      external: readAddress(view, 44),
    },
  }
}
