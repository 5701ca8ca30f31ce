// Uplinks in words for people.

import { steeredReports, type UplinkReport } from './report.ts'

function since(ageMs: number, nowMs: number): string {
  return `${new Date(nowMs - ageMs).toISOString().slice(0, 19)}Z`
}

function familyText({ family }: UplinkReport): string {
  return family === 6 ? ' (IPv6)' : ''
}

/** `uplink eth0: no answer since 2026-01-01T12:03:20Z, using lte0`; nothing where the host's own choice is used. */
export function uplinkSentences(reports: readonly UplinkReport[], nowMs: number): readonly string[] {
  return steeredReports(reports).flatMap(({ by, left }) =>
    left.flatMap((one) => {
      if (one.silentForMs === undefined) return []
      return [
        `uplink ${one.interface}${familyText(one)}: no answer since ${since(one.silentForMs, nowMs)}, using ${by.interface}`,
      ]
    }),
  )
}

function stateText({ inUse, lastAnswerAgeMs, preferred, silentForMs }: UplinkReport, nowMs: number): string {
  const use = inUse ? (preferred ? 'in use, ' : 'in use instead, ') : ''
  if (silentForMs !== undefined) return `${use}no answer since ${since(silentForMs, nowMs)}`
  return `${use}${lastAnswerAgeMs === undefined ? 'not asked yet' : 'answers'}`
}

/** All of them, as the host prefers them. */
export function uplinksText(reports: readonly UplinkReport[], nowMs: number): string {
  if (reports.length === 0) return 'no default route'
  return reports
    .map((one) => {
      const via = one.gateway === undefined ? '' : ` via ${one.gateway}`
      const alone = reports.filter(({ family }) => family === one.family).length === 1
      const state = alone ? 'the only one' : stateText(one, nowMs)
      return `${one.interface}${familyText(one)}${via}: ${state}`
    })
    .join('; ')
}
