// What a site's own name server says of its machines, in the addresses that the mesh has for them: sites with equal addresses are
// mapped apart (`nat: netmap`), and their name servers know nothing of it. Addresses are replaced in the bytes; all else of an
// answer stays as it was said. Pure.

import { type Address, blockOf, type Cidr, contains, hostCidr, parseAddress } from '../../shared/address/cidr.ts'
import { formatIp } from '../../shared/address/ip.ts'
import { mapAddress } from '../../shared/address/netmap.ts'
import { toHex } from '../../shared/bytes.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import { recordsOf } from './times.ts'

/** A subnet, as it is called behind its router and in the mesh. */
export interface Mapping {
  readonly from: Cidr
  readonly to: Cidr
}

/** The name server proved the answer as he gave it (RFC 4035 §3.2.3), and nobody did as it is now. */
const AUTHENTIC_DATA = 0x0020
const INTERNET = 1
/** Types of records with an address, and how many bytes it has. */
const ADDRESSES: Readonly<Record<number, { readonly family: 4 | 6; readonly bytes: number }>> = {
  1: { family: 4, bytes: 4 },
  28: { family: 6, bytes: 16 },
}

/** Those by which one of the servers is reached: what it says is said of its own site. Each once. */
export function mappingsFor(servers: readonly Address[], routes: readonly BodyOf<'route'>[] = []): readonly Mapping[] {
  const found = new Map<string, Mapping>()
  for (const { spec } of routes) {
    const { destination: from, mapTo: to } = spec
    if (to === undefined || !servers.some((server) => contains(to, hostCidr(server)))) continue
    found.set(`${from} ${to}`, { from, to })
  }
  return [...found.values()]
}

function bytesOf(address: Address, count: number): Buffer {
  return Buffer.from(
    blockOf(hostCidr(address))
      .value.toString(16)
      .padStart(2 * count, '0'),
    'hex',
  )
}

/** The very same bytes where nothing of it is mapped, or it can't be read. */
export function withMapped(bytes: Buffer, mappings: readonly Mapping[]): Buffer {
  if (mappings.length === 0) return bytes
  let copy: Buffer | undefined
  for (const { cls, dataAt, length, type } of recordsOf(bytes) ?? []) {
    const kind = ADDRESSES[type]
    if (kind === undefined || cls !== INTERNET || length !== kind.bytes) continue
    const value = BigInt(`0x${toHex(bytes.subarray(dataAt, dataAt + length))}`)
    const said = parseAddress(formatIp({ family: kind.family, value }))
    const mapped = mappings.map(({ from, to }) => mapAddress(said, from, to)).find((one) => one !== undefined)
    if (mapped === undefined) continue
    copy ??= Buffer.from(bytes)
    copy.set(bytesOf(mapped, length), dataAt)
  }
  copy?.writeUInt16BE(copy.readUInt16BE(2) & ~AUTHENTIC_DATA, 2)
  return copy ?? bytes
}
