// Which subnets go through which router, and what this host must leave alone because it is attached to it.

import {
  type Address,
  type Cidr,
  compareCidr,
  contains,
  familyOf,
  hostCidr,
  overlaps,
} from '../../shared/address/cidr.ts'
import { meshBlocks, sourceFor } from '../../shared/address/mesh-blocks.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { selects } from '../../shared/intent/field.ts'
import { heldText, type OverlapSubject, refusedText } from '../../shared/intent/overlap.ts'
import { isSamePodSite } from '../../shared/intent/pod-site.ts'
import { type RouteProbe, routeProbe } from '../../shared/intent/route-probe.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { DesiredRoute, Omission } from './desired.ts'
import type { Forward } from './enforcement.ts'
import type { LocalAddress } from './observed.ts'

/** Metric of routes to the mesh itself: below what DHCP and people give to routes of their own. */
const MESH_METRIC = 50

export interface RoutePlan {
  /** Through the own interface, sorted. */
  readonly routes: readonly DesiredRoute[]
  /** Subnets reached through a peer, by its name. */
  readonly through: ReadonlyMap<Name, readonly Cidr[]>
  /** Subnets this node routes for others. */
  readonly forwards: readonly Forward[]
  readonly omissions: readonly Omission[]
}

/** A node that leads to a block. */
export interface Router {
  readonly node: NodeId
  readonly name: Name
  readonly metric: number
  /** How it is asked whether it forwards: the address of its own where, and by which identifier. */
  readonly probe?: { readonly at: Address; readonly id: number }
}

/** A block behind others, as the mesh calls it. */
export interface RouterGroup {
  readonly block: Cidr
  /** Of one of its routes. */
  readonly route: Name
  /** At least one; the lowest metric first, then by name. */
  readonly routers: readonly Router[]
  /** The routers leave sources as they are: whoever answers sends the answer by a router that he chooses himself. */
  readonly isPlain: boolean
  /** The machine that is asked for, as people know it. */
  readonly probe?: Address
}

/** Which of the routers to a block is used. */
export type ChooseRouter = (block: Cidr, routers: readonly Router[]) => Router | undefined

const first: ChooseRouter = (_block, routers) => routers[0]

/** Nodes that may carry a route: selected by it, and advertising a block that covers its destination. */
function routersOf(route: BodyOf<'route'>, nodes: readonly BodyOf<'node'>[]): readonly BodyOf<'node'>[] {
  const { via, destination } = route.spec
  return nodes.filter(
    (node) => selects(via, node.labels) && node.advertise.some((block) => contains(block, destination)),
  )
}

function meshBlock({ spec: { destination, mapTo } }: BodyOf<'route'>): Cidr {
  return mapTo ?? destination
}

/** What both ends have to have: an address of the family that the machine has. */
function addressFor({ target }: RouteProbe, { addresses }: BodyOf<'node'>): Address | undefined {
  return addresses.find((address) => familyOf(address) === familyOf(target))
}

function forwardOf({ spec }: BodyOf<'route'>, self: BodyOf<'node'> | undefined): Forward {
  const { destination, mapTo, nat } = spec
  const probe = routeProbe(spec)
  const at = probe === undefined || self === undefined ? undefined : addressFor(probe, self)
  return {
    destination,
    nat,
    ...(mapTo === undefined ? {} : { mapTo }),
    ...(probe === undefined || at === undefined ? {} : { probe: { ...probe, at } }),
  }
}

function probeFor(
  { spec }: BodyOf<'route'>,
  router: BodyOf<'node'>,
  self: BodyOf<'node'> | undefined,
): Pick<Router, 'probe'> {
  const probe = routeProbe(spec)
  const at = probe === undefined ? undefined : addressFor(probe, router)
  const mayAsk = probe !== undefined && self !== undefined && addressFor(probe, self) !== undefined
  return at === undefined || !mayAsk ? {} : { probe: { at, id: probe.id } }
}

/** What this node routes for others. */
function forwardsOf({ nodes, routes }: ParsedRecords, self: NodeId): readonly Forward[] {
  const own = nodes.find(({ nodeId }) => nodeId === self)
  return routes
    .filter((route) => routersOf(route, nodes).some(({ nodeId }) => nodeId === self))
    .map((route) => forwardOf(route, own))
    .sort((a, b) => compareCidr(a.destination, b.destination))
}

function byPreference(a: Router, b: Router): number {
  return a.metric - b.metric || compareText(a.name, b.name)
}

/** Blocks that `self` reaches through others, in order of their routes: not what it routes itself, or what is of its own site. */
export function routerGroups({ nodes, routes }: ParsedRecords, self: NodeId): readonly RouterGroup[] {
  const own = new Set<Cidr>()
  const groups = new Map<Cidr, Omit<RouterGroup, 'block' | 'routers'> & { readonly routers: Map<NodeId, Router> }>()
  const me = nodes.find(({ nodeId }) => nodeId === self)
  const labels = me?.labels ?? {}
  for (const route of routes) {
    const block = meshBlock(route)
    const through = routersOf(route, nodes)
    if (through.some((router) => router.nodeId === self || isSamePodSite(router.labels, labels))) own.add(block)
    const { nat, probe } = route.spec
    const group = groups.get(block) ?? {
      route: route.name,
      routers: new Map<NodeId, Router>(),
      isPlain: nat !== 'masquerade',
      ...(probe === undefined ? {} : { probe }),
    }
    for (const router of through) {
      const { name, nodeId } = router
      const metric = Math.max(1, route.spec.metric)
      const held = group.routers.get(nodeId)
      if (held !== undefined && metric >= held.metric) continue
      group.routers.set(nodeId, { node: nodeId, name, metric, ...probeFor(route, router, me) })
    }
    if (group.routers.size > 0) groups.set(block, group)
  }
  return [...groups]
    .filter(([block]) => !own.has(block))
    .map(([block, { routers, ...group }]) => ({ block, ...group, routers: [...routers.values()].sort(byPreference) }))
}

/** A local block inside the destination keeps its addresses by being longer; one that covers it would lose them. */
function isCutOff({ cidr }: LocalAddress, destination: Cidr): boolean {
  return contains(cidr, destination)
}

/** What is to be said of networks that this host stands in; with the code of a conflict where the local one wins. */
function clash(subject: OverlapSubject, destination: Cidr, all: readonly LocalAddress[]): Omission | undefined {
  const touched = all.filter(({ cidr }) => overlaps(cidr, destination))
  const lost = touched.find((one) => isCutOff(one, destination))
  if (lost !== undefined) return { code: 'address-conflict', detail: refusedText(subject, destination, lost) }
  const [held] = touched
  return held === undefined ? undefined : { code: 'address-overlap', detail: heldText(subject, destination, held) }
}

/** With two addresses of a family the kernel would take whichever came first: peers that lag behind do not know the newer one. */
function withSource(route: DesiredRoute, addresses: readonly Address[]): DesiredRoute {
  const source = sourceFor(addresses, route.destination)
  return source === undefined ? route : { ...route, source }
}

/** `choose`: the one that is preferred where absent. */
export function planRoutes(
  records: ParsedRecords,
  self: BodyOf<'node'>,
  local: readonly LocalAddress[],
  choose: ChooseRouter = first,
): RoutePlan {
  const routes = new Map<Cidr, DesiredRoute>()
  const through = new Map<Name, Cidr[]>()
  const omissions: Omission[] = []
  const add = (subject: OverlapSubject, destination: Cidr, metric: number, by?: readonly NodeId[]): boolean => {
    const said = clash(subject, destination, local)
    if (said !== undefined) omissions.push(by === undefined ? said : { ...said, routers: by })
    if (said?.code === 'address-conflict') return false
    const held = routes.get(destination)
    if (held === undefined || metric < held.metric) routes.set(destination, { destination, metric })
    return true
  }
  const spec = records.network?.spec
  if (spec !== undefined) {
    const families = new Set(self.addresses.map(familyOf))
    for (const block of meshBlocks(spec)) {
      if (families.has(familyOf(block))) add({ kind: 'Network', name: records.network?.name ?? '' }, block, MESH_METRIC)
    }
  }
  for (const { block, route, routers } of routerGroups(records, self.nodeId)) {
    const router = choose(block, routers)
    // By the metric of the best of them, whichever is used: the route of the kernel stays when the router is another.
    const by = routers.map(({ node }) => node)
    if (router === undefined || !add({ kind: 'Route', name: route }, block, routers[0]?.metric ?? 1, by)) continue
    through.set(router.name, [...(through.get(router.name) ?? []), block])
  }
  const isMoving = spec?.renumber !== undefined
  // As with the addresses of the interface: none out of a network that this host stands in.
  const usable = self.addresses.filter((own) => !local.some(({ cidr }) => contains(cidr, hostCidr(own))))
  return {
    routes: (isMoving ? [...routes.values()].map((route) => withSource(route, usable)) : [...routes.values()]).sort(
      (a, b) => compareCidr(a.destination, b.destination),
    ),
    through,
    forwards: forwardsOf(records, self.nodeId),
    omissions,
  }
}
