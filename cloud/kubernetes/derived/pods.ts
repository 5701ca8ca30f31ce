// Where the pods of a cluster are: nodes of it that are devices of ours lead to the blocks that their pods have addresses of.
// Routes to them are made for other sites alone; within a site pods are reached by the network that the cluster has. Pure.

import { type Cidr, contains, familyOf, maskCidr } from '../../../shared/address/cidr.ts'
import { nestedPairs } from '../../../shared/address/nesting.ts'
import { compareText } from '../../../shared/bytes.ts'
import { HoldfastError } from '../../../shared/errors.ts'
import { podSiteLabel } from '../../../shared/intent/pod-site.ts'
import { type AnyResource, apiVersion, parseResource, type Resource } from '../../../shared/intent/resource.ts'
import type { InputObject } from '../input.ts'
import { type Derived, type DeriveOptions, derivedMetadata, derivedName } from './derived.ts'

/** On a Node of Kubernetes, as an annotation or a label: which Node of ours it is, where the names differ. */
const nodeKey = 'holdfast.dev/node'

/** What the hub has, by which pods are placed. */
export interface Fleet {
  readonly nodes: ReadonlyMap<string, Resource<'Node'>>
  readonly routes: readonly Resource<'Route'>[]
}

interface Wanted {
  readonly input: InputObject
  readonly node: string
  readonly network: string
  readonly site: string
  readonly name: string
  readonly block: Cidr
}

function labelled({ annotations, labels }: InputObject, key: string): string | undefined {
  return annotations[key] ?? labels[key]
}

/** Name of the Node of ours that a Node of Kubernetes is, or that leads to it. */
export function deviceOf(input: InputObject): string {
  return labelled(input, nodeKey) ?? input.name
}

function blocksOf({ spec }: InputObject): readonly unknown[] {
  const { podCIDR, podCIDRs } = (typeof spec === 'object' && spec !== null ? spec : {}) as Readonly<
    Record<string, unknown>
  >
  if (Array.isArray(podCIDRs)) return podCIDRs
  return podCIDR === undefined ? [] : [podCIDR]
}

function readBlock(text: unknown): Cidr | HoldfastError {
  try {
    return maskCidr(String(text))
  } catch (cause) {
    return new HoldfastError('invalid', `${String(text)} is no block of addresses`, { field: 'spec.podCIDRs', cause })
  }
}

function notGiven(block: Cidr, cluster: string): HoldfastError {
  return new HoldfastError('forbidden', `${block} is not among the blocks of addresses that ${cluster} was given`, {
    field: 'spec.podCIDRs',
    remedy: `At the hub: holdfast-hub cluster set ${cluster} --pods BLOCK.`,
  })
}

function told(input: InputObject, node: string) {
  return { input, about: `Node/${node}`, reason: 'PodsNotRouted', consequence: 'Its pods are not routed.' }
}

function isWanted(one: Wanted | Derived): one is Wanted {
  return 'block' in one
}

function wantedOf(input: InputObject, { nodes }: Fleet, options: DeriveOptions): readonly (Wanted | Derived)[] {
  const node = deviceOf(input)
  const network = nodes.get(node)?.spec.network
  if (network === undefined) return []
  const { clusterName, confined } = options
  const site = (confined === undefined ? input.labels[podSiteLabel] : undefined) ?? clusterName
  return blocksOf(input).map((text) => {
    const block = readBlock(text)
    if (block instanceof HoldfastError) return { ...told(input, node), fault: block }
    const isGiven = confined?.podBlocks.some((given) => contains(given, block)) ?? true
    if (!isGiven) return { ...told(input, node), fault: notGiven(block, clusterName) }
    const word = familyOf(block) === 4 ? 'pods' : 'pods6'
    return { input, node, network, site, name: derivedName(options.clusterName, word, [input.name], false), block }
  })
}

function routeOf({ block, input, name, network, node, site }: Wanted, options: DeriveOptions): Resource<'Route'> {
  const metadata = derivedMetadata(name, options, input) as { readonly annotations: object }
  return parseResource({
    apiVersion,
    kind: 'Route',
    metadata: { ...metadata, annotations: { ...metadata.annotations, [nodeKey]: node } },
    spec: {
      network,
      destination: block,
      // Among them the one that advertises the block.
      via: { matchLabels: { [podSiteLabel]: site } },
      // Pods are known by their own addresses everywhere.
      nat: 'none',
    },
  }) as Resource<'Route'>
}

/** Sites that devices of the cluster stand at, sorted. */
export function podSitesOf(
  inputs: readonly InputObject[],
  { nodes }: Pick<Fleet, 'nodes'>,
  { clusterName }: DeriveOptions,
): readonly string[] {
  const devices = inputs.filter((input) => nodes.has(deviceOf(input)))
  return [...new Set(devices.map(({ labels }) => labels[podSiteLabel] ?? clusterName))].sort(compareText)
}

interface Placed {
  readonly what: string
  readonly network: string
  readonly site: string | undefined
  readonly block: Cidr
  readonly wanted?: Wanted
}

function placeOf({ metadata, spec }: Resource<'Route'>): Placed {
  const site = spec.via.matchLabels?.[podSiteLabel]
  return { what: `Route/${metadata.name}`, network: spec.network, site, block: spec.mapTo ?? spec.destination }
}

function isRival(a: Placed, b: Placed): boolean {
  return a.site === undefined || a.site !== b.site
}

/** Who stands in the way of whom: of two that overlap, the later one in the list gives way. */
function conflicts(all: readonly Placed[]): ReadonlyMap<Wanted, Placed> {
  const rivals = new Map<Wanted, Placed>()
  for (let left = all; ; ) {
    const lost = new Set<Placed>()
    for (const [before, after] of nestedPairs(left.map(({ block }) => block))) {
      const [a, b] = [left[before], left[after]]
      if (a === undefined || b === undefined || !isRival(a, b)) continue
      lost.add(b)
      if (b.wanted !== undefined) rivals.set(b.wanted, a)
    }
    if (lost.size === 0) return rivals
    left = left.filter((one) => !lost.has(one))
  }
}

function faultOf({ block }: Wanted, rival: Placed): HoldfastError {
  return new HoldfastError('conflict', `the pods’ block ${block} overlaps ${rival.block} of ${rival.what}`, {
    field: 'spec.podCIDRs',
    remedy: 'Give one of the clusters other addresses for its pods, or map this block by a Route with nat: netmap.',
  })
}

/** Routes to the pods of nodes, and faults where two sites have the same addresses: who was there first keeps them. */
export function derivePods(nodes: readonly InputObject[], fleet: Fleet, options: DeriveOptions): readonly Derived[] {
  const read = nodes.flatMap((input) => wantedOf(input, fleet, options))
  const wanted = read.filter(isWanted)
  const names = new Set(wanted.map(({ name }) => name))
  const held = new Map(fleet.routes.map((route) => [route.metadata.name as string, route.spec.destination]))
  const age = ({ block, name }: Wanted): number => (held.get(name) === block ? 0 : 1)
  const order = [...wanted].sort((a, b) => age(a) - age(b) || compareText(a.name, b.name))
  const placed: readonly Placed[] = [
    ...fleet.routes.filter(({ metadata }) => !names.has(metadata.name)).map(placeOf),
    ...order.map((one): Placed => ({ ...one, what: `Node ${one.input.name}`, wanted: one })),
  ]
  const rivals = new Map<Wanted, Placed>()
  for (const siblings of Map.groupBy(placed, ({ network }) => network).values())
    for (const [one, rival] of conflicts(siblings)) rivals.set(one, rival)
  const routed = order.map((one): Derived => {
    const rival = rivals.get(one)
    const about = told(one.input, one.node)
    return rival === undefined
      ? { ...about, resource: routeOf(one, options) }
      : { ...about, fault: faultOf(one, rival) }
  })
  return [...read.filter((one): one is Derived => !isWanted(one)), ...routed]
}

export interface PodPlace {
  readonly site: string
  readonly blocks: readonly Cidr[]
}

/** By name of the node of ours, network in front: what it is to advertise, as the routes say that the hub has. */
export function podPlaces(routes: readonly Resource<'Route'>[]): ReadonlyMap<string, PodPlace> {
  const places = new Map<string, PodPlace>()
  for (const { metadata, spec } of routes) {
    const [node, site] = [metadata.annotations?.[nodeKey], spec.via.matchLabels?.[podSiteLabel]]
    if (node === undefined || site === undefined) continue
    const key = `${spec.network}/${node}`
    places.set(key, { site, blocks: [...(places.get(key)?.blocks ?? []), spec.destination] })
  }
  return places
}

function placeFor(node: Resource<'Node'>, places: ReadonlyMap<string, PodPlace>): PodPlace | undefined {
  return places.get(`${node.spec.network}/${node.metadata.name}`)
}

/** A node as people wrote it, with the pods behind it. */
export function withPods(resource: AnyResource, places: ReadonlyMap<string, PodPlace>): AnyResource {
  if (resource.kind !== 'Node') return resource
  const place = placeFor(resource, places)
  if (place === undefined) return resource
  const advertise = [...new Set([...resource.spec.advertise, ...place.blocks])]
  return {
    ...resource,
    spec: { ...resource.spec, labels: { ...resource.spec.labels, [podSiteLabel]: place.site }, advertise },
  }
}

/** A node without them, as it is to stand where people write it. */
export function withoutPods(resource: AnyResource, places: ReadonlyMap<string, PodPlace>): AnyResource {
  const place = resource.kind === 'Node' ? placeFor(resource, places) : undefined
  if (resource.kind !== 'Node' || place === undefined) return resource
  const { [podSiteLabel]: _site, ...labels } = resource.spec.labels
  const advertise = resource.spec.advertise.filter((block) => !place.blocks.includes(block))
  return { ...resource, spec: { ...resource.spec, labels, advertise } }
}
