// What of the map is looked at: by which label, into which value, node by node, and which labels it is narrowed to.

import { compareText } from '../../../shared/bytes.ts'
import { topologyLabelsMax } from '../../../shared/dashboard-limits.ts'
import type { RosterLine } from '../../fleet/roster.ts'

export interface MapView {
  /** Undefined: as the hub thinks best. */
  readonly by?: string | undefined
  readonly within?: string | undefined
  readonly each: boolean
  /** `key=value`; of each key one will do. */
  readonly labels: readonly string[]
}

export function viewOf(query: URLSearchParams): MapView {
  const labels = query.getAll('label').filter((label) => /^[^=]+=/.test(label))
  const [by, within] = [query.get('by') ?? undefined, query.get('within') ?? undefined]
  return { by, within, each: query.get('each') === 'true', labels: labels.slice(0, topologyLabelsMax) }
}

/** As the hub is asked for it. */
export function topologyQuery({ by, each, labels, within }: MapView): URLSearchParams {
  const query = new URLSearchParams()
  if (by !== undefined) query.set('by', by)
  if (within !== undefined) query.set('within', within)
  if (each) query.set('each', 'true')
  for (const label of labels) query.append('label', label)
  return query
}

/** Labels that nodes have, those that many share first. */
export function labelsOf(items: readonly Pick<RosterLine, 'labels'>[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const { labels } of items) {
    for (const [key, value] of Object.entries(labels)) {
      const label = `${key}=${value}`
      counts.set(label, (counts.get(label) ?? 0) + 1)
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1] || compareText(a[0], b[0])).map(([label]) => label)
}
