// Where the spots of a map lie: on a ring, in the order of their names. The same spots lie in the same places, whatever happens
// between them. Lengths are pixels of the screen, so that a label can be read wherever it stands.

import { compareText } from '../../../shared/bytes.ts'
import { topologyDrawnMax } from '../../../shared/dashboard-limits.ts'
import type { PathKind } from '../../../shared/wire/report.ts'
import type { Spot, Topology, TopologyLink } from '../../fleet/topology.ts'

export interface PlacedSpot extends Spot {
  /** From the middle. */
  readonly x: number
  readonly y: number
  readonly radius: number
  /** Of the label: on which side of the spot it stands. */
  readonly side: 'left' | 'right'
  /** Of the label, degrees, so that it points away from the middle where there are many; 0 where it lies flat. */
  readonly tilt: number
  /** Empty where there is no room for one that can be read. */
  readonly label: string
  /** There is room for a second line. */
  readonly isRoomy: boolean
}

export interface Layout {
  readonly spots: readonly PlacedSpot[]
  /** Of the whole drawing. */
  readonly width: number
  readonly height: number
}

const WIDTH_MIN = 280
const WIDTH_MAX = 760
/** Of a label in 12 pixels: one line of it, and a character at the widest that words have on average. */
const LINE = 14
const CHARACTER = 8
const GAP = 6

/** A neighbour that is told apart has a line of its own beside it. */
function labelled(spots: readonly Spot[], room: number, isTold: (spot: Spot) => boolean): ReadonlySet<string> {
  const apart = Math.ceil(LINE / room)
  if (apart <= 1) return new Set(spots.map(({ key }) => key))
  const taken = new Set<number>()
  const order = spots
    .map((spot, at) => ({ at, spot }))
    .sort((a, b) => Number(isTold(b.spot)) - Number(isTold(a.spot)) || b.spot.nodes - a.spot.nodes || a.at - b.at)
  for (const { at } of order) {
    const isFree = Array.from({ length: 2 * apart - 1 }, (_, off) => at + off - apart + 1).every(
      (near) => !taken.has((near + spots.length) % spots.length),
    )
    if (isFree) taken.add(at)
  }
  return new Set(spots.filter((_, at) => taken.has(at)).map(({ key }) => key))
}

/** Names of one site are told apart by their ends. */
function cut(text: string, room: number): string {
  const most = Math.max(5, Math.floor(room / CHARACTER))
  if (text.length <= most) return text
  const end = Math.ceil((most - 1) / 2)
  return `${text.slice(0, most - 1 - end)}…${text.slice(-end)}`
}

/** `isTold`: whose label comes first where there is no room for all. */
export function placeSpots(given: readonly Spot[], screen: number, isTold: (spot: Spot) => boolean): Layout {
  const width = Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, screen))
  const margin = Math.min(150, width * 0.29)
  const reach = given.length === 1 ? 0 : width / 2 - margin
  const step = (2 * Math.PI) / Math.max(1, given.length)
  // At the top and the bottom neighbours stand the least below each other.
  const drop = given.length <= 2 ? width : reach * (1 - Math.cos(step))
  const isFlat = drop >= LINE
  const room = given.length <= 1 ? width : reach * step
  const shown = isFlat ? undefined : labelled(given, room, isTold)
  const spots = given.map((spot, at): PlacedSpot => {
    const angle = step * at - Math.PI / 2
    const [x, y] = [reach * Math.cos(angle), reach * Math.sin(angle)]
    const side = x < -1e-9 ? 'left' : 'right'
    const degrees = (angle * 180) / Math.PI
    const tilt = isFlat ? 0 : side === 'left' ? degrees + 180 : degrees
    const radius = Math.min(room * 0.42, 6 + Math.min(9, Math.sqrt(spot.nodes) * 1.4))
    const space = (isFlat ? width / 2 - Math.abs(x) : margin) - radius - GAP
    const name = spot.key || 'no label'
    const label = shown === undefined || shown.has(spot.key) ? cut(name, space) : ''
    return { ...spot, x, y, radius, side, tilt, label, isRoomy: drop >= 2 * LINE }
  })
  return { spots, width, height: isFlat ? 2 * (reach + 3 * LINE) : width }
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

/** As many as can be told apart: the largest, of equals those in trouble, in the order of their names. */
export function drawnSpots({ links, spots }: Pick<Topology, 'links' | 'spots'>): readonly Spot[] {
  if (spots.length <= topologyDrawnMax) return spots
  const bad = new Set(links.filter((link) => qualityOf(link) === 'bad').flatMap(({ a, b }) => [a, b]))
  const trouble = ({ key, nodes, online }: Spot): number => (online < nodes ? 2 : 0) + (bad.has(key) ? 1 : 0)
  return spots
    .toSorted((x, y) => y.nodes - x.nodes || trouble(y) - trouble(x) || compareText(x.key, y.key))
    .slice(0, topologyDrawnMax)
    .sort((x, y) => compareText(x.key, y.key))
}
