// The map as a table: which links fit what is searched, in which order, and as they are taken along.

import { compareText } from '../../../shared/bytes.ts'
import type { Topology, TopologyLink } from '../../fleet/topology.ts'
import { mainKind, pairsOf, qualityOf } from './map-layout.ts'

const linkColumns = ['a', 'b', 'path', 'pairs', 'rtt'] as const
export type LinkColumn = (typeof linkColumns)[number]

export interface LinkOrder {
  readonly by: LinkColumn
  readonly descending: boolean
}

const QUALITY = { bad: 0, poor: 1, good: 2 } as const
const PATHS = ['none', 'tls', 'relay', 'direct', 'lan'] as const

export function linkKey({ a, b }: Pick<TopologyLink, 'a' | 'b'>): string {
  return `${a}\0${b}`
}

/** Keys of spots that have every word of it; undefined where nobody searches. */
export function foundSpots({ spots }: Pick<Topology, 'spots'>, search: string): ReadonlySet<string> | undefined {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return undefined
  const fits = (key: string): boolean => words.every((word) => key.toLowerCase().includes(word))
  return new Set(spots.filter(({ key }) => fits(key)).map(({ key }) => key))
}

function compareBy(x: TopologyLink, y: TopologyLink, by: LinkColumn): number {
  switch (by) {
    case 'a':
    case 'b':
      return compareText(x[by], y[by])
    case 'path':
      return QUALITY[qualityOf(x)] - QUALITY[qualityOf(y)] || PATHS.indexOf(mainKind(x)) - PATHS.indexOf(mainKind(y))
    case 'pairs':
      return pairsOf(x) - pairsOf(y)
    case 'rtt':
      return (x.rttUs ?? 0) - (y.rttUs ?? 0)
  }
}

/** A round trip that is not known comes last either way; equals are in the order of their ends. */
export function sortLinks(links: readonly TopologyLink[], { by, descending }: LinkOrder): readonly TopologyLink[] {
  const sign = descending ? -1 : 1
  const last = ({ rttUs }: TopologyLink): number => (by === 'rtt' && rttUs === undefined ? 1 : 0)
  return links.toSorted(
    (x, y) => last(x) - last(y) || sign * compareBy(x, y, by) || compareText(x.a, y.a) || compareText(x.b, y.b),
  )
}

export function linksCsv(links: readonly TopologyLink[]): readonly (readonly string[])[] {
  const rows = links.map(({ a, b, paths, rttUs }) => [
    a,
    b,
    ...PATHS.toReversed().map((kind) => String(paths[kind] ?? 0)),
    String(rttUs ?? ''),
  ])
  return [['from', 'to', ...PATHS.toReversed(), 'rtt_us'], ...rows]
}
