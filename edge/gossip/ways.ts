// The ways to the members as gossip sees them, and whether any is another than when last asked: most turns find everybody as
// they were, and then nobody has to be told.

import type { Address } from '../../shared/address/cidr.ts'
import { hostOf } from '../../shared/address/endpoint.ts'
import { askedAt } from '../../shared/address/mesh-blocks.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Near } from '../lan/near-book.ts'
import type { Member } from '../report/peers.ts'
import type { GossipPeer } from './acquaintance.ts'
import type { Place } from './doors.ts'

export interface WaysOptions {
  readonly self: NodeId
  /** The way to a member. */
  readonly wayOf: (member: Member) => Pick<GossipPeer, 'reachable' | 'awake'>
  readonly near: () => ReadonlyMap<NodeId, Near> | undefined
}

export interface Ways {
  /** All of them, if one of them or its way is another since the last time; undefined otherwise. */
  news(members: ReadonlyMap<NodeId, Member>): readonly GossipPeer[] | undefined
  /** It was heard at that address. */
  heard(node: NodeId, address: Address): void
  /** Where to say a word to a member: at one address, at two while the network is renumbered. The likeliest first. */
  addresses(member: Member): readonly Address[]
  /** Where to dial a member, the best place first. `wakes`: also through a tunnel that rests. */
  places(member: Member, wakes: boolean): readonly Place[]
}

function peersOf({ near, self, wayOf }: WaysOptions, members: ReadonlyMap<NodeId, Member>): readonly GossipPeer[] {
  const neighbours = near()
  const list: GossipPeer[] = []
  for (const [node, member] of members) {
    if (node === self) continue
    const { awake, reachable } = wayOf(member)
    list.push({ node, reachable, awake, near: neighbours?.has(node) === true, relay: member.relay !== undefined })
  }
  return list
}

function same(one: GossipPeer, other: GossipPeer | undefined): boolean {
  const way = one.awake === other?.awake && one.reachable === other.reachable && one.near === other.near
  return way && one.node === other.node && one.relay === other.relay
}

export function createWays(options: WaysOptions): Ways {
  let told: readonly GossipPeer[] | undefined
  const heardAt = new Map<NodeId, Address>()
  const addresses = ({ addresses: own, nodeId }: Member): readonly Address[] => {
    const [asked, heard] = [askedAt(own), heardAt.get(nodeId)]
    return heard === undefined || !own.includes(heard) ? asked : [...new Set([heard, ...asked])]
  }
  return {
    heard: (node, address) => void heardAt.set(node, address),
    addresses,
    news(members) {
      for (const node of heardAt.keys()) if (!members.has(node)) heardAt.delete(node)
      const list = peersOf(options, members)
      if (told?.length === list.length && told.every((one, at) => same(one, list[at]))) return undefined
      told = list
      return list
    },
    places(member, wakes) {
      const { nodeId: node } = member
      const mesh = addresses(member).map((address): Place => ({ type: 'mesh', address }))
      const near = options.near()?.get(node)?.endpoints ?? []
      const lan: Place[] = near
        .slice(0, 2)
        .map((endpoint) => ({ type: 'lan', node, host: hostOf(endpoint) as Address }))
      // Next door nobody has to be woken, and no tunnel has to stand yet.
      if (options.wayOf(member).awake) return [...mesh, ...lan]
      return wakes ? [...lan, ...mesh] : lan
    },
  }
}
