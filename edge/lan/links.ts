// On which links beacons go out, and whom they are addressed to there. Pure.
//
// IPv4 beacons go to the broadcast address of each block: it leads out of the right interface even where no default route is.
// IPv6 beacons go to a group on the link; they are heard where two hosts share a cable and no IPv4 block, too.

import { type Address, addressAt, type Cidr, contains, familyOf, hostCidr, sizeOf } from '../../shared/address/cidr.ts'
import { tryParseIp } from '../../shared/address/ip.ts'
import { compareText } from '../../shared/bytes.ts'
import { beaconLinksMax } from '../../shared/limits.ts'
import type { LocalAddress } from '../plan/observed.ts'

/**
 * Nobody assigns groups with flag T (RFC 4291 §2.7), and a number of 2³¹ or more is none of those that are assigned without
 * it (RFC 3307 §4.3). Scope 2 never leaves the link. The number is the beacons' magic.
 */
export const beaconGroup = 'ff12::f068:6201'

export interface BeaconLink {
  readonly interface: string
  /** Blocks on the link, own addresses aside. */
  readonly blocks: readonly Cidr[]
  /** Broadcast addresses of the IPv4 blocks. */
  readonly broadcasts: readonly Address[]
}

/** RFC 3021: two addresses of a point-to-point link leave none to shout at. */
const BLOCK_MIN = 4n

function broadcastOf(block: Cidr): readonly Address[] {
  const size = sizeOf(block)
  return familyOf(block) === 4 && size >= BLOCK_MIN ? [addressAt(block, size - 1n)] : []
}

/** Physical links that carry a broadcast, sorted; overlays, containers and modems are left out. */
export function beaconLinks(local: readonly LocalAddress[]): readonly BeaconLink[] {
  const blocks = new Map<string, Set<Cidr>>()
  for (const one of local) {
    if (!one.physical || one.pointToPoint === true) continue
    const known = blocks.get(one.interface) ?? new Set()
    blocks.set(one.interface, known.add(one.cidr))
  }
  return [...blocks]
    .sort(([a], [b]) => compareText(a, b))
    .slice(0, beaconLinksMax)
    .map(([name, found]) => ({
      interface: name,
      blocks: [...found],
      broadcasts: [...new Set([...found].flatMap(broadcastOf))],
    }))
}

/** True if a datagram that seems to come from there came over one of the links; `from` may bear a zone. */
export function isFromLink(links: readonly BeaconLink[], from: string): boolean {
  const [host = '', zone] = from.split('%')
  if (zone !== undefined) return links.some((link) => link.interface === zone)
  return tryParseIp(host) !== undefined && isOnLinks(links, host as Address)
}

export function isOnLinks(links: readonly BeaconLink[], address: Address): boolean {
  const host = hostCidr(address)
  return links.some(({ blocks }) => blocks.some((block) => contains(block, host)))
}
