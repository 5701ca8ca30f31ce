// Mesh addresses: given once, never moved. The first address of a block is left for the resolver of every node.

import {
  type Address,
  addressAt,
  blockOf,
  type Cidr,
  contains,
  familyOf,
  hostCidr,
  sizeOf,
} from '../../shared/address/cidr.ts'
import { parseIp } from '../../shared/address/ip.ts'
import { HoldfastError } from '../../shared/errors.ts'

/** Offsets from the start of a block that are never handed out: network address and first address. */
const RESERVED_AT_START = 2n

/** What is taken in one network, and where the last search ended: addresses that were freed are used again last. */
export interface Pool {
  readonly cidr: Cidr
  readonly taken: { has(address: Address): boolean; readonly size: number }
  /** Number of the usable address at which to begin; searching wraps around. */
  readonly cursor: bigint
}

export interface Allocated {
  readonly address: Address
  readonly cursor: bigint
}

/** Usable addresses of a block: without the reserved ones and, in IPv4, without the broadcast address. */
export function capacity(cidr: Cidr): bigint {
  return sizeOf(cidr) - RESERVED_AT_START - (familyOf(cidr) === 4 ? 1n : 0n)
}

/** True for addresses of the block that may belong to a node. */
export function isUsable(cidr: Cidr, address: Address): boolean {
  if (!contains(cidr, hostCidr(address))) return false
  const number = ordinal(cidr, address)
  return number >= 0n && number < capacity(cidr)
}

/** Number of a usable address in its block, from 0. */
export function ordinal(cidr: Cidr, address: Address): bigint {
  return parseIp(address).value - blockOf(cidr).value - RESERVED_AT_START
}

/** The usable address of that number, where the block has one. */
export function nth(cidr: Cidr, number: bigint): Address | undefined {
  return number >= 0n && number < capacity(cidr) ? addressAt(cidr, RESERVED_AT_START + number) : undefined
}

/** The next free address at or behind the cursor. Throws `exhausted` when there is none. */
export function allocate(pool: Pool): Allocated {
  const room = capacity(pool.cidr)
  // A block of 2^64 is never full; the search needs to look at no more than what is taken, plus one.
  const tries = room < BigInt(pool.taken.size) + 1n ? room : BigInt(pool.taken.size) + 1n
  for (let i = 0n; i < tries; i++) {
    const offset = RESERVED_AT_START + ((pool.cursor + i) % room)
    const address = addressAt(pool.cidr, offset)
    if (!pool.taken.has(address)) return { address, cursor: (pool.cursor + i + 1n) % room }
  }
  throw new HoldfastError('exhausted', `all ${room} addresses of ${pool.cidr} are taken`, {
    remedy: 'Delete nodes that are gone, or make a Network with a wider block.',
  })
}
