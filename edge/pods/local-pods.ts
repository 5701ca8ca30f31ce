// From what a cluster's API says to the pods that this node tells of: those whose addresses lie behind it, one for each address.

import { type Address, blockOf, type Cidr, isWithin } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import { type Packed, packPods } from '../../shared/fact/pack-pods.ts'
import type { Namespace } from '../../shared/fact/pod-table.ts'
import { podTableBytesMax } from '../../shared/pod-limits.ts'
import type { SeenPod } from './objects.ts'

export interface LocalPods extends Packed {
  /** Pods with no address that lies behind this node. */
  readonly elsewhere: number
  /** Pods with an address that another one has. */
  readonly doubled: number
}

/** Those that stay before those that end, then by name: the first of two with one address has it. */
function comparePods(a: SeenPod, b: SeenPod): number {
  return Number(a.ends) - Number(b.ends) || compareText(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`)
}

/** `advertise`: the blocks that lie behind this node by intent. Pure. */
export function localPods(
  seen: Iterable<SeenPod>,
  namespaces: Iterable<Namespace>,
  advertise: readonly Cidr[],
): LocalPods {
  const blocks = advertise.map(blockOf)
  const behind = (address: Address): boolean => blocks.some((block) => isWithin(block, address))
  const all = [...seen]
  // Of two families one alone may lead there.
  const near = all
    .map((pod) => (pod.addresses.every(behind) ? pod : { ...pod, addresses: pod.addresses.filter(behind) }))
    .filter(({ addresses }) => addresses.length > 0)
  const taken = new Set<Address>()
  const own = near.sort(comparePods).filter(({ addresses }) => {
    if (addresses.some((address) => taken.has(address))) return false
    for (const address of addresses) taken.add(address)
    return true
  })
  const packed = packPods(own, [...namespaces], podTableBytesMax)
  return { ...packed, elsewhere: all.length - near.length, doubled: near.length - own.length }
}
