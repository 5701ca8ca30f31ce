// What policy speaks of: nodes, pods and services with their labels, names and addresses. Made of signed records, and of what
// nodes say themselves about the pods behind them.

import { type Address, blockOf, contains, isWithin } from '../address/cidr.ts'
import { mapAddress } from '../address/netmap.ts'
import type { Fact } from '../fact/fact.ts'
import { type Namespace, type Pod, podsIn, type ToldPod } from '../fact/pod-table.ts'
import { type Labels, type Selector, selects } from '../intent/field.ts'
import { podSiteLabel } from '../intent/pod-site.ts'
import type { ServicePods } from '../intent/service.ts'
import type { ParsedRecords } from '../record/parsed.ts'
import type { BodyOf } from '../record/record.ts'

/** Kubernetes gives this label to every namespace, and nobody can change it. */
export const namespaceNameLabel = 'kubernetes.io/metadata.name'
/** A Policy is in no namespace itself: where it selects pods and no namespace, it speaks of this one, as `kubectl` does. */
export const defaultNamespace = 'default'

export interface NamedPort {
  readonly name: string
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly port: number
}

export interface Endpoint {
  /** A service is only ever a peer: by its virtual addresses. */
  readonly kind: 'node' | 'pod' | 'service'
  /** Of a pod `namespace/name`. */
  readonly name: string
  /** Name of the node it is, or is behind; empty for a service. */
  readonly node: string
  readonly labels: Labels
  /** Labels of a pod's namespace, its name among them. */
  readonly namespace?: Labels
  readonly addresses: readonly Address[]
  /** What ports of a pod are called. */
  readonly ports: readonly NamedPort[]
  /** Services that policies name, and that this pod serves. */
  readonly serves?: readonly string[]
}

export interface World {
  readonly defaultPolicy: 'Allow' | 'Deny'
  readonly endpoints: readonly Endpoint[]
  /** With `pods`, those behind the backends serve it, and not these. */
  readonly services: readonly { readonly name: string; readonly backends: Selector; readonly pods?: ServicePods }[]
  readonly policies: readonly BodyOf<'policy'>[]
}

export function podEndpoint(pod: Pod, node: string, namespaces: readonly Namespace[]): Endpoint {
  const labels = namespaces.find(({ name }) => name === pod.namespace)?.labels
  return {
    kind: 'pod',
    name: `${pod.namespace}/${pod.name}`,
    node,
    labels: pod.labels,
    namespace: { ...labels, [namespaceNameLabel]: pod.namespace },
    addresses: pod.addresses,
    ports: pod.ports ?? [],
  }
}

type WorldNode = Pick<BodyOf<'node'>, 'name' | 'labels' | 'addresses' | 'advertise'>

const nodes = new WeakMap<WorldNode, Endpoint>()

/** The very same object for the very same record: who made something of it may know it by its identity. */
function nodeEndpoint(node: WorldNode): Endpoint {
  const held = nodes.get(node)
  if (held !== undefined) return held
  const { addresses, labels, name } = node
  const endpoint: Endpoint = { kind: 'node', name, node: name, labels, addresses, ports: [] }
  nodes.set(node, endpoint)
  return endpoint
}

const told = new WeakMap<ToldPod, Endpoint>()

/** Where a pod is is the word of the hub, in the record of the node in front of it, and nobody's who labels pods. */
function labelsAt(site: string | undefined, own: Labels): Labels {
  const { [podSiteLabel]: _, ...labels } = own
  return site === undefined ? labels : { ...labels, [podSiteLabel]: site }
}

type WorldService = Pick<BodyOf<'service'>, 'name' | 'spec'>

/** That pods serve, with what policies name a peer by. */
function namesOfServed(services: readonly WorldService[], { labels, namespace }: ToldPod): readonly string[] {
  return services
    .filter(({ spec: { pods } }) => pods?.namespace === namespace && selects(pods.podSelector, labels))
    .map(({ name }) => name)
}

/** As with nodes, the very same object for the very same pod at the very same addresses. */
function toldEndpoint(
  pod: ToldPod,
  { labels, name }: WorldNode,
  addresses: readonly Address[],
  serves: readonly string[],
): Endpoint {
  const held = told.get(pod)
  const site = Object.hasOwn(labels, podSiteLabel) ? labels[podSiteLabel] : undefined
  const isSame = held?.node === name && held.labels[podSiteLabel] === site && sameList(held.serves ?? [], serves)
  if (isSame && held.addresses.join() === addresses.join()) return held
  const namespace = [{ name: pod.namespace, labels: pod.namespaceLabels }]
  const made = podEndpoint({ ...pod, labels: labelsAt(site, pod.labels), addresses }, name, namespace)
  const endpoint = serves.length === 0 ? made : { ...made, serves }
  told.set(pod, endpoint)
  return endpoint
}

/** What a node may say of pods. */
export type PodWord = Pick<Fact, 'podTable'>

type WorldRoute = Pick<BodyOf<'route'>, 'spec'>

interface Believed {
  readonly node: WorldNode
  readonly maps: readonly WorldRoute[]
  readonly served: readonly WorldService[]
  readonly endpoints: readonly Endpoint[]
}

/** By the list of pods, which is the same where others are ready now. */
const believed = new WeakMap<readonly ToldPod[], Believed>()

/** Routes by which subnets behind the node go by other addresses in the mesh. */
function mapsOf({ advertise, labels }: WorldNode, routes: readonly WorldRoute[]): readonly WorldRoute[] {
  return routes.filter(({ spec: { destination, mapTo, via } }) => {
    return mapTo !== undefined && selects(via, labels) && advertise.some((block) => contains(block, destination))
  })
}

function inMesh(address: Address, maps: readonly WorldRoute[]): Address {
  for (const { spec } of maps) {
    const mapped = spec.mapTo === undefined ? undefined : mapAddress(address, spec.destination, spec.mapTo)
    if (mapped !== undefined) return mapped
  }
  return address
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((one, at) => one === b[at])
}

/**
 * Pods as the node in front of them tells. It is believed only for addresses that its own record, signed by the hub, says
 * lie behind it: a node can't give itself, or take from others, an address with labels of its choice. Pods of the host's own
 * network have the node's address and are no subjects of their own. A node tells of addresses as they are there; what they
 * are called in the mesh follows from routes.
 */
function podsOf(
  node: WorldNode,
  word: PodWord | undefined,
  routes: readonly WorldRoute[],
  services: readonly WorldService[],
): readonly Endpoint[] {
  const table = word?.podTable
  if (table === undefined) return []
  const maps = mapsOf(node, routes)
  const pods = podsIn(table)
  const held = believed.get(pods)
  const served = services.filter(({ spec }) => selects(spec.backends, node.labels))
  const isSame = held?.node === node && sameList(held.maps, maps) && sameList(held.served, served)
  if (isSame) return held.endpoints
  const blocks = node.advertise.map(blockOf)
  const behind = (address: Address): boolean => blocks.some((block) => isWithin(block, address))
  const endpoints = pods
    .filter(({ addresses }) => addresses.length > 0 && addresses.every(behind))
    .map((pod) => {
      const addresses = maps.length === 0 ? pod.addresses : pod.addresses.map((address) => inMesh(address, maps))
      return toldEndpoint(pod, node, addresses, namesOfServed(served, pod))
    })
  believed.set(pods, { node, maps, served, endpoints })
  return endpoints
}

/** Only of those that some policy names it matters who serves them. */
function namedServices({ policies, services }: Pick<ParsedRecords, 'policies' | 'services'>): readonly WorldService[] {
  const some = services.filter(({ spec }) => spec.pods !== undefined)
  if (some.length === 0) return some
  const peers = policies.flatMap(({ spec: { egress = [], ingress = [] } }) => [
    ...ingress.flatMap(({ from }) => from),
    ...egress.flatMap(({ to }) => to),
  ])
  const named = new Set<string | undefined>(peers.map(({ service }) => service))
  return some.filter(({ name }) => named.has(name))
}

/** As much of records as policy is made of. */
export interface WorldRecords extends Pick<ParsedRecords, 'network' | 'policies' | 'services'> {
  readonly nodes: readonly WorldNode[]
  readonly routes: readonly WorldRoute[]
}

/**
 * Nodes, then pods by node and name, then services. Where two pods claim one address, the one on the node that comes first
 * by name has it.
 */
export function worldOf<R extends WorldRecords>(
  records: R,
  factOf: (node: R['nodes'][number]) => PodWord | undefined,
): World {
  const named = namedServices(records)
  const pods = records.nodes.flatMap((node) => podsOf(node, factOf(node), records.routes, named))
  const taken = new Set<Address>()
  const own = pods.filter(({ addresses }) => {
    if (addresses.some((address) => taken.has(address))) return false
    for (const address of addresses) taken.add(address)
    return true
  })
  const services = records.services.map(
    ({ addresses, name }): Endpoint => ({ kind: 'service', name, node: '', labels: {}, addresses, ports: [] }),
  )
  return {
    defaultPolicy: records.network?.spec.defaultPolicy ?? 'Deny',
    endpoints: [...records.nodes.map(nodeEndpoint), ...own, ...services],
    services: records.services.map(({ name, spec: { backends, pods: some } }) => {
      return { name, backends, ...(some === undefined ? {} : { pods: some }) }
    }),
    policies: records.policies,
  }
}
