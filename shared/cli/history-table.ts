// The past of a pair as a table, on the device and at the hub.

import { historyPoints } from '../wire/history.ts'
import { bytesText } from './words.ts'

export const historyColumns: readonly string[] = ['AGO', 'PATH', 'RTT', 'LOSS', 'RECEIVED', 'SENT']

function ago(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.round(seconds / 60)}m`
}

function bytes(count: number | undefined): string {
  return count === undefined ? '-' : bytesText(count)
}

/** The newest last; a dash where nothing was measured. */
export function historyRows(answer: unknown): readonly (readonly string[])[] {
  return historyPoints(answer).map(({ ageS, lossPerMille, path, rttUs, rxBytes, txBytes }) => [
    ago(ageS),
    path,
    rttUs === undefined ? '-' : `${(rttUs / 1_000).toFixed(1)} ms`,
    lossPerMille === undefined ? '-' : `${(lossPerMille / 10).toFixed(1)} %`,
    bytes(rxBytes),
    bytes(txBytes),
  ])
}
