// Mesh addresses: given once, never moved.

import { type Address, addressAt, type Cidr } from '../../shared/address/cidr.ts'
import { capacity, reservedAtStart } from '../../shared/address/usable.ts'
import { HoldfastError } from '../../shared/errors.ts'

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

/** The usable address of that number, where the block has one. */
export function nth(cidr: Cidr, number: bigint): Address | undefined {
  return number >= 0n && number < capacity(cidr) ? addressAt(cidr, reservedAtStart + number) : undefined
}

/** The next free address at or behind the cursor. Throws `exhausted` when there is none. */
export function allocate(pool: Pool): Allocated {
  const room = capacity(pool.cidr)
  // A block of 2^64 is never full; the search needs to look at no more than what is taken, plus one.
  const tries = room < BigInt(pool.taken.size) + 1n ? room : BigInt(pool.taken.size) + 1n
  for (let i = 0n; i < tries; i++) {
    const offset = reservedAtStart + ((pool.cursor + i) % room)
    const address = addressAt(pool.cidr, offset)
    if (!pool.taken.has(address)) return { address, cursor: (pool.cursor + i + 1n) % room }
  }
  throw new HoldfastError('exhausted', `all ${room} addresses of ${pool.cidr} are taken`, {
    remedy: 'Delete nodes that are gone, or make a Network with a wider block.',
  })
}
