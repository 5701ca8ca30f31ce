// Mesh addresses: given once, never moved.

import { type Address, addressAt, blockOf, type Cidr, familyOf, sizeOf } from '../../shared/address/cidr.ts'
import { capacity, reservedAtStart } from '../../shared/address/usable.ts'
import { HoldfastError } from '../../shared/errors.ts'

/** What is taken in one network, and where the last search ended: addresses that were freed are used again last. */
export interface Pool {
  readonly cidr: Cidr
  /** The part of it that is given from; all of it where absent. */
  readonly within?: Cidr | undefined
  /** Parts of it that are not given from. */
  readonly avoid?: readonly Cidr[]
  readonly taken: { has(address: Address): boolean; readonly size: number }
  /** Number of the usable address at which to begin; searching wraps around. */
  readonly cursor: bigint
}

export interface Allocated {
  readonly address: Address
  readonly cursor: bigint
}

/** Offsets from the start of the network's block, the second one behind the end. */
type Span = readonly [bigint, bigint]

function spanOf(cidr: Cidr, part: Cidr): Span {
  const start = blockOf(part).value - blockOf(cidr).value
  return [start, start + sizeOf(part)]
}

/** Addresses of a part that may belong to nodes: those of the network's own that nobody has are kept free there, too. */
export function usableSpan(cidr: Cidr, part: Cidr = cidr): Span {
  const [start, end] = spanOf(cidr, part)
  const last = reservedAtStart + capacity(cidr)
  return [start < reservedAtStart ? reservedAtStart : start, end > last ? last : end]
}

/** The usable address of that number, where the block has one. */
export function nth(cidr: Cidr, number: bigint): Address | undefined {
  return number >= 0n && number < capacity(cidr) ? addressAt(cidr, reservedAtStart + number) : undefined
}

function noneLeft({ cidr, within, avoid = [] }: Pool): HoldfastError {
  const [start, end] = usableSpan(cidr, within)
  const all =
    avoid.length > 0
      ? `all addresses of ${cidr} outside of its pools`
      : `all ${end - start} addresses of ${within ?? cidr}`
  return new HoldfastError('exhausted', `${all} are taken`, {
    remedy:
      within === undefined
        ? 'Delete nodes that are gone, or make a Network with a wider block.'
        : 'Delete nodes that are gone, or give the pool a wider block: addresses that were given stay.',
  })
}

/** The next free address at or behind the cursor. Throws `exhausted` when there is none. */
export function allocate(pool: Pool): Allocated {
  const { avoid = [], cidr, taken, within } = pool
  const [start, end] = usableSpan(cidr, within)
  const room = end - start
  const avoided = avoid.filter((part) => familyOf(part) === familyOf(cidr)).map((part) => spanOf(cidr, part))
  // A block of 2^64 is never full; the search needs to look at no more than what is taken, plus one.
  let tries = BigInt(taken.size) + 1n
  for (let i = 0n; i < room && tries > 0n; ) {
    const offset = start + ((pool.cursor + i) % room)
    const over = avoided.find(([from, to]) => offset >= from && offset < to)
    if (over === undefined) {
      tries -= 1n
      i += 1n
      const address = addressAt(cidr, offset)
      if (!taken.has(address)) return { address, cursor: (pool.cursor + i) % room }
    } else {
      // To its end, or to where the search wraps around.
      i += (over[1] < end ? over[1] : end) - offset
    }
  }
  throw noneLeft(pool)
}
