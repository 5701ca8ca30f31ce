// What a device told when it was asked from afar, as a table: in a terminal and on the page alike.

import type { CommandKind } from '../wire/command.ts'
import { historyColumns, historyRows } from './history-table.ts'
import type { Cell } from './table.ts'

export interface ResultTable {
  readonly headings: readonly string[]
  /** Each as long as the headings. */
  readonly rows: readonly (readonly (string | Cell)[])[]
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const list = field(value, name)
  return Array.isArray(list) ? list : []
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '-'
}

function rttCell(rttMs: unknown): string | Cell {
  return typeof rttMs === 'number' && Number.isFinite(rttMs)
    ? `${rttMs.toFixed(1)} ms`
    : { text: 'no answer', tone: 'bad' }
}

/** Of pings of a peer, whether it answered any. */
export function isPeerAnswering(result: unknown): boolean {
  return listIn(result, 'answers').some((one) => typeof field(one, 'rttMs') === 'number')
}

function rowsOf(kind: CommandKind, result: unknown): ResultTable {
  if (kind === 'ping')
    return {
      headings: ['ping', 'answer', 'path'],
      rows: listIn(result, 'answers').map((one) => [
        wordOf(field(one, 'seq')),
        rttCell(field(one, 'rttMs')),
        wordOf(field(one, 'path')),
      ]),
    }
  if (kind === 'netcheck')
    return {
      headings: ['check', 'found'],
      rows: listIn(result, 'checks').map((one) => [wordOf(field(one, 'check')), wordOf(field(one, 'found'))]),
    }
  return { headings: historyColumns, rows: kind === 'history' ? historyRows(result) : [] }
}

/** From the answer of a device of whatever age or mind: what makes no sense is a dash. Undefined where nothing is to list. */
export function resultTable(kind: CommandKind, result: unknown): ResultTable | undefined {
  const table = rowsOf(kind, result)
  return table.rows.length === 0 ? undefined : table
}
