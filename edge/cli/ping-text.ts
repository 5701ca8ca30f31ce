// `holdfast ping` for people: a line for each answer, and the summary that everybody knows from ping(8).

import type { PingLine } from '../local/api.ts'
import { rttText } from './words.ts'

type Answer = Exclude<PingLine, { error: unknown }>

export interface PingSummary {
  readonly sent: number
  readonly received: number
  /** Percent. */
  readonly loss: number
  readonly rttMsMin?: number
  readonly rttMsMedian?: number
  readonly rttMsMax?: number
}

export function pingLineText({ seq, node, address, rttMs, path }: Answer): string {
  if (rttMs === undefined) return `${node} (${address}) seq=${seq}: no answer, path ${path}`
  return `${node} (${address}) seq=${seq}: ${rttText(rttMs)}, path ${path}`
}

export function summarize(answers: readonly Answer[]): PingSummary {
  const rtts = answers.flatMap(({ rttMs }) => (rttMs === undefined ? [] : [rttMs])).sort((a, b) => a - b)
  const sent = answers.length
  const [rttMsMin, rttMsMedian, rttMsMax] = [rtts[0], rtts[Math.floor(rtts.length / 2)], rtts.at(-1)]
  return {
    sent,
    received: rtts.length,
    loss: sent === 0 ? 0 : Math.round(((sent - rtts.length) / sent) * 100),
    ...(rttMsMin === undefined || rttMsMedian === undefined || rttMsMax === undefined
      ? {}
      : { rttMsMin, rttMsMedian, rttMsMax }),
  }
}

export function summaryText(summary: PingSummary): string {
  const { sent, received, loss, rttMsMin, rttMsMedian, rttMsMax } = summary
  const times = received === 0 ? '' : `, min/median/max ${[rttMsMin, rttMsMedian, rttMsMax].map(rttText).join(' / ')}`
  return `${sent} sent, ${received} received, ${loss} % lost${times}`
}
