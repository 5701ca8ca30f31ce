// What paths carried, as it is kept over restarts: only those that carry less than the network allows, a few for each peer.

import { type Endpoint, parseEndpoint } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'
import { pathSizesMax } from '../../shared/limits.ts'

export interface SizeMemory {
  of(node: NodeId, endpoint: Endpoint): number | undefined
  /** What each peer's last measured path carried. */
  newest(): readonly (readonly [NodeId, number])[]
  /** `bytes` undefined: it carries all. */
  set(node: NodeId, endpoint: Endpoint, bytes: number | undefined): void
  keepOnly(nodes: ReadonlySet<NodeId>): void
  /** Rises with what is worth writing. */
  revision(): number
  print(): string
  read(text: string | undefined): void
}

type Sizes = Map<Endpoint, number>

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536
}

function parseList(list: unknown): Sizes {
  const pairs = Array.isArray(list) ? (list as readonly unknown[]) : []
  const known = pairs.flatMap((pair): (readonly [Endpoint, number])[] => {
    if (!Array.isArray(pair)) return []
    const [endpoint, size] = pair as readonly unknown[]
    return typeof endpoint === 'string' && isSize(size) ? [[parseEndpoint(endpoint), size]] : []
  })
  return new Map(known.slice(-pathSizesMax))
}

function parse(text: string | undefined): Map<NodeId, Sizes> {
  const known = new Map<NodeId, Sizes>()
  try {
    for (const [node, list] of Object.entries(JSON.parse(text ?? '{}') as Record<string, unknown>)) {
      const sizes = parseList(list)
      if (sizes.size > 0) known.set(node as NodeId, sizes)
    }
  } catch {
    // What can't be read is measured again.
  }
  return known
}

export function createSizeMemory(): SizeMemory {
  let known = new Map<NodeId, Sizes>()
  let revision = 0
  return {
    of: (node, endpoint) => known.get(node)?.get(endpoint),
    newest: () =>
      [...known].flatMap(([node, list]) => [...list.values()].slice(-1).map((bytes) => [node, bytes] as const)),
    set(node, endpoint, bytes) {
      const list = known.get(node) ?? new Map<Endpoint, number>()
      if (list.get(endpoint) === bytes) return
      list.delete(endpoint)
      if (bytes !== undefined) list.set(endpoint, bytes)
      const [oldest] = list.keys()
      if (list.size > pathSizesMax && oldest !== undefined) list.delete(oldest)
      if (list.size === 0) known.delete(node)
      else known.set(node, list)
      revision += 1
    },
    keepOnly(nodes) {
      for (const node of known.keys()) {
        if (nodes.has(node)) continue
        known.delete(node)
        revision += 1
      }
    },
    revision: () => revision,
    print: () => JSON.stringify(Object.fromEntries([...known].map(([node, list]) => [node, [...list]]))),
    read: (text) => void (known = parse(text)),
  }
}
