// The difference between what should be and what is, as operations in the order of their execution.
//
// Policy stands before anything can be reached; then interface, peers, addresses, link, forwarding, routes; what is to go
// goes last, and routes before what carries them. Planning again after these operations yields nothing.

import { type Cidr, compareCidr, familyOf } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { Desired, DesiredPeer } from './desired.ts'
import type { Observed, ObservedPeer } from './observed.ts'
import type { Op } from './op.ts'

function sameCidrs(a: readonly Cidr[], b: readonly Cidr[]): boolean {
  if (a.length !== b.length) return false
  const has = new Set(a)
  return b.every((cidr) => has.has(cidr))
}

function peerOp(wanted: DesiredPeer, held: ObservedPeer | undefined): Op | undefined {
  const allowedIps = held !== undefined && sameCidrs(wanted.allowedIps, held.allowedIps) ? undefined : wanted.allowedIps
  const endpoint = wanted.endpoint === held?.endpoint ? undefined : wanted.endpoint
  // A keepalive without an endpoint would spend the one handshake that WireGuard allows in five seconds on nobody.
  const wantedS = wanted.endpoint === undefined && held?.endpoint === undefined ? 0 : wanted.keepaliveS
  const keepaliveS = wantedS === (held?.keepaliveS ?? 0) ? undefined : wantedS
  if (held !== undefined && allowedIps === undefined && endpoint === undefined && keepaliveS === undefined)
    return undefined
  return {
    op: 'peer-set',
    wgKey: wanted.wgKey,
    ...(allowedIps === undefined ? {} : { allowedIps }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(keepaliveS === undefined ? {} : { keepaliveS }),
  }
}

interface PeerOps {
  readonly set: readonly Op[]
  readonly remove: readonly Op[]
}

interface TakeAway {
  readonly ops: readonly Op[]
  /** The peers as they stand after it, by key. */
  readonly left: ReadonlyMap<WgKey, ObservedPeer>
}

/**
 * Blocks that change hands leave their old peer before the new policy names their new one: in between nobody has them,
 * so that no peer is ever taken for another.
 */
function takeAway(desired: Desired, observed: Observed): TakeAway {
  const owner = new Map(desired.peers.flatMap((peer) => peer.allowedIps.map((cidr) => [cidr, peer.wgKey] as const)))
  const left = new Map<WgKey, ObservedPeer>()
  const ops: Op[] = []
  for (const peer of [...(observed.device?.peers ?? [])].sort((a, b) => compareText(a.wgKey, b.wgKey))) {
    const { wgKey } = peer
    const allowedIps = peer.allowedIps.filter((cidr) => (owner.get(cidr) ?? wgKey) === wgKey)
    left.set(wgKey, { ...peer, allowedIps })
    if (allowedIps.length < peer.allowedIps.length) ops.push({ op: 'peer-set', wgKey, allowedIps })
  }
  return { ops, left }
}

function peerOps(desired: Desired, held: ReadonlyMap<WgKey, ObservedPeer>): PeerOps {
  const wanted = new Set(desired.peers.map((peer) => peer.wgKey))
  return {
    set: desired.peers.flatMap((peer) => peerOp(peer, held.get(peer.wgKey)) ?? []),
    remove: [...held.keys()]
      .filter((wgKey) => !wanted.has(wgKey))
      .sort(compareText)
      .map((wgKey) => ({ op: 'peer-remove', wgKey })),
  }
}

function deviceOps(desired: Desired, observed: Observed): readonly Op[] {
  const { device } = observed
  const ops: Op[] = device === undefined ? [{ op: 'link-add' }] : []
  if (device?.listenPort !== desired.listenPort || device.wgKey !== desired.wgKey) {
    ops.push({ op: 'device-set', listenPort: desired.listenPort, wgKey: desired.wgKey })
  }
  return ops
}

/** A host without IPv6 gets the rest. */
function withoutIpv6(desired: Desired): Desired {
  return {
    ...desired,
    addresses: desired.addresses.filter((cidr) => familyOf(cidr) === 4),
    routes: desired.routes.filter((route) => familyOf(route.destination) === 4),
    forwarding: desired.forwarding.filter((family) => family === 4),
  }
}

/** What should be and what is to the least list of operations; order of members in either is irrelevant. */
export function plan(wish: Desired, observed: Observed): readonly Op[] {
  const desired = observed.noIpv6 === true ? withoutIpv6(wish) : wish
  const fresh = observed.device === undefined
  const link = fresh ? undefined : observed.link
  const taken = takeAway(desired, observed)
  const peers = peerOps(desired, taken.left)
  const addresses = new Set(link?.addresses)
  const routeKey = (route: { destination: Cidr; metric: number }): string => `${route.destination} ${route.metric}`
  // Routes and addresses fall with the interface that carried them.
  const routes = new Map((fresh ? [] : observed.routes).map((route) => [routeKey(route), route]))
  const wantedRoutes = new Set(desired.routes.map(routeKey))
  const surplusAddresses = [...addresses].filter((cidr) => !desired.addresses.includes(cidr)).sort(compareCidr)
  return [
    ...taken.ops,
    ...(observed.ruleset === desired.ruleset ? [] : [{ op: 'ruleset-set', ruleset: desired.ruleset } as const]),
    ...deviceOps(desired, observed),
    ...peers.set,
    ...desired.addresses.filter((cidr) => !addresses.has(cidr)).map((cidr) => ({ op: 'address-add', cidr }) as const),
    ...(link?.up === true && link.mtu === desired.mtu ? [] : [{ op: 'link-set', mtu: desired.mtu, up: true } as const]),
    ...desired.forwarding
      .filter((family) => !observed.forwarding.includes(family))
      .map((family) => ({ op: 'forwarding-on', family }) as const),
    ...desired.routes
      .filter((route) => !routes.has(routeKey(route)))
      .map(({ destination, metric }) => ({ op: 'route-add', destination, metric }) as const),
    ...[...routes.entries()]
      .filter(([key]) => !wantedRoutes.has(key))
      .map(([, { destination, metric }]) => ({ op: 'route-remove', destination, metric }) as const)
      .sort((a, b) => compareCidr(a.destination, b.destination) || a.metric - b.metric),
    ...surplusAddresses.map((cidr) => ({ op: 'address-remove', cidr }) as const),
    ...peers.remove,
  ]
}
