// What of the audit log is asked for, and its pages put together. The log grows at its newer end while somebody reads it.

import type { AuditEntry } from '../../audit.ts'

/** As typed; an empty part leaves nothing out. */
export interface AuditFilter {
  readonly actor: string
  readonly verb: string
  /** How the target begins. */
  readonly target: string
  /** Days by the browser's calendar, `2026-11-22`; both are meant whole. */
  readonly from: string
  readonly to: string
}

export interface AuditPage {
  readonly items: readonly AuditEntry[]
  /** Where the page behind it begins; absent at the end. */
  readonly next?: number
}

export const wholeLog: AuditFilter = { actor: '', verb: '', target: '', from: '', to: '' }

export function filterOf(query: URLSearchParams): AuditFilter {
  const part = (name: keyof AuditFilter): string => query.get(name) ?? ''
  return { actor: part('actor'), verb: part('verb'), target: part('target'), from: part('from'), to: part('to') }
}

/** Start of that day, milliseconds since the Unix epoch; undefined where it is none. */
function dayAt(day: string, later = 0): number | undefined {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day) ?? []
  if (year === undefined) return undefined
  const at = new Date(Number(year), Number(month) - 1, Number(date) + later).getTime()
  return at >= 0 ? at : undefined
}

export function auditPath(filter: AuditFilter, limit: number, before?: number): string {
  const query = new URLSearchParams({ limit: String(limit) })
  for (const name of ['actor', 'verb', 'target'] as const) {
    const wanted = filter[name].trim()
    if (wanted !== '') query.set(name, wanted)
  }
  const [since, end] = [dayAt(filter.from), dayAt(filter.to, 1)]
  if (since !== undefined) query.set('since', String(since))
  if (end !== undefined) query.set('until', String(end - 1))
  if (before !== undefined) query.set('before', String(before))
  return `/api/v1/audit?${query.toString()}`
}

/** The newest page before what was read of older ones. Where rows between them are not known, the older ones are let go. */
export function withNewest(newest: AuditPage, held: AuditPage | undefined): AuditPage {
  const [last, first] = [newest.items.at(-1), held?.items[0]]
  if (held === undefined || first === undefined || last === undefined) return newest
  if (newest.next !== undefined && last.id > first.id) return newest
  const known = new Set(newest.items.map(({ id }) => id))
  const items = [...newest.items, ...held.items.filter(({ id }) => !known.has(id))]
  return { items, ...(held.next === undefined ? {} : { next: held.next }) }
}
