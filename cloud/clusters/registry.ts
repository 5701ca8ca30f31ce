// The clusters that a hub knows beside the one it may run in: what each may do, and the key that it proves itself by.

import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { parseDeviceKey, parseNetworkId, parseNodeId } from '../../shared/ids.ts'
import { cidr, name, text } from '../../shared/intent/field.ts'
import type { HubStore } from '../store/hub-store.ts'
import { clusterPodBlocksMax, clustersMax } from './cluster-limits.ts'

export const clusterName = v.pipe(
  v.string(),
  v.regex(/^(?=.{1,20}$)[a-z0-9]+(?:-[a-z0-9]+)*$/, 'is not up to 20 lower-case letters, digits and single hyphens'),
)

/** Where pods of the cluster may be. */
export const podBlocks = v.pipe(v.array(cidr), v.maxLength(clusterPodBlocksMax))

const rowSchema = v.strictObject({
  name: clusterName,
  /** Of the records that follow from its objects. */
  network: name,
  podBlocks,
  createdAt: v.number(),
  /** Of its agent, at the broker: an id, and a network that nobody else is in. */
  node: text(parseNodeId, 'node-id'),
  channel: text(parseNetworkId, 'network-id'),
  key: text(parseDeviceKey, 'ed25519-key'),
  /** Uid of the namespace `kube-system` of the cluster that spoke first; no other speaks for it from then on. */
  uid: v.optional(v.string()),
  lastContact: v.optional(v.number()),
})
export type ClusterRow = v.InferOutput<typeof rowSchema>

const KEY = 'clusters'
const schema = v.array(rowSchema)

export interface Registry {
  list(): readonly ClusterRow[]
  get(name: string): ClusterRow | undefined
  /** Throws `exhausted`. */
  put(row: ClusterRow): void
  delete(name: string): void
}

export function openRegistry(store: Pick<HubStore, 'putValue' | 'value'>): Registry {
  let rows = new Map(v.parse(schema, JSON.parse(store.value(KEY) ?? '[]')).map((row) => [row.name, row]))
  const keep = (next: typeof rows): void => {
    store.putValue(KEY, JSON.stringify([...next.values()]))
    rows = next
  }
  return {
    list: () => [...rows.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    get: (of) => rows.get(of),
    put(row) {
      if (!rows.has(row.name) && rows.size >= clustersMax) {
        throw new HoldfastError('exhausted', `there are already ${clustersMax} clusters`, {
          remedy: 'Remove one with `holdfast-hub cluster remove NAME`.',
        })
      }
      keep(new Map(rows).set(row.name, row))
    },
    delete(of) {
      const next = new Map(rows)
      next.delete(of)
      keep(next)
    },
  }
}
