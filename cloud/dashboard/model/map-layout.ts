// Where the spots of a map lie: on a ring, and on a second one inside it where there are many. The same spots lie in the same
// places, whatever happens between them.

import type { PathKind } from '../../../shared/wire/report.ts'
import type { Spot, TopologyLink } from '../../fleet/topology.ts'

export interface PlacedSpot extends Spot {
  /** In [-1, 1], from the middle. */
  readonly x: number
  readonly y: number
  /** Of the label: on which side of the spot it stands. */
  readonly side: 'left' | 'right'
}

/** One ring is easily read. */
const RING_MAX = 36
const INNER = 0.62

export function placeSpots(spots: readonly Spot[]): readonly PlacedSpot[] {
  const isTwo = spots.length > RING_MAX
  return spots.map((spot, at) => {
    const angle = (2 * Math.PI * at) / Math.max(1, spots.length) - Math.PI / 2
    const radius = spots.length === 1 ? 0 : isTwo && at % 2 === 1 ? INNER : 1
    const x = radius * Math.cos(angle)
    return { ...spot, x, y: radius * Math.sin(angle), side: x < 0 ? 'left' : 'right' }
  })
}

const WORST = ['none', 'tls', 'relay', 'direct', 'lan'] as const

/** The kind that most of its pairs go by; of equals the worse. */
export function mainKind({ paths }: Pick<TopologyLink, 'paths'>): PathKind {
  return WORST.reduce((most, kind) => ((paths[kind] ?? 0) > (paths[most] ?? 0) ? kind : most))
}

export function pairsOf({ paths }: Pick<TopologyLink, 'paths'>): number {
  return Object.values(paths).reduce((sum, count) => sum + count, 0)
}

/** Bad above: a person on the phone hears it (ITU-T G.114). */
const SLOW_US = 150_000

/** `bad` where some pair is not reached; `poor` where it is slow or goes by TLS. */
export function qualityOf({ paths, rttUs = 0 }: TopologyLink): 'good' | 'poor' | 'bad' {
  if ((paths.none ?? 0) > 0) return 'bad'
  return rttUs > SLOW_US || (paths.tls ?? 0) > 0 ? 'poor' : 'good'
}
