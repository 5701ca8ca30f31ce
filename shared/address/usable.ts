// Which addresses of a mesh block may belong to a node. The address of the block itself names the block, the first one is
// left for the resolver of every node, and the last one of IPv4 is the broadcast address.

import { type Address, blockOf, type Cidr, familyOf, sizeOf } from './cidr.ts'
import { parseIp } from './ip.ts'

/** Offsets from the start of a block that are never handed out. */
export const reservedAtStart = 2n

/** Usable addresses of a block. */
export function capacity(cidr: Cidr): bigint {
  return sizeOf(cidr) - reservedAtStart - (familyOf(cidr) === 4 ? 1n : 0n)
}

/** Number of an address among the usable ones of the block, from 0; outside them it is below 0 or beyond `capacity`. */
export function ordinal(cidr: Cidr, address: Address): bigint {
  return parseIp(address).value - blockOf(cidr).value - reservedAtStart
}

export function isUsable(cidr: Cidr, address: Address): boolean {
  if (familyOf(cidr) !== familyOf(address)) return false
  const number = ordinal(cidr, address)
  return number >= 0n && number < capacity(cidr)
}
