// Which address belongs to whom, in all networks. Kept for as long as the owner's resource exists.

import type { Address, Cidr } from '../../shared/address/cidr.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Name } from '../../shared/ids.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import type { Allocation, HubStore } from '../store/hub-store.ts'
import { allocate, isUsable } from './allocate.ts'

interface NetworkPool {
  readonly byOwner: Map<string, Allocation>
  readonly taken: Map<Address, string>
  readonly cursors: Map<Cidr, bigint>
}

export interface Addresses {
  of(network: Name, owner: string): readonly Address[]
  /** Gives `owner` an address of each family the network has, and the fixed ones it asks for. Repeats its answer. */
  give(network: Name, spec: NetworkSpec, owner: string, fixed: readonly Address[] | undefined): readonly Address[]
  release(network: Name, owner: string): void
}

export function createAddresses(store: HubStore): Addresses {
  const pools = new Map<Name, NetworkPool>()
  const poolOf = (network: Name): NetworkPool => {
    const held = pools.get(network) ?? { byOwner: new Map(), taken: new Map(), cursors: new Map() }
    pools.set(network, held)
    return held
  }
  const learn = (allocation: Allocation): void => {
    const pool = poolOf(allocation.network)
    pool.byOwner.set(allocation.owner, allocation)
    for (const address of allocation.addresses) pool.taken.set(address, allocation.owner)
  }
  for (const allocation of store.allocations()) learn(allocation)

  const take = (
    pool: NetworkPool,
    cidr: Cidr,
    owner: string,
    held: readonly Address[],
    fixed: readonly Address[],
  ): Address => {
    const wish = fixed.find((address) => isUsable(cidr, address))
    const kept = wish ?? held.find((address) => isUsable(cidr, address))
    if (kept !== undefined) {
      const other = pool.taken.get(kept)
      if (other !== undefined && other !== owner) {
        throw new HoldfastError('conflict', `${kept} belongs to ${other}`, {
          field: 'spec.addresses',
          remedy: 'Choose another address, or leave it out.',
        })
      }
      return kept
    }
    // The cursor never goes back while the hub runs, so an address that was freed is the last to be given again.
    const given = allocate({ cidr, taken: new Set(pool.taken.keys()), cursor: pool.cursors.get(cidr) ?? 0n })
    pool.cursors.set(cidr, given.cursor)
    return given.address
  }

  return {
    of: (network, owner) => pools.get(network)?.byOwner.get(owner)?.addresses ?? [],
    give(network, spec, owner, fixed = []) {
      const pool = poolOf(network)
      const held = pool.byOwner.get(owner)?.addresses ?? []
      const blocks = spec.cidr6 === undefined ? [spec.cidr] : [spec.cidr, spec.cidr6]
      const addresses = blocks.map((cidr) => take(pool, cidr, owner, held, fixed))
      if (addresses.length === held.length && addresses.every((address, i) => address === held[i])) return held
      for (const address of held) pool.taken.delete(address)
      const allocation = { network, owner, addresses }
      store.putAllocation(allocation)
      learn(allocation)
      return addresses
    },
    release(network, owner) {
      const pool = pools.get(network)
      const held = pool?.byOwner.get(owner)
      if (pool === undefined || held === undefined) return
      store.deleteAllocation(network, owner)
      pool.byOwner.delete(owner)
      for (const address of held.addresses) pool.taken.delete(address)
    },
  }
}
