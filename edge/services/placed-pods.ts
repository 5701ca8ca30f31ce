// The pods behind a node as this one reaches them, found by what services say of them. Pure.

import { type Address, blockOf, contains, hostCidr, isWithin } from '../../shared/address/cidr.ts'
import { mapAddress } from '../../shared/address/netmap.ts'
import { isReadyIn, type PodTable, podsIn, type ToldPod } from '../../shared/fact/pod-table.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { type Labels, selects } from '../../shared/intent/field.ts'
import { isSamePodSite } from '../../shared/intent/pod-site.ts'
import type { ServicePods } from '../../shared/intent/service.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'

type NodeRecord = BodyOf<'node'>
type RouteRecord = BodyOf<'route'>

export interface PlacedPod {
  readonly pod: ToldPod
  /** As this node calls them; at least one. */
  readonly addresses: readonly Address[]
  /** By the word of its cluster; undefined where its node says nothing of it. */
  readonly ready: boolean | undefined
}

/** Pods by their namespace, and those with the very same labels together: they are looked at once. */
type Index = ReadonlyMap<Name, ReadonlyMap<Labels, readonly PlacedPod[]>>

export interface PodsAround {
  readonly self: NodeRecord | undefined
  readonly routes: ParsedRecords['routes']
  /** What a node says of the pods behind it. */
  readonly tableOf: (node: NodeId) => PodTable | undefined
}

/** Of this very node, or of one whose pods are reached without the mesh: by their own addresses. */
function isNear(node: NodeRecord, self: NodeRecord | undefined): boolean {
  return node.nodeId === self?.nodeId || (self !== undefined && isSamePodSite(self.labels, node.labels))
}

/** What the mesh calls it; undefined where no route leads there through the node. */
function inMesh(address: Address, { advertise, labels }: NodeRecord, routes: readonly RouteRecord[]) {
  for (const { spec } of routes) {
    const { destination, mapTo, via } = spec
    if (!contains(destination, hostCidr(address)) || !selects(via, labels)) continue
    if (!advertise.some((block) => contains(block, destination))) continue
    return mapTo === undefined ? address : mapAddress(address, destination, mapTo)
  }
  return undefined
}

function indexOf(node: NodeRecord, table: PodTable, { routes, self }: PodsAround): Index {
  const blocks = node.advertise.map(blockOf)
  const near = isNear(node, self)
  const index = new Map<Name, Map<Labels, PlacedPod[]>>()
  for (const pod of podsIn(table)) {
    // A node is believed where policy believes it: for what lies behind it by intent.
    if (!pod.addresses.every((address) => blocks.some((block) => isWithin(block, address)))) continue
    const addresses = pod.addresses.flatMap((address) => (near ? address : (inMesh(address, node, routes) ?? [])))
    if (addresses.length === 0) continue
    const inside = index.get(pod.namespace) ?? new Map<Labels, PlacedPod[]>()
    index.set(pod.namespace, inside)
    const alike = inside.get(pod.labels) ?? []
    inside.set(pod.labels, alike)
    alike.push({ pod, addresses, ready: isReadyIn(table, pod) })
  }
  return index
}

interface Held {
  readonly node: NodeRecord
  readonly routes: ParsedRecords['routes']
  readonly self: NodeRecord | undefined
  readonly index: Index
}

const indices = new WeakMap<PodTable, Held>()

/** Made anew only where what the node tells, or where it stands, is another thing. */
function heldIndex(node: NodeRecord, table: PodTable, around: PodsAround): Index {
  const held = indices.get(table)
  if (held?.node === node && held.routes === around.routes && held.self === around.self) return held.index
  const index = indexOf(node, table, around)
  indices.set(table, { node, routes: around.routes, self: around.self, index })
  return index
}

/** Those behind the node that serve it, in the order in which the node tells of them. */
export function podsServing(
  node: NodeRecord,
  { namespace, podSelector }: ServicePods,
  around: PodsAround,
): readonly PlacedPod[] {
  const table = around.tableOf(node.nodeId)
  if (table === undefined) return []
  const inside = heldIndex(node, table, around).get(namespace) ?? []
  return [...inside].flatMap(([labels, pods]) => (selects(podSelector, labels) ? pods : []))
}
