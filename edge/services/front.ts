// Services as this node knows them: a virtual address, and who stands behind it. Pure.

import type { Address } from '../../shared/address/cidr.ts'
import type { PodTable } from '../../shared/fact/pod-table.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { selects } from '../../shared/intent/field.ts'
import { drainLabel } from '../../shared/intent/service.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import { serviceBackendsMax, servicesMax, servingPodsMax } from '../../shared/service-limits.ts'
import { type Backend, type BackendsAround, backendsOf } from './backend.ts'

/** A virtual address. A service that several clusters export has one, and the backends of all of them. */
export interface Front {
  /** Of the first of its records. */
  readonly name: Name
  readonly addresses: readonly Address[]
  /** It has no address: its name is answered with its backends, and nobody is led there. */
  readonly headless: boolean
  /** Connections from one address go to one backend. */
  readonly byClient: boolean
  readonly backends: readonly Backend[]
}

export interface Fronts {
  readonly fronts: readonly Front[]
  /** What is left out, and why, in words. */
  readonly omitted: readonly string[]
}

export interface FrontsInput {
  readonly records: Pick<ParsedRecords, 'nodes' | 'routes' | 'services'>
  readonly self: NodeId
  /** The node says of itself that it is leaving. */
  readonly isLeaving: (node: NodeId) => boolean
  /** What a node says of the pods behind it. */
  readonly tableOf: (node: NodeId) => PodTable | undefined
}

/** In order of name. */
export function frontsOf({ isLeaving, records, self, tableOf }: FrontsInput): Fronts {
  const omitted: string[] = []
  const known = records.services.slice(0, servicesMax)
  if (known.length < records.services.length) {
    omitted.push(`${records.services.length - known.length} services beyond the first ${servicesMax} by name`)
  }
  const around: BackendsAround = {
    self: records.nodes.find(({ nodeId }) => nodeId === self),
    routes: records.routes,
    virtual: new Set(records.services.flatMap(({ addresses }) => addresses)),
    leaves: ({ labels, nodeId }) => labels[drainLabel] === 'true' || isLeaving(nodeId),
    tableOf,
  }
  let podsLeft = servingPodsMax
  const fronts = new Map<string, { readonly front: Omit<Front, 'backends'>; readonly backends: Backend[] }>()
  for (const { addresses: given, name, spec } of known) {
    const [headless, byClient] = [spec.headless === true, spec.clientAffinityS !== undefined]
    const addresses = headless ? [] : given
    const serving = records.nodes.filter(({ labels }) => selects(spec.backends, labels))
    const most = Math.min(serviceBackendsMax, spec.pods === undefined ? serviceBackendsMax : podsLeft)
    const { backends, beyond } = backendsOf(serving, spec, around, most)
    if (spec.pods !== undefined) podsLeft -= backends.length
    if (beyond > 0) omitted.push(`${beyond} backends of Service/${name}, beyond ${most}`)
    const key = addresses.length === 0 ? name : addresses.join()
    const held = fronts.get(key) ?? { front: { name, addresses, headless, byClient }, backends: [] }
    fronts.set(key, held)
    held.backends.push(...backends.filter((one) => one.addresses.length > 0 && one.ports.length > 0))
  }
  return { fronts: Array.from(fronts.values(), ({ backends, front }) => ({ ...front, backends })), omitted }
}
