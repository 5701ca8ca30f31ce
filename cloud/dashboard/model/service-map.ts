// Flows as a map of services: who calls on the left, what is called on the right.

import { compareText } from '../../../shared/bytes.ts'
import { endText, type FlowRow } from './flows.ts'

export interface MapEnd {
  readonly key: string
  readonly title: string
  /** From the top, in [0, 1]. */
  readonly at: number
}

export interface MapEdge {
  readonly key: string
  readonly from: MapEnd
  readonly to: MapEnd
  readonly denied: boolean
  readonly flows: number
  readonly bytes: number
  readonly services: readonly string[]
}

export interface ServiceMapModel {
  readonly left: readonly MapEnd[]
  readonly right: readonly MapEnd[]
  /** What was denied comes last, and is drawn on top. */
  readonly edges: readonly MapEdge[]
  /** Pairs that have no room. */
  readonly more: number
}

/** As many lines as can be told apart. */
const EDGES_MAX = 60

function place(keys: readonly string[]): ReadonlyMap<string, MapEnd> {
  const sorted = [...new Set(keys)].sort(compareText)
  return new Map(sorted.map((key, at) => [key, { key, title: key, at: (at + 0.5) / sorted.length }]))
}

interface Draft {
  readonly from: string
  readonly to: string
  readonly denied: boolean
  readonly rows: readonly FlowRow[]
}

function weight({ rows }: Draft): number {
  return rows.reduce((sum, { bytes }) => sum + bytes, 0)
}

export function serviceMap(rows: readonly FlowRow[]): ServiceMapModel {
  const groups = Map.groupBy(rows, (row) => [endText(row.source), endText(row.destination), row.verdict].join('\0'))
  const drafts = [...groups.values()]
    .flatMap((own): readonly Draft[] => {
      const [first] = own
      if (first === undefined) return []
      const { destination, source, verdict } = first
      return [{ from: endText(source), to: endText(destination), denied: verdict === 'drop', rows: own }]
    })
    .sort(
      (a, b) =>
        Number(b.denied) - Number(a.denied) || weight(b) - weight(a) || compareText(a.from + a.to, b.from + b.to),
    )
  const shown = drafts.slice(0, EDGES_MAX)
  const left = place(shown.map(({ from }) => from))
  const right = place(shown.map(({ to }) => to))
  const edges = shown.flatMap((draft): readonly MapEdge[] => {
    const { denied, from: a, rows: own, to: b } = draft
    const [from, to] = [left.get(a), right.get(b)]
    if (from === undefined || to === undefined) return []
    return [
      {
        key: `${a}\0${b}\0${denied}`,
        from,
        to,
        denied,
        flows: own.reduce((sum, { flows }) => sum + flows, 0),
        bytes: weight(draft),
        services: [...new Set(own.map(({ service }) => service))].sort(compareText),
      },
    ]
  })
  return {
    left: [...left.values()],
    right: [...right.values()],
    edges: edges.sort((a, b) => Number(a.denied) - Number(b.denied)),
    more: drafts.length - shown.length,
  }
}
