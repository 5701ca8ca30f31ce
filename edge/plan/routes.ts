// Which subnets go through which router, and what this host must leave alone because it is attached to it.

import { type Cidr, compareCidr, contains, familyOf, overlaps } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { selects } from '../../shared/intent/field.ts'
import { heldText, type OverlapSubject, refusedText } from '../../shared/intent/overlap.ts'
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

export function planRoutes(records: ParsedRecords, self: BodyOf<'node'>, local: readonly LocalAddress[]): RoutePlan {
  const routes = new Map<Cidr, DesiredRoute>()
  const through = new Map<Name, Cidr[]>()
  const forwards: Forward[] = []
  const omissions: Omission[] = []
  const add = (subject: OverlapSubject, destination: Cidr, metric: number, router?: NodeId): boolean => {
    const said = clash(subject, destination, local)
    if (said !== undefined) omissions.push(router === undefined ? said : { ...said, router })
    if (said?.code === 'address-conflict') return false
    const held = routes.get(destination)
    if (held === undefined || metric < held.metric) routes.set(destination, { destination, metric })
    return true
  }
  const spec = records.network?.spec
  if (spec !== undefined) {
    const families = new Set(self.addresses.map(familyOf))
    for (const block of spec.cidr6 === undefined ? [spec.cidr] : [spec.cidr, spec.cidr6]) {
      if (families.has(familyOf(block))) add({ kind: 'Network', name: records.network?.name ?? '' }, block, MESH_METRIC)
    }
  }
  for (const route of records.routes) {
    const { destination, mapTo, nat, metric } = route.spec
    const forward: Forward = { destination, nat, ...(mapTo === undefined ? {} : { mapTo }) }
    const block = blockInMesh(forward)
    const routers = routersOf(route, records.nodes)
    if (routers.some((router) => router.name === self.name)) forwards.push(forward)
    else if (routers.some((router) => isSamePodSite(router.labels, self.labels))) continue
    else if (routers[0] !== undefined) {
      const { name, nodeId } = routers[0]
      if (!add({ kind: 'Route', name: route.name }, block, Math.max(1, metric), nodeId)) continue
      const held = through.get(name) ?? []
      if (!held.includes(block)) through.set(name, [...held, block])
    }
  }
  return {
    routes: [...routes.values()].sort((a, b) => compareCidr(a.destination, b.destination)),
    through,
    forwards: forwards.sort((a, b) => compareCidr(a.destination, b.destination)),
    omissions,
  }
}
