// The blocks of a mesh. While a network is renumbered there are two of a family: every node has an address in both, and is known
// by either, until the last device has heard of the newer one.

import { type Address, type Cidr, contains, familyOf, hostCidr } from './cidr.ts'

/** As much of a Network as says where its addresses are. */
export interface MeshSpec {
  readonly cidr: Cidr
  readonly cidr6?: Cidr | undefined
  /** The other blocks, while it is renumbered. */
  readonly renumber?: { readonly cidr?: Cidr | undefined; readonly cidr6?: Cidr | undefined } | undefined
}

/** Those that people and programs are told of, IPv4 first. */
export function mainBlocks({ cidr, cidr6 }: MeshSpec): readonly Cidr[] {
  return cidr6 === undefined ? [cidr] : [cidr, cidr6]
}

/** The others, while the network is renumbered; IPv4 first. */
export function otherBlocks({ renumber }: MeshSpec): readonly Cidr[] {
  return [renumber?.cidr, renumber?.cidr6].flatMap((block) => block ?? [])
}

/** All of them, the main ones first: in the order of the addresses of a node. */
export function meshBlocks(spec: MeshSpec): readonly Cidr[] {
  return [...mainBlocks(spec), ...otherBlocks(spec)]
}

/** Of the addresses of one node the first of each family: those it goes by. */
export function mainAddresses(addresses: readonly Address[]): readonly Address[] {
  // In the common case the very same list.
  if (addresses.length < 2) return addresses
  const firsts = addresses.filter((one, at) => addresses.findIndex((other) => familyOf(other) === familyOf(one)) === at)
  return firsts.length === addresses.length ? addresses : firsts
}

/**
 * Where to ask one node: at the address it goes by and, while the network is renumbered, at the other one of that family, for it
 * may have heard of another step than whoever asks.
 */
export function askedAt(addresses: readonly Address[]): readonly Address[] {
  const [main] = addresses
  if (main === undefined || addresses.length < 2) return addresses
  return addresses.filter((address) => familyOf(address) === familyOf(main))
}

/** Own address to send from to where a route leads: that of the same block, which whoever is asked knows; else the main one. */
export function sourceFor(addresses: readonly Address[], destination: Cidr): Address | undefined {
  const own = addresses.filter((address) => familyOf(address) === familyOf(destination))
  return own.find((address) => contains(destination, hostCidr(address))) ?? own[0]
}
