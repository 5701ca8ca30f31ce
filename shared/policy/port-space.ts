// Ordered rules to the 65,536 ports of one protocol: which rule decides about which ports, each port once, and the ports as
// prefixes, for a kernel that finds the longest one.

import type { Judgement } from './decision.ts'

const PORTS = 65_536

/** One rule in a protocol: the ports it speaks of, inclusive. `judgement` undefined is a Pass. */
export interface Layer {
  readonly ranges: readonly (readonly [number, number])[]
  readonly judgement: Judgement | undefined
}

export interface Tiers {
  readonly admin: readonly Layer[]
  /** What Standard says where none of its rules accepts; undefined where it does not isolate. */
  readonly isolated: Judgement | undefined
  readonly standard: readonly Layer[]
  readonly baseline: readonly Layer[]
  readonly fallback: Judgement
}

/** Where any of the rules begins or ends: between two of these all ports fare alike. Sorted, from 0. */
export function edgesOf(tiers: readonly Tiers[]): readonly number[] {
  const edges = new Set([0])
  for (const { admin, baseline, standard } of tiers) {
    for (const layers of [admin, standard, baseline]) {
      for (const { ranges } of layers) {
        for (const [from, to] of ranges) edges.add(from).add(to + 1)
      }
    }
  }
  edges.delete(PORTS)
  return [...edges].sort((a, b) => a - b)
}

/**
 * Paints each span of ports with the first layer that speaks of it. `free` are spans that nobody has decided about yet; a
 * span that is painted is skipped from then on, so many rules over many ports cost little more than one look at each.
 */
function paint(
  layers: readonly Layer[],
  index: ReadonlyMap<number, number>,
  free: readonly boolean[],
): (Layer | undefined)[] {
  const spans = free.length
  const painted = Array.from({ length: spans }, (): Layer | undefined => undefined)
  const next = Uint32Array.from({ length: spans + 1 }, (_, at) => (free[at] === false ? at + 1 : at))
  const open = (from: number): number => {
    let at = from
    while ((next[at] ?? at) !== at) {
      next[at] = next[next[at] ?? at] ?? at
      at = next[at] ?? at
    }
    return at
  }
  for (const layer of layers) {
    if (open(0) === spans) break
    for (const [from, to] of layer.ranges) {
      const end = index.get(to + 1) ?? spans
      for (let at = open(index.get(from) ?? 0); at < end; at = open(at)) {
        painted[at] = layer
        next[at] = at + 1
      }
    }
  }
  return painted
}

/** What decides about each span between `edges`. */
export function decideSpans(tiers: Tiers, edges: readonly number[]): readonly Judgement[] {
  const index = new Map(edges.map((edge, at) => [edge, at]))
  const everywhere = edges.map(() => true)
  const admin = paint(tiers.admin, index, everywhere)
  const open = admin.map((layer) => layer?.judgement === undefined)
  const { fallback, isolated } = tiers
  const below = paint(isolated === undefined ? tiers.baseline : tiers.standard, index, open)
  return edges.map((_, at) => admin[at]?.judgement ?? below[at]?.judgement ?? isolated ?? fallback)
}

export interface PortPrefix {
  readonly port: number
  /** Leading bits of `port` that count: 16 is one port, 0 every port. */
  readonly bits: number
}

/** The fewest prefixes that cover `from` to `to`, both included. */
export function prefixesOf(from: number, to: number): readonly PortPrefix[] {
  const prefixes: PortPrefix[] = []
  for (let port = from; port <= to; ) {
    let size = port === 0 ? PORTS : port & -port
    while (port + size - 1 > to) size /= 2
    prefixes.push({ port, bits: 16 - Math.log2(size) })
    port += size
  }
  return prefixes
}
