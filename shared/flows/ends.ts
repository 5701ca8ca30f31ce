// Ends of flows on record as policy sees them: with the names and labels that they had, and what became of them since.

import type { Address } from '../address/cidr.ts'
import { defaultNamespace, type Endpoint, namespaceNameLabel, type World } from '../policy/world.ts'
import { encodeCanonicalText } from '../record/canonical.ts'
import type { FlowEnd } from './batch.ts'

/**
 * What an end is today, where it is not what it was. `gone`: its address is nobody's · `other`: it is somebody else's · `known`:
 * it was nobody's, and is somebody's · `relabelled`: it has other labels · `unlabelled`: there was no room for its labels on
 * record, and those of today are taken.
 */
export type Since = 'gone' | 'other' | 'known' | 'relabelled' | 'unlabelled'

export type Directory = ReadonlyMap<Address, Endpoint>

export function directoryOf({ endpoints }: Pick<World, 'endpoints'>): Directory {
  return new Map(endpoints.flatMap((one) => one.addresses.map((address) => [address, one] as const)))
}

function kindOf({ name = '', node }: FlowEnd): Endpoint['kind'] {
  if (name.includes('/')) return 'pod'
  return node === undefined ? 'service' : 'node'
}

/** As it was; undefined for the address of nobody. */
export function endpointThen(end: FlowEnd, today: Directory): Endpoint | undefined {
  const { address, name, node = '' } = end
  if (name === undefined) return undefined
  const held = today.get(address)
  const same = held?.name === name ? held : undefined
  const kind = kindOf(end)
  const [namespace = defaultNamespace] = name.split('/')
  return {
    kind,
    name,
    node,
    labels: end.labels ?? same?.labels ?? {},
    ...(kind === 'pod' ? { namespace: same?.namespace ?? { [namespaceNameLabel]: namespace } } : {}),
    addresses: [address],
    ports: same?.ports ?? [],
  }
}

export function sinceThen({ address, labels, name }: FlowEnd, today: Directory): Since | undefined {
  const held = today.get(address)
  if (name === undefined) return held === undefined ? undefined : 'known'
  if (held === undefined) return 'gone'
  if (held.name !== name) return 'other'
  if (held.kind === 'service') return undefined
  if (labels === undefined) return 'unlabelled'
  return encodeCanonicalText(labels) === encodeCanonicalText(held.labels) ? undefined : 'relabelled'
}
