// The difference between what should be and what is, as operations in the order of their execution.
//
// Policy stands before anything can be reached; then interface, peers, addresses, link, forwarding, routes; what is to go
// goes last, and routes before what carries them. Planning again after these operations yields nothing, but for the former key
// of a device that has another: it goes with the next plan.

import { type Cidr, compareCidr, familyOf, sortCidrs } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { Desired, DesiredPeer, DesiredRoute } from './desired.ts'
import { sameEnforcement } from './enforcement.ts'
import { sameExit } from './led-out.ts'
import type { Observed, ObservedPeer, ObservedRoute } from './observed.ts'
import { type Op, type OpOf, routeOf } from './op.ts'

/** Both are sorted as a rule, and most turns find nothing to do: then nothing is allocated. */
function sameCidrs(a: readonly Cidr[], b: readonly Cidr[]): boolean {
  return a.length === b.length && (a.every((cidr, index) => cidr === b[index]) || hasAll(a, b))
}

function hasAll(some: readonly Cidr[], all: readonly Cidr[]): boolean {
  const has = new Set(some)
  return all.every((cidr) => has.has(cidr))
}

/** A former key that somebody is known by now is not free to pass anything over. */
function withFreeFormers(peers: readonly DesiredPeer[]): readonly DesiredPeer[] {
  if (peers.every(({ replaces }) => replaces === undefined)) return peers
  const taken = new Set(peers.map(({ wgKey }) => wgKey))
  return peers.map((peer) => {
    const { replaces, ...rest } = peer
    return replaces === undefined || taken.has(replaces) ? rest : peer
  })
}

/** A device with another key is reached where it was, until somebody knows better. */
function successorOp(wanted: DesiredPeer, former: ObservedPeer, held: ObservedPeer | undefined): Op {
  const { allowedIps, wgKey } = wanted
  const endpoint = wanted.endpoint ?? held?.endpoint ?? former.endpoint
  const reach = endpoint === undefined ? {} : { endpoint, keepaliveS: wanted.keepaliveS }
  return { op: 'peer-set', wgKey, allowedIps, ...reach }
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

interface Keyed {
  readonly wgKey: WgKey
}

function sortedByKey<T extends Keyed>(list: readonly T[]): readonly T[] {
  const sorted = list.every((one, index) => index === 0 || compareText(list[index - 1]?.wgKey ?? '', one.wgKey) <= 0)
  return sorted ? list : [...list].sort((a, b) => compareText(a.wgKey, b.wgKey))
}

type Visit = (wanted: DesiredPeer | undefined, held: ObservedPeer | undefined) => void

/** Calls `visit` for each key of either list, in order; both lists are sorted by key. */
function eachPeer(wanted: readonly DesiredPeer[], held: readonly ObservedPeer[], visit: Visit): void {
  let w = 0
  let h = 0
  for (;;) {
    const want = wanted[w]
    const have = held[h]
    if (want === undefined && have === undefined) return
    const order = want === undefined ? 1 : have === undefined ? -1 : compareText(want.wgKey, have.wgKey)
    visit(order <= 0 ? want : undefined, order >= 0 ? have : undefined)
    if (order <= 0) w += 1
    if (order >= 0) h += 1
  }
}

/** Nothing is to be done about any of them, as after most looks. */
function samePeers(wanted: readonly DesiredPeer[], held: readonly ObservedPeer[]): boolean {
  const same = (want: DesiredPeer, have: ObservedPeer | undefined): boolean =>
    want.wgKey === have?.wgKey && want.replaces === undefined && peerOp(want, have) === undefined
  return wanted.length === held.length && wanted.every((want, index) => same(want, held[index]))
}

interface TakeAway {
  readonly ops: readonly Op[]
  /** The peers as they stand after it, sorted by key. */
  readonly left: readonly ObservedPeer[]
}

/**
 * Blocks that change hands leave their old peer before the new policy names their new one: in between nobody has them,
 * so that no peer is ever taken for another.
 */
function takeAway(wanted: readonly DesiredPeer[], held: readonly ObservedPeer[]): TakeAway {
  let settled = true
  eachPeer(wanted, held, (want, have) => {
    if (have !== undefined && (want === undefined || !sameCidrs(want.allowedIps, have.allowedIps))) settled = false
  })
  if (settled) return { ops: [], left: held }
  const owner = new Map(wanted.flatMap((peer) => peer.allowedIps.map((cidr) => [cidr, peer] as const)))
  const isOf = ({ wgKey }: ObservedPeer, { replaces, wgKey: now }: DesiredPeer): boolean =>
    now === wgKey || replaces === wgKey
  const ops: Op[] = []
  const left = held.map((peer) => {
    const { wgKey } = peer
    const allowedIps = peer.allowedIps.filter((cidr) => {
      const next = owner.get(cidr)
      return next === undefined || isOf(peer, next)
    })
    if (allowedIps.length === peer.allowedIps.length) return peer
    ops.push({ op: 'peer-set', wgKey, allowedIps })
    return { ...peer, allowedIps }
  })
  return { ops, left }
}

interface PeerOps {
  readonly set: readonly Op[]
  readonly remove: readonly Op[]
}

function peerOps(wanted: readonly DesiredPeer[], held: readonly ObservedPeer[]): PeerOps {
  if (samePeers(wanted, held)) return { set: [], remove: [] }
  const set: Op[] = []
  const remove: OpOf<'peer-remove'>[] = []
  const staying = new Set<WgKey>()
  const formers = new Set(wanted.flatMap(({ replaces }) => replaces ?? []))
  const former = new Map(held.filter(({ wgKey }) => formers.has(wgKey)).map((peer) => [peer.wgKey, peer]))
  /** The former key that passes over now. It goes with the next plan: what WireGuard is encrypting for it still gets out. */
  const passing = ({ replaces }: DesiredPeer, have: ObservedPeer | undefined): ObservedPeer | undefined => {
    const before = replaces === undefined ? undefined : former.get(replaces)
    return have === undefined || (before?.allowedIps.length ?? 0) > 0 ? before : undefined
  }
  const opFor = (want: DesiredPeer, have: ObservedPeer | undefined): Op | undefined => {
    const before = passing(want, have)
    if (before === undefined) return peerOp(want, have)
    staying.add(before.wgKey)
    return successorOp(want, before, have)
  }
  eachPeer(wanted, held, (want, have) => {
    const op = want === undefined ? undefined : opFor(want, have)
    if (op !== undefined) set.push(op)
    if (want !== undefined || have === undefined) return
    remove.push({ op: 'peer-remove', wgKey: have.wgKey })
  })
  return { set, remove: remove.filter(({ wgKey }) => !staying.has(wgKey)) }
}

function policyOps({ policy }: Desired, observed: Observed): readonly Op[] {
  const held = observed.policy
  return held !== undefined && sameEnforcement(held, policy) ? [] : [{ op: 'policy-set', policy }]
}

function deviceOps(desired: Desired, observed: Observed): readonly Op[] {
  const { device } = observed
  const ops: Op[] = device === undefined ? [{ op: 'link-add' }] : []
  if (device?.listenPort !== desired.listenPort || device.wgKey !== desired.wgKey) {
    ops.push({ op: 'device-set', listenPort: desired.listenPort, wgKey: desired.wgKey })
  }
  return ops
}

function routeOp(wanted: DesiredRoute, held: ObservedRoute | undefined): readonly Op[] {
  if (held === undefined) return [{ op: 'route-add', ...routeOf(wanted) }]
  return held.mtu === wanted.mtu && held.source === wanted.source ? [] : [{ op: 'route-change', ...routeOf(wanted) }]
}

interface RouteOps {
  readonly set: readonly Op[]
  readonly remove: readonly Op[]
}

function sameRoutes(wanted: readonly DesiredRoute[], held: readonly ObservedRoute[]): boolean {
  const same = (want: DesiredRoute, have: ObservedRoute | undefined): boolean =>
    want.destination === have?.destination &&
    want.metric === have.metric &&
    want.mtu === have.mtu &&
    want.source === have.source
  return wanted.length === held.length && wanted.every((want, index) => same(want, held[index]))
}

function routeKey({ destination, metric }: ObservedRoute): string {
  return `${destination} ${metric}`
}

function routeOps(wanted: readonly DesiredRoute[], held: readonly ObservedRoute[]): RouteOps {
  if (sameRoutes(wanted, held)) return { set: [], remove: [] }
  const there = new Map(held.map((route) => [routeKey(route), route]))
  const wantedKeys = new Set(wanted.map(routeKey))
  const surplus = [...there].flatMap(([key, route]) => (wantedKeys.has(key) ? [] : route))
  return {
    set: wanted.flatMap((route) => routeOp(route, there.get(routeKey(route)))),
    remove: surplus
      .sort((a, b) => compareCidr(a.destination, b.destination) || a.metric - b.metric)
      .map(({ destination, metric }) => ({ op: 'route-remove', destination, metric }) as const),
  }
}

function addressOps(
  wanted: readonly Cidr[],
  held: readonly Cidr[],
): { readonly add: readonly Op[]; readonly remove: readonly Op[] } {
  if (sameCidrs(wanted, held)) return { add: [], remove: [] }
  const surplus = held.filter((cidr) => !wanted.includes(cidr))
  return {
    add: wanted.filter((cidr) => !held.includes(cidr)).map((cidr) => ({ op: 'address-add', cidr })),
    remove: sortCidrs(surplus).map((cidr) => ({ op: 'address-remove', cidr })),
  }
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

/** Routes need the interface up, and its addresses. What closes the way out stands on its own meanwhile. */
function exitOps({ exit }: Desired, { exit: held }: Observed): readonly Op[] {
  return held !== 'changed' && sameExit(exit, held) ? [] : [{ op: 'exit-set', exit }]
}

/** What should be and what is to the least list of operations; order of members in either is irrelevant. */
export function plan(wish: Desired, observed: Observed): readonly Op[] {
  const desired = observed.noIpv6 === true ? withoutIpv6(wish) : wish
  const fresh = observed.device === undefined
  const link = fresh ? undefined : observed.link
  const wanted = sortedByKey(withFreeFormers(desired.peers))
  const taken = takeAway(wanted, sortedByKey(observed.device?.peers ?? []))
  const peers = peerOps(wanted, taken.left)
  // Routes and addresses fall with the interface that carried them.
  const addresses = addressOps(desired.addresses, link?.addresses ?? [])
  const routes = routeOps(desired.routes, fresh ? [] : observed.routes)
  return [
    ...taken.ops,
    ...policyOps(desired, observed),
    ...(observed.ruleset === desired.ruleset ? [] : [{ op: 'ruleset-set', ruleset: desired.ruleset } as const]),
    ...(observed.services === desired.services ? [] : [{ op: 'services-set', services: desired.services } as const]),
    ...deviceOps(desired, observed),
    ...peers.set,
    ...addresses.add,
    ...(link?.up === true && link.mtu === desired.mtu ? [] : [{ op: 'link-set', mtu: desired.mtu, up: true } as const]),
    ...desired.forwarding
      .filter((family) => !observed.forwarding.includes(family))
      .map((family) => ({ op: 'forwarding-on', family }) as const),
    ...routes.set,
    ...exitOps(desired, observed),
    ...routes.remove,
    ...addresses.remove,
    ...peers.remove,
  ]
}
