// Which address belongs to whom, in all networks. Kept for as long as the owner's resource exists.

import { type Address, blockOf, type Cidr, contains, familyOf, isWithin } from '../../shared/address/cidr.ts'
import { mainBlocks, meshBlocks, otherBlocks } from '../../shared/address/mesh-blocks.ts'
import { isUsable, ordinal } from '../../shared/address/usable.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Name } from '../../shared/ids.ts'
import { type Labels, selects } from '../../shared/intent/field.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import type { Allocation, HubStore } from '../store/hub-store.ts'
import { type AddressUsage, usageOf } from './address-usage.ts'
import { allocate, nth } from './allocate.ts'

interface NetworkPool {
  readonly byOwner: Map<string, Allocation>
  readonly taken: Map<Address, string>
}

export interface Addresses {
  of(network: Name, owner: string): readonly Address[]
  /**
   * Gives `owner` an address of each family the network has, and the fixed ones it asks for; of the first pool for nodes of such
   * `labels`, else of none. Repeats its answer, whatever became of pools and labels.
   */
  give(
    network: Name,
    spec: NetworkSpec,
    owner: string,
    fixed: readonly Address[] | undefined,
    labels?: Labels,
  ): readonly Address[]
  /** How full it is. */
  usage(network: Name, spec: NetworkSpec): readonly AddressUsage[]
  release(network: Name, owner: string): void
  /** One that has none yet takes over what another has, who has none any more. */
  pass(network: Name, from: string, to: string): void
  /** Throws `conflict` where an address that was given lies outside the blocks: it would have to move. */
  checkFit(network: Name, spec: NetworkSpec): void
  /** Back to what the store holds, after a transaction that failed. */
  reload(): void
}

function checkFixed(fixed: readonly Address[], blocks: readonly Cidr[]): void {
  for (const [index, address] of fixed.entries()) {
    if (!blocks.some((cidr) => isUsable(cidr, address))) {
      throw new HoldfastError('invalid', `${address} can't belong to a node of ${blocks.join(', ')}`, {
        field: `spec.addresses[${index}]`,
        remedy: 'The first two addresses of a block and, in IPv4, the last one are reserved. Choose another inside.',
      })
    }
    if (fixed.some((other, at) => at < index && familyOf(other) === familyOf(address))) {
      throw new HoldfastError('invalid', `${address} is a second address of its family`, {
        field: `spec.addresses[${index}]`,
        remedy: 'Keep one IPv4 and one IPv6 address at most.',
      })
    }
  }
}

/** Where in a block of the network a node of such labels gets its address. */
interface Place {
  readonly within?: Cidr | undefined
  readonly avoid: readonly Cidr[]
}

function partsOf({ pools = [] }: NetworkSpec, family: 4 | 6): readonly Cidr[] {
  return pools.flatMap(({ cidr, cidr6 }) =>
    [cidr, cidr6].flatMap((part) => (part !== undefined && familyOf(part) === family ? [part] : [])),
  )
}

function placeOf(spec: NetworkSpec, cidr: Cidr, labels: Labels | undefined): Place {
  const pool = labels === undefined ? undefined : spec.pools?.find(({ nodes }) => selects(nodes, labels))
  const family = familyOf(cidr)
  const own = (part: Cidr): boolean => familyOf(part) === family && contains(cidr, part)
  const within = [pool?.cidr, pool?.cidr6].find((part) => part !== undefined && own(part))
  return within === undefined ? { avoid: partsOf(spec, family).filter(own) } : { within, avoid: [] }
}

/** The address of the same number, where the node may have it. */
function twinOf(first: Cidr, cidr: Cidr, place: Place, of: Address): Address | undefined {
  const twin = nth(cidr, ordinal(first, of))
  if (twin === undefined) return undefined
  const lies = (part: Cidr): boolean => isWithin(blockOf(part), twin)
  return (place.within === undefined || lies(place.within)) && !place.avoid.some(lies) ? twin : undefined
}

/** In the other block of a family the place of the address that it has in the main one. */
function twinIn(spec: NetworkSpec, cidr: Cidr, place: Place, addresses: readonly Address[]): Address | undefined {
  const main = mainBlocks(spec).find((block) => familyOf(block) === familyOf(cidr))
  const own = addresses.find((address) => familyOf(address) === familyOf(cidr))
  return main === undefined || own === undefined ? undefined : twinOf(main, cidr, place, own)
}

export function createAddresses(store: HubStore): Addresses {
  const pools = new Map<Name, NetworkPool>()
  const poolOf = (network: Name): NetworkPool => {
    const held = pools.get(network) ?? { byOwner: new Map(), taken: new Map() }
    pools.set(network, held)
    return held
  }
  const learn = (allocation: Allocation): void => {
    const pool = poolOf(allocation.network)
    pool.byOwner.set(allocation.owner, allocation)
    for (const address of allocation.addresses) pool.taken.set(address, allocation.owner)
  }
  const reload = (): void => {
    pools.clear()
    for (const allocation of store.allocations()) learn(allocation)
  }
  reload()

  /** The cursor never goes back, across restarts too, so an address that was freed is the last to be given again. */
  const next = (network: Name, cidr: Cidr, { avoid, within }: Place, taken: NetworkPool['taken']): Address => {
    const name = `cursor/${network}/${within ?? cidr}`
    const { address, cursor } = allocate({ cidr, within, avoid, taken, cursor: BigInt(store.value(name) ?? 0) })
    store.putValue(name, String(cursor))
    return address
  }

  const claim = (pool: NetworkPool, owner: string, address: Address): Address => {
    const other = pool.taken.get(address)
    if (other === undefined || other === owner) return address
    throw new HoldfastError('conflict', `${address} belongs to ${other}`, {
      field: 'spec.addresses',
      remedy: 'Choose another address, or leave it out.',
    })
  }

  const release = (network: Name, owner: string): void => {
    const pool = pools.get(network)
    const held = pool?.byOwner.get(owner)
    if (pool === undefined || held === undefined) return
    store.deleteAllocation(network, owner)
    pool.byOwner.delete(owner)
    for (const address of held.addresses) pool.taken.delete(address)
  }

  return {
    of: (network, owner) => pools.get(network)?.byOwner.get(owner)?.addresses ?? [],
    give(network, spec, owner, fixed = [], labels) {
      const pool = poolOf(network)
      const held = pool.byOwner.get(owner)?.addresses ?? []
      const blocks = meshBlocks(spec)
      checkFixed(fixed, blocks)
      const others = otherBlocks(spec)
      const addresses: Address[] = []
      for (const cidr of blocks) {
        const kept = [...fixed, ...held].find((address) => isUsable(cidr, address))
        // The same number in both families: people recognise a node by either.
        const first = addresses[0]
        const place = placeOf(spec, cidr, labels)
        const twin = others.includes(cidr)
          ? twinIn(spec, cidr, place, addresses)
          : first === undefined
            ? undefined
            : twinOf(spec.cidr, cidr, place, first)
        if (kept !== undefined) addresses.push(claim(pool, owner, kept))
        else if (twin !== undefined && !pool.taken.has(twin)) addresses.push(twin)
        else addresses.push(next(network, cidr, place, pool.taken))
      }
      if (addresses.length === held.length && addresses.every((address, i) => address === held[i])) return held
      for (const address of held) pool.taken.delete(address)
      const allocation = { network, owner, addresses }
      store.putAllocation(allocation)
      learn(allocation)
      return addresses
    },
    usage: (network, spec) => usageOf(spec, pools.get(network)?.taken.keys() ?? []),
    release,
    pass(network, from, to) {
      const pool = pools.get(network)
      const held = pool?.byOwner.get(from)
      if (held === undefined) return
      const isFree = pool?.byOwner.has(to) !== true
      release(network, from)
      if (!isFree) return
      const allocation = { ...held, owner: to }
      store.putAllocation(allocation)
      learn(allocation)
    },
    reload,
    checkFit(network, spec) {
      const blocks = meshBlocks(spec)
      for (const [address, owner] of pools.get(network)?.taken ?? []) {
        if (blocks.some((cidr) => isUsable(cidr, address))) continue
        throw new HoldfastError('conflict', `${address} of ${owner} would no longer be part of network ${network}`, {
          field: `Network/${network} spec.${familyOf(address) === 4 ? 'cidr' : 'cidr6'}`,
          remedy:
            'Choose a block that contains all that were given, or move them in steps: `holdfast-hub renumber start --cidr BLOCK`.',
        })
      }
    },
  }
}
