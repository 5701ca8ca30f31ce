// How full the blocks of a network are, and its pools: told before the first device can't join. Pure.

import { type Address, blockOf, type Cidr, contains, familyOf, isWithin } from '../../shared/address/cidr.ts'
import { meshBlocks } from '../../shared/address/mesh-blocks.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import { usableSpan } from './allocate.ts'

export interface AddressUsage {
  /** Absent for what is in no pool. */
  readonly pool?: string
  readonly cidr: Cidr
  readonly taken: number
  readonly room: number
}

/** Part from which on it is said: time enough to widen a block before it is full. */
const LOW = 0.8

export function isLow({ room, taken }: AddressUsage): boolean {
  return taken > 0 && taken >= room * LOW
}

/** Of a wide IPv6 block roughly. */
function roomOf(cidr: Cidr, part?: Cidr): number {
  const [start, end] = usableSpan(cidr, part)
  return end > start ? Number(end - start) : 0
}

/** By block: pools in their order, then what is left. */
export function usageOf(spec: NetworkSpec, taken: Iterable<Address>): readonly AddressUsage[] {
  const addresses = [...taken]
  const blocks = meshBlocks(spec)
  return blocks.flatMap((cidr) => {
    const parts = (spec.pools ?? []).flatMap(({ cidr: one, cidr6, name }) =>
      [one, cidr6].flatMap((part) => {
        const isOwn = part !== undefined && familyOf(part) === familyOf(cidr) && contains(cidr, part)
        return isOwn ? [{ name, part, block: blockOf(part), taken: 0 }] : []
      }),
    )
    let rest = 0
    for (const address of addresses) {
      if (familyOf(address) !== familyOf(cidr) || !isWithin(blockOf(cidr), address)) continue
      const own = parts.find(({ block }) => isWithin(block, address))
      if (own === undefined) rest += 1
      else own.taken += 1
    }
    const pools = parts.map(({ name, part, taken: own }): AddressUsage => {
      return { pool: name, cidr: part, taken: own, room: roomOf(cidr, part) }
    })
    const room = pools.reduce((left, pool) => left - pool.room, roomOf(cidr))
    return [...pools, { cidr, taken: rest, room }]
  })
}
