// The uplinks of this host: its default routes, one for each interface and family, in the order the host prefers. Pure.

import { type Address, contains, familyOf, hostCidr } from '../../shared/address/cidr.ts'
import { isPublic } from '../../shared/address/scope.ts'
import { compareText } from '../../shared/bytes.ts'
import { uplinksMax } from '../../shared/limits.ts'
import type { LocalAddress } from '../plan/observed.ts'

export type Family = 4 | 6

/** A default route of the host's main table. */
export interface UplinkRoute {
  readonly family: Family
  readonly interface: string
  /** Absent where the link has one other end: a modem. */
  readonly gateway?: Address
  /** The lowest is preferred. */
  readonly metric: number
}

export interface Uplink {
  readonly interface: string
  readonly gateway?: Address
  /** What packets that go out there come from. */
  readonly address: Address
}

function addressOf(
  { family, gateway, interface: name }: UplinkRoute,
  local: readonly LocalAddress[],
): Address | undefined {
  const own = local.filter((one) => one.interface === name && one.physical && familyOf(one.address) === family)
  const beside = gateway === undefined ? undefined : own.find(({ cidr }) => contains(cidr, hostCidr(gateway)))
  return (beside ?? own.find(({ address }) => isPublic(address)) ?? own[0])?.address
}

/** Interfaces of overlays and containers lead to no provider; of two routes by one interface the preferred counts. */
export function uplinksOf(
  routes: readonly UplinkRoute[],
  local: readonly LocalAddress[],
  family: Family,
): readonly Uplink[] {
  const found = new Map<string, Uplink>()
  const mine = routes.filter((one) => one.family === family)
  for (const route of mine.toSorted((a, b) => a.metric - b.metric || compareText(a.interface, b.interface))) {
    const address = addressOf(route, local)
    if (address === undefined || found.has(route.interface) || found.size === uplinksMax) continue
    const { gateway, interface: name } = route
    found.set(name, { interface: name, ...(gateway === undefined ? {} : { gateway }), address })
  }
  return [...found.values()]
}
