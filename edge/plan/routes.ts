// Which subnets go through which router, and what this host must leave alone because it is attached to it.

import { type Cidr, compareCidr, contains, familyOf, overlaps } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Name } from '../../shared/ids.ts'
import { selects } from '../../shared/intent/field.ts'
import { isSamePodSite } from '../../shared/intent/pod-site.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { DesiredRoute, Omission } from './desired.ts'
import { blockInMesh, type Forward } from './enforcement.ts'
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

/** Nodes that may carry a route: selected by it, and advertising a block that covers its destination. */
function routersOf(route: BodyOf<'route'>, nodes: readonly BodyOf<'node'>[]): readonly BodyOf<'node'>[] {
  const { via, destination } = route.spec
  return nodes
    .filter((node) => selects(via, node.labels) && node.advertise.some((block) => contains(block, destination)))
    .sort((a, b) => compareText(a.name, b.name))
}

/** The local block that `destination` would take addresses from, if any: then the local network wins. */
function conflict(destination: Cidr, local: readonly LocalAddress[]): LocalAddress | undefined {
  return local.find(({ cidr }) => overlaps(cidr, destination))
}

function clash(what: string, destination: Cidr, local: LocalAddress): Omission {
  return {
    code: 'address-conflict',
    detail: `${what} ${destination} overlaps ${local.cidr} on ${local.interface}; the local network wins`,
  }
}

/** A local block inside the destination keeps its addresses by being longer; one that covers it would lose them. */
function usable(destination: Cidr, local: LocalAddress | undefined): boolean {
  return local === undefined || (contains(destination, local.cidr) && destination !== local.cidr)
}

export function planRoutes(records: ParsedRecords, self: BodyOf<'node'>, local: readonly LocalAddress[]): RoutePlan {
  const routes = new Map<Cidr, DesiredRoute>()
  const through = new Map<Name, Cidr[]>()
  const forwards: Forward[] = []
  const omissions: Omission[] = []
  const add = (what: string, destination: Cidr, metric: number): boolean => {
    const local_ = conflict(destination, local)
    if (local_ !== undefined) omissions.push(clash(what, destination, local_))
    if (!usable(destination, local_)) return false
    const held = routes.get(destination)
    if (held === undefined || metric < held.metric) routes.set(destination, { destination, metric })
    return true
  }
  const spec = records.network?.spec
  if (spec !== undefined) {
    const families = new Set(self.addresses.map(familyOf))
    for (const block of spec.cidr6 === undefined ? [spec.cidr] : [spec.cidr, spec.cidr6]) {
      if (families.has(familyOf(block))) add(`network ${records.network?.name ?? ''}`, block, MESH_METRIC)
    }
  }
  for (const route of records.routes) {
    const { destination, mapTo, nat, metric } = route.spec
    const forward: Forward = { destination, nat, ...(mapTo === undefined ? {} : { mapTo }) }
    const block = blockInMesh(forward)
    const routers = routersOf(route, records.nodes)
    if (routers.some((router) => router.name === self.name)) forwards.push(forward)
    else if (routers.some((router) => isSamePodSite(router.labels, self.labels))) continue
    else if (routers[0] !== undefined && add(`route ${route.name}`, block, Math.max(1, metric))) {
      const held = through.get(routers[0].name) ?? []
      if (!held.includes(block)) through.set(routers[0].name, [...held, block])
    }
  }
  return {
    routes: [...routes.values()].sort((a, b) => compareCidr(a.destination, b.destination)),
    through,
    forwards: forwards.sort((a, b) => compareCidr(a.destination, b.destination)),
    omissions,
  }
}
