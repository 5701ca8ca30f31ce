// Services as this node knows them: a virtual address, and who stands behind it. Pure.

import type { Address } from '../../shared/address/cidr.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { selects } from '../../shared/intent/field.ts'
import { drainLabel } from '../../shared/intent/service.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import { serviceBackendsMax, servicesMax } from '../../shared/service-limits.ts'

type Spec = BodyOf<'service'>['spec']

/** A node that serves. */
export interface Backend {
  readonly name: Name
  readonly node: NodeId
  readonly addresses: readonly Address[]
  /** It is this very node. */
  readonly here: boolean
  /** It is leaving: what runs goes on, and nothing new comes. */
  readonly drains: boolean
  /** What it has of the service, and where. */
  readonly ports: Spec['ports']
  readonly probe: Spec['probe']
}

/** A virtual address. A service that several clusters export has one, and the backends of all of them. */
export interface Front {
  /** Of the first of its records. */
  readonly name: Name
  readonly addresses: readonly Address[]
  readonly backends: readonly Backend[]
}

export interface Fronts {
  readonly fronts: readonly Front[]
  /** What is left out, and why, in words. */
  readonly omitted: readonly string[]
}

export interface FrontsInput {
  readonly records: Pick<ParsedRecords, 'nodes' | 'services'>
  readonly self: NodeId
  /** The node says of itself that it is leaving. */
  readonly isLeaving: (node: NodeId) => boolean
}

/** In order of name. An address that is virtual itself serves nobody: packets would go round and round. */
export function frontsOf({ isLeaving, records, self }: FrontsInput): Fronts {
  const omitted: string[] = []
  const virtual = new Set(records.services.flatMap(({ addresses }) => addresses))
  const known = records.services.slice(0, servicesMax)
  if (known.length < records.services.length) {
    omitted.push(`${records.services.length - known.length} services beyond the first ${servicesMax} by name`)
  }
  const backendOf = ({ addresses, labels, name, nodeId }: BodyOf<'node'>, { ports, probe }: Spec): Backend => ({
    name,
    node: nodeId,
    addresses: addresses.filter((address) => !virtual.has(address)),
    here: nodeId === self,
    drains: labels[drainLabel] === 'true' || isLeaving(nodeId),
    ports,
    probe,
  })
  const fronts = new Map<string, { readonly front: Omit<Front, 'backends'>; readonly backends: Backend[] }>()
  for (const { addresses, name, spec } of known) {
    const serving = records.nodes.filter(({ labels }) => selects(spec.backends, labels))
    if (serving.length > serviceBackendsMax) {
      omitted.push(`${serving.length - serviceBackendsMax} backends of Service/${name}, beyond ${serviceBackendsMax}`)
    }
    const backends = serving.slice(0, serviceBackendsMax).map((node) => backendOf(node, spec))
    const key = addresses.length === 0 ? name : addresses.join()
    const held = fronts.get(key) ?? { front: { name, addresses }, backends: [] }
    fronts.set(key, held)
    held.backends.push(...backends.filter((one) => one.addresses.length > 0))
  }
  return { fronts: Array.from(fronts.values(), ({ backends, front }) => ({ ...front, backends })), omitted }
}
