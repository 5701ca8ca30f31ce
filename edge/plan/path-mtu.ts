// Peers whose path carries less than the interface's MTU get routes of their own that say so; everybody else's packets stay as
// large as they are. The kernel tells programs, and by ICMP those it forwards for, so that nothing is sent that gets lost.
//
// The same in both families: a link must carry 1280 bytes of IPv6 (RFC 8200 §5), but a host may send less, and Linux does where a
// route says so (seen on 6.1 and 6.18).

import { type Cidr, compareCidr, contains } from '../../shared/address/cidr.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Desired, DesiredRoute } from './desired.ts'
import type { LocalAddress } from './observed.ts'

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
      routes.set(block, { ...around, destination: block, mtu: bytes })
    }
  }
  return { ...desired, routes: [...routes.values()].sort((a, b) => compareCidr(a.destination, b.destination)) }
}
