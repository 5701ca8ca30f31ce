// Peers whose path carries less than the interface's MTU get routes of their own that say so; everybody else's packets stay as
// large as they are. The kernel tells programs, and by ICMP those it forwards for, so that nothing is sent that gets lost.

import { type Cidr, compareCidr, contains, familyOf } from '../../shared/address/cidr.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Desired, DesiredRoute } from './desired.ts'
import type { LocalAddress } from './observed.ts'

/** Below it the kernel sends no IPv6 packet by a route (RFC 8200 §5). */
const IPV6_MTU_MIN = 1_280
/** Headers of IPv6 and TCP. */
const TCP6_BYTES = 60

/**
 * Where a path carries less than IPv6 needs, its TCP can still be told to keep segments small: each end announces what the way
 * towards it carries, which is the same both ways as a rule.
 */
function sized(route: DesiredRoute, bytes: number): DesiredRoute {
  if (familyOf(route.destination) === 4 || bytes >= IPV6_MTU_MIN) return { ...route, mtu: bytes }
  return { ...route, mtu: IPV6_MTU_MIN, advmss: bytes - TCP6_BYTES }
}

/** `sizes`: largest packet for each peer, where that is less than the MTU. */
export function withPathMtu(
  desired: Desired,
  sizes: ReadonlyMap<NodeId, number>,
  local: readonly LocalAddress[],
): Desired {
  if (sizes.size === 0) return desired
  const routes = new Map<Cidr, DesiredRoute>(desired.routes.map((route) => [route.destination, route]))
  for (const { allowedIps, node } of desired.peers) {
    const bytes = sizes.get(node)
    if (bytes === undefined || bytes >= desired.mtu) continue
    for (const block of allowedIps) {
      const around = desired.routes.find(({ destination }) => contains(destination, block))
      // What is not routed into the mesh, or is in the local network, has no route of ours.
      if (around === undefined || local.some(({ cidr }) => contains(cidr, block))) continue
      routes.set(block, sized({ destination: block, metric: around.metric }, bytes))
    }
  }
  return { ...desired, routes: [...routes.values()].sort((a, b) => compareCidr(a.destination, b.destination)) }
}
