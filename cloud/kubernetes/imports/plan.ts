// Which ServiceImports (multicluster.x-k8s.io, KEP-1645) a cluster is to have: one for each service that any cluster of the
// network exports, in the namespace of that name, with its virtual addresses. Pure.
//
// Another implementation of that API may be in the same cluster. What it manages is told by what it has not: a label of ours.

import type { Address } from '../../../shared/address/cidr.ts'
import { mainAddresses } from '../../../shared/address/mesh-blocks.ts'
import { compareText } from '../../../shared/bytes.ts'
import type { Resource } from '../../../shared/intent/resource.ts'
import { encodeCanonicalText } from '../../../shared/record/canonical.ts'
import { type InputObject, type Inputs, inputName } from '../input.ts'

/** Of a ServiceImport that the hub manages: the network whose clusters export the service. */
export const importLabel = 'holdfast.dev/imported-from'

export interface ImportPort {
  readonly name?: string
  readonly protocol: string
  readonly port: number
}

export interface ImportSpec {
  readonly type: 'ClusterSetIP' | 'Headless'
  readonly sessionAffinity: 'None' | 'ClientIP'
  /** With `ClientIP` alone. */
  readonly sessionAffinityConfig?: { readonly clientIP: { readonly timeoutSeconds: number } }
  /** None of what is headless; else of each family that the network has, the one of IPv4 first. */
  readonly ips: readonly string[]
  readonly ports: readonly ImportPort[]
}

interface At {
  readonly namespace: string
  readonly name: string
}

export interface WantedImport extends At {
  readonly network: string
  readonly spec: ImportSpec
  /** Who exports it. */
  readonly clusters: readonly string[]
}

/** With a uid: of that object, and of none that came in its place. */
export type ImportWrite =
  | (At & Pick<WantedImport, 'network' | 'spec'> & { readonly verb: 'create' })
  | (At & Pick<WantedImport, 'network' | 'spec'> & { readonly verb: 'update'; readonly uid: string })
  | (At & Pick<WantedImport, 'clusters'> & { readonly verb: 'status'; readonly uid: string })
  | (At & { readonly verb: 'delete'; readonly uid: string })

export interface ImportPlan {
  readonly writes: readonly ImportWrite[]
  /** In the place of one of ours, and somebody else’s. */
  readonly foreign: readonly InputObject[]
  /** Wanted, and more than a cluster is given. */
  readonly left: number
}

/** A service of the hub, and the virtual addresses that it was given. */
export interface AddressedService {
  readonly resource: Resource<'Service'>
  readonly addresses: readonly string[]
}

/** A port of any of them, once. Two of one name are told apart by their numbers: the first has the name. */
function portsOf(services: readonly AddressedService[]): readonly ImportPort[] {
  const ports = new Map<string, ImportPort>()
  const taken = new Set<string>()
  for (const { name, port, protocol } of services.flatMap(({ resource }) => resource.spec.ports)) {
    const key = `${protocol} ${port}`
    if (ports.has(key)) continue
    const isNamed = name !== undefined && !taken.has(name)
    if (isNamed) taken.add(name)
    ports.set(key, { ...(isNamed ? { name } : {}), protocol, port })
  }
  return [...ports.values()].sort((a, b) => a.port - b.port || compareText(a.protocol, b.protocol))
}

/** What clusters differ in is settled where they are exported; until all have followed, what has an address counts. */
function kindOf(
  services: readonly AddressedService[],
): Pick<ImportSpec, 'type' | 'sessionAffinity' | 'sessionAffinityConfig'> {
  const addressed = services.find(({ addresses }) => addresses.length > 0)
  if (addressed === undefined) return { type: 'Headless', sessionAffinity: 'None' }
  const { clientAffinityS } = addressed.resource.spec
  if (clientAffinityS === undefined) return { type: 'ClusterSetIP', sessionAffinity: 'None' }
  const sessionAffinityConfig = { clientIP: { timeoutSeconds: clientAffinityS } }
  return { type: 'ClusterSetIP', sessionAffinity: 'ClientIP', sessionAffinityConfig }
}

/** IPv4 first. */
function compareFamilies(a: string, b: string): number {
  return Number(a.includes(':')) - Number(b.includes(':')) || compareText(a, b)
}

/** One for each name and namespace, by name. */
export function wantedImports(services: readonly AddressedService[], network: string): readonly WantedImport[] {
  const groups = new Map<string, AddressedService[]>()
  const sorted = services.toSorted((a, b) => compareText(a.resource.metadata.name, b.resource.metadata.name))
  for (const one of sorted) {
    const { export: exported, network: of } = one.resource.spec
    const isThere = one.addresses.length > 0 || one.resource.spec.headless === true
    if (exported === undefined || of !== network || !isThere) continue
    const key = `${exported.namespace}/${exported.service}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return [...groups]
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, group]) => {
      const [namespace = '', name = ''] = key.split('/')
      const clusters = new Set(group.map(({ resource }) => resource.spec.export?.cluster ?? ''))
      const ips = [...new Set(group.flatMap(({ addresses }) => mainAddresses(addresses as readonly Address[])))].sort(
        compareFamilies,
      )
      const spec: ImportSpec = { ...kindOf(group), ips, ports: portsOf(group) }
      return { namespace, name, network, spec, clusters: [...clusters].sort(compareText) }
    })
}

/** As that version of the API takes it: v1alpha1 has room for one address. */
export function specFor(spec: ImportSpec, version: string | undefined): ImportSpec {
  return version === 'v1alpha1' ? { ...spec, ips: spec.ips.slice(0, 1) } : spec
}

type Loose = Readonly<Record<string, unknown>>

function looseOf(value: unknown): Loose {
  return typeof value === 'object' && value !== null ? (value as Loose) : {}
}

function listOf(value: unknown): readonly Loose[] {
  return Array.isArray(value) ? value.map(looseOf) : []
}

/** What the hub writes of a spec; what API servers and others add says nothing. */
function specText(value: unknown): string {
  const { ips, ports, sessionAffinity, sessionAffinityConfig, type } = looseOf(value)
  const { timeoutSeconds = null } = looseOf(looseOf(sessionAffinityConfig)['clientIP'])
  const own = listOf(ports).map(({ name = '', port, protocol }) => [name, port, protocol])
  return JSON.stringify([type, sessionAffinity, timeoutSeconds, ips, own])
}

function clustersText(status: unknown): string {
  const names = listOf(looseOf(status)['clusters']).map(({ cluster }) => String(cluster))
  return encodeCanonicalText(names.sort(compareText))
}

export function isOurs({ labels }: Pick<InputObject, 'labels'>): boolean {
  return Object.hasOwn(labels, importLabel)
}

function writesFor(one: WantedImport, held: InputObject | undefined): readonly ImportWrite[] {
  const { clusters, name, namespace, network, spec } = one
  if (held === undefined) return [{ verb: 'create', namespace, name, network, spec }]
  const { labels, uid, version } = held
  const isSame = specText(held.spec) === specText(specFor(spec, version)) && labels[importLabel] === network
  const isTold = clustersText(held.status) === encodeCanonicalText([...clusters])
  return [
    ...(isSame ? [] : [{ verb: 'update', namespace, name, network, uid, spec } as const]),
    ...(isTold ? [] : [{ verb: 'status', namespace, name, uid, clusters } as const]),
  ]
}

/**
 * Nothing, where the cluster does not know the kind, or was not heard yet. `max`: imports of one cluster, the first by
 * namespace and name.
 */
export function planImports(wanted: readonly WantedImport[], inputs: Inputs, max: number): ImportPlan {
  const { Namespace: namespaces, ServiceImport: imports } = inputs
  if (!Array.isArray(namespaces) || !Array.isArray(imports)) return { writes: [], foreign: [], left: 0 }
  const there = new Set(namespaces.map(({ name }: InputObject) => name))
  const held = new Map(imports.map((one: InputObject) => [inputName(one), one]))
  const placed = wanted.filter(({ namespace }) => there.has(namespace))
  const foreign: InputObject[] = []
  const writes: ImportWrite[] = []
  for (const one of placed.slice(0, max)) {
    const before = held.get(inputName(one))
    if (before === undefined || isOurs(before)) writes.push(...writesFor(one, before))
    else foreign.push(before)
  }
  // One whose namespace is on its way out goes along with it.
  const kept = new Set(wanted.map(inputName))
  const gone = [...held.values()].filter((one) => isOurs(one) && !kept.has(inputName(one)))
  for (const { name, namespace, uid } of gone.sort((a, b) => compareText(inputName(a), inputName(b))))
    writes.push({ verb: 'delete', namespace, name, uid })
  return { writes, foreign, left: Math.max(0, placed.length - max) }
}
