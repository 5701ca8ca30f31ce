// The table of nodes: which are shown, in which order, and which of them are on the screen.

import { compareText } from '../../../shared/bytes.ts'
import type { Severity } from '../../../shared/health.ts'
import type { Roster, RosterLine } from '../../fleet/roster.ts'
import { worstOf } from './attention.ts'
import { type Presence, presenceOf, presences } from './presence.ts'
import { versionText } from './words.ts'

export interface NodeRow extends RosterLine {
  readonly presence: Presence
  readonly severity: Severity | undefined
  /** Labels as `key=value`, sorted. */
  readonly labelTexts: readonly string[]
  /** All that a search looks at, in small letters. */
  readonly haystack: string
}

const columns = [
  'name',
  'presence',
  'labels',
  'address',
  'peers',
  'rtt',
  'revision',
  'version',
  'health',
  'since',
] as const
export type Column = (typeof columns)[number]

export interface Order {
  readonly by: Column
  readonly descending: boolean
}

export interface Filter {
  readonly search: string
  readonly presence?: Presence | undefined
  /** `key=value`; all of them must fit. */
  readonly labels: readonly string[]
  readonly trouble: boolean
}

export const everything: Filter = { search: '', labels: [], trouble: false }

export function nodeRows({ items, meanings }: Roster, now: number): readonly NodeRow[] {
  return items.map((line) => {
    const labelTexts = Object.entries(line.labels)
      .map(([key, value]) => `${key}=${value}`)
      .sort(compareText)
    const severities = line.health.flatMap(({ code }) => meanings[code]?.severity ?? [])
    const words = [line.name, line.network, ...line.addresses, ...labelTexts, line.version ?? '', line.state]
    return {
      ...line,
      presence: presenceOf(line, now),
      severity: worstOf(severities),
      labelTexts,
      haystack: [...words, ...line.health.map(({ code }) => code)].join(' ').toLowerCase(),
    }
  })
}

/** Every word of the search must be found. */
export function filterRows(
  rows: readonly NodeRow[],
  { labels, presence, search, trouble }: Filter,
): readonly NodeRow[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  return rows.filter(
    (row) =>
      (presence === undefined || row.presence === presence) &&
      (!trouble || row.severity !== undefined) &&
      labels.every((label) => row.labelTexts.includes(label)) &&
      words.every((word) => row.haystack.includes(word)),
  )
}

const SEVERITY: Readonly<Record<Severity, number>> = { critical: 3, warning: 2, info: 1 }

function keyOf(row: NodeRow, by: Column): string | number | undefined {
  switch (by) {
    case 'name':
      return row.name
    case 'presence':
      return presences.indexOf(row.presence)
    case 'labels':
      return row.labelTexts.join(',')
    case 'address':
      return addressKey(row.addresses[0])
    case 'peers':
      return row.reachable
    case 'rtt':
      return row.rttUs
    case 'revision':
      return row.applied === undefined ? undefined : row.applied.epoch * 2 ** 32 + row.applied.revision
    case 'version':
      return row.version
    case 'health':
      return row.severity === undefined ? 0 : SEVERITY[row.severity] * 100 + row.health.length
    case 'since':
      return row.since
  }
}

/** 10.77.0.9 comes before 10.77.0.10. */
function addressKey(address: string | undefined): string | undefined {
  return address
    ?.split('.')
    .map((part) => part.padStart(3, '0'))
    .join('.')
}

function compareKeys(a: string | number | undefined, b: string | number | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return compareText(String(a), String(b))
}

/** What is not known comes last either way; equals are in the order of their names. */
export function sortRows(rows: readonly NodeRow[], { by, descending }: Order): readonly NodeRow[] {
  const sign = descending ? -1 : 1
  return rows
    .map((row) => ({ row, key: keyOf(row, by) }))
    .sort((a, b) => {
      if (a.key === undefined || b.key === undefined) {
        if (a.key === b.key) return compareText(a.row.name, b.row.name)
        return a.key === undefined ? 1 : -1
      }
      return sign * compareKeys(a.key, b.key) || compareText(a.row.name, b.row.name)
    })
    .map(({ row }) => row)
}

export interface LabelCount {
  readonly label: string
  readonly count: number
}

/** Labels worth choosing by: those that many nodes share come first. */
export function labelCounts(rows: readonly NodeRow[]): readonly LabelCount[] {
  const counts = new Map<string, number>()
  for (const { labelTexts } of rows) for (const label of labelTexts) counts.set(label, (counts.get(label) ?? 0) + 1)
  return [...counts]
    .map(([label, count]) => ({ label, count }))
    .sort((a, b) => b.count - a.count || compareText(a.label, b.label))
}

export interface Place {
  /** Pixels. */
  readonly scrollTop: number
  readonly viewport: number
  readonly rowHeight: number
}

export interface Window {
  /** Rows that are drawn: from, and up to without it. */
  readonly first: number
  readonly end: number
  /** Pixels that stand for the rows above and below. */
  readonly above: number
  readonly below: number
}

/** A few rows beyond each edge, so that scrolling by a notch shows no gap. */
const BEYOND = 8

export function windowOf(total: number, { rowHeight, scrollTop, viewport }: Place): Window {
  const last = Math.max(0, total * rowHeight - viewport)
  const top = Math.min(Math.max(0, scrollTop), last)
  const first = Math.max(0, Math.floor(top / rowHeight) - BEYOND)
  const end = Math.min(total, Math.ceil((top + viewport) / rowHeight) + BEYOND)
  return { first, end, above: first * rowHeight, below: (total - end) * rowHeight }
}

export function csvOf(rows: readonly NodeRow[]): readonly (readonly string[])[] {
  const head = [
    'name',
    'network',
    'state',
    'labels',
    'addresses',
    'reachable',
    'peers',
    'rtt_us',
    'revision',
    'version',
    'health',
    'since',
    'last_seen',
  ]
  const iso = (at: number | undefined): string => (at === undefined ? '' : new Date(at).toISOString())
  return [
    head,
    ...rows.map((row) => [
      row.name,
      row.network,
      row.presence,
      row.labelTexts.join(' '),
      row.addresses.join(' '),
      String(row.reachable ?? ''),
      String(row.peers ?? ''),
      String(row.rttUs ?? ''),
      row.applied === undefined ? '' : versionText(row.applied),
      row.version ?? '',
      row.health.map(({ code }) => code).join(' '),
      iso(row.since),
      iso(row.lastSeen),
    ]),
  ]
}
