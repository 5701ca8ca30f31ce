// The past of a pair, as a device told it, ready for plots: by the hub's clock, bytes as rates.

import { type HistoryPoint, historyPoints } from '../../../shared/wire/history.ts'
import type { PathKind } from '../../../shared/wire/report.ts'
import type { Sample } from './plot.ts'

export interface PastRow extends Omit<HistoryPoint, 'ageS' | 'rxBytes' | 'txBytes'> {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /** Bytes a second since the point before; undefined where nothing was counted. */
  readonly rxPerS: number | undefined
  readonly txPerS: number | undefined
}

export interface Stretch {
  readonly path: PathKind
  readonly fromAt: number
  readonly toAt: number
}

/** `answeredAt`: when the device told it, by the hub's clock. */
export function pastOf(answer: unknown, answeredAt: number): readonly PastRow[] {
  // The point of the moment of the answer may be that of the last minute.
  const points = historyPoints(answer).filter(({ ageS }, i, all) => ageS !== all[i - 1]?.ageS)
  return points.map(({ ageS, lossPerMille, path, rttUs, rxBytes, txBytes }, i) => {
    const seconds = (points[i - 1]?.ageS ?? ageS) - ageS
    const perS = (bytes: number | undefined): number | undefined =>
      bytes === undefined || seconds <= 0 ? undefined : bytes / seconds
    return { at: answeredAt - ageS * 1_000, path, rttUs, lossPerMille, rxPerS: perS(rxBytes), txPerS: perS(txBytes) }
  })
}

/** Which path was in use from when to when, the oldest first. */
export function stretchesOf(rows: readonly PastRow[]): readonly Stretch[] {
  const starts = rows.filter(({ path }, i) => rows[i - 1]?.path !== path)
  const endAt = rows.at(-1)?.at ?? 0
  return starts.map(({ at, path }, i) => ({ path, fromAt: at, toAt: starts[i + 1]?.at ?? endAt }))
}

export function samplesOf(
  rows: readonly PastRow[],
  key: 'rttUs' | 'lossPerMille' | 'rxPerS' | 'txPerS',
): readonly Sample[] {
  return rows.map((row) => ({ at: row.at, value: row[key] }))
}

export function lossText(perMille: number | undefined): string {
  if (perMille === undefined) return '–'
  return `${(perMille / 10).toFixed(perMille > 0 && perMille < 100 ? 1 : 0)} %`
}
