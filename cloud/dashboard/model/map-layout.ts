// Where the spots of a map lie: on a ring, in the order of their names. The same spots lie in the same places, whatever happens
// between them.

import type { PathKind } from '../../../shared/wire/report.ts'
import type { Spot, TopologyLink } from '../../fleet/topology.ts'

export interface PlacedSpot extends Spot {
  /** In [-1, 1], from the middle. */
  readonly x: number
  readonly y: number
  /** Of the label: on which side of the spot it stands. */
  readonly side: 'left' | 'right'
  /** Of the label, degrees, so that it points away from the middle where there are many; 0 where it lies flat. */
  readonly tilt: number
}

/** So many labels have room beside each other. */
const FLAT_MAX = 18

export function placeSpots(spots: readonly Spot[]): readonly PlacedSpot[] {
  const isCrowded = spots.length > FLAT_MAX
  return spots.map((spot, at) => {
    const angle = (2 * Math.PI * at) / Math.max(1, spots.length) - Math.PI / 2
    const radius = spots.length === 1 ? 0 : 1
    const x = radius * Math.cos(angle)
    const side = x < -1e-9 ? 'left' : 'right'
    const degrees = (angle * 180) / Math.PI
    const tilt = isCrowded ? (side === 'left' ? degrees + 180 : degrees) : 0
    return { ...spot, x, y: radius * Math.sin(angle), side, tilt }
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
