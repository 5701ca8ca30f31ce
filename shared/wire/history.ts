// How a device reached one peer of late, as it measured itself: some 5 KB that are sent where somebody asks, and not before.

import type { PathKind } from './report.ts'

/** Columns, all of the same length and the oldest point first; null where nothing was measured. */
export interface PeerHistory {
  readonly peer: string
  /** Time between two points; the last one is of the moment of the answer. */
  readonly stepS: number
  /** Before the answer: its clock may be any. */
  readonly agesS: readonly number[]
  /** From which point on which path was in use. */
  readonly paths: readonly (readonly [number, PathKind])[]
  /** Microseconds, smoothed, by the probes of the path in use. */
  readonly rttUs: readonly (number | null)[]
  /** Of the last some dozens of probes, thousandths. */
  readonly lossPerMille: readonly (number | null)[]
  /** Payload and all else, since the point before. */
  readonly rxBytes: readonly (number | null)[]
  readonly txBytes: readonly (number | null)[]
}

export interface HistoryPoint {
  readonly ageS: number
  readonly path: PathKind
  /** The four are undefined where nothing was measured. */
  readonly rttUs: number | undefined
  readonly lossPerMille: number | undefined
  readonly rxBytes: number | undefined
  readonly txBytes: number | undefined
}

type Column = 'rttUs' | 'lossPerMille' | 'rxBytes' | 'txBytes'

const KINDS: ReadonlySet<unknown> = new Set<PathKind>(['lan', 'direct', 'relay', 'tls', 'none'])

/** `points`: the oldest first. */
export function packHistory(peer: string, stepS: number, points: readonly HistoryPoint[]): PeerHistory {
  const column = (key: Column): readonly (number | null)[] => points.map((point) => point[key] ?? null)
  return {
    peer,
    stepS,
    agesS: points.map(({ ageS }) => ageS),
    paths: points.flatMap(({ path }, at) => (points[at - 1]?.path === path ? [] : [[at, path] as const])),
    rttUs: column('rttUs'),
    lossPerMille: column('lossPerMille'),
    rxBytes: column('rxBytes'),
    txBytes: column('txBytes'),
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function amount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

/** From the answer of a device of whatever age or mind: what makes no sense was not measured. */
export function historyPoints(answer: unknown): readonly HistoryPoint[] {
  const told = (typeof answer === 'object' && answer !== null ? answer : {}) as {
    readonly [K in keyof PeerHistory]?: unknown
  }
  const paths = new Map(
    listOf(told.paths).flatMap((one): (readonly [unknown, unknown])[] => {
      const [at, path] = listOf(one)
      return [[at, path]]
    }),
  )
  let path: PathKind = 'none'
  return listOf(told.agesS).map((age, at) => {
    const next = paths.get(at)
    if (KINDS.has(next)) path = next as PathKind
    const of = (key: Column): number | undefined => amount(listOf(told[key])[at])
    return {
      ageS: amount(age) ?? 0,
      path,
      rttUs: of('rttUs'),
      lossPerMille: of('lossPerMille'),
      rxBytes: of('rxBytes'),
      txBytes: of('txBytes'),
    }
  })
}
