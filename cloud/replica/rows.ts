// What of the hub's databases has to outlive a replica, and how it is cut into shards. A row of intent lies in a bucket by the
// hash of its table and key, so that a change of one rewrites a small part; rows that are only ever added lie in segments by
// number, which stay as they are once they are full. Pure.

import { compareText, fromBase64, toBase64, utf8 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'

export type DatabaseName = 'hub' | 'access'
/** As SQLite gives them. */
export type Column = string | number | null | Uint8Array
export type Row = Readonly<Record<string, Column>>

export interface MirroredTable {
  readonly database: DatabaseName
  readonly name: string
  readonly key: readonly string[]
  /** Of a row that is only ever added, by its key; absent for rows that lie in buckets. */
  readonly segment?: (key: readonly Column[]) => string
}

/** Some 100 KB each while they are filled: the audit log of a busy day, and revisions that change a device or two. */
const AUDIT_SEGMENT = 1_024
const REVISION_SEGMENT = 16

/**
 * Not among them: the last words of devices, flows, figures, and what came of commands. Devices tell those again. Releases of the
 * agent are not, either: a backup has none.
 */
export const mirroredTables: readonly MirroredTable[] = [
  { database: 'hub', name: 'value', key: ['name'] },
  { database: 'hub', name: 'resource', key: ['kind', 'name'] },
  { database: 'hub', name: 'enrolment', key: ['name'] },
  { database: 'hub', name: 'allocation', key: ['network', 'owner'] },
  { database: 'hub', name: 'token', key: ['id'] },
  { database: 'hub', name: 'network', key: ['name'] },
  { database: 'hub', name: 'head', key: ['network'] },
  { database: 'hub', name: 'record', key: ['network', 'id'] },
  {
    database: 'hub',
    name: 'revision',
    key: ['network', 'epoch', 'revision'],
    segment: ([network, epoch, revision]) =>
      `revision/${String(network)}/${String(epoch)}/${Math.floor(Number(revision) / REVISION_SEGMENT)}`,
  },
  {
    database: 'hub',
    name: 'audit',
    key: ['id'],
    segment: ([id]) => `audit/${Math.floor(Number(id) / AUDIT_SEGMENT)}`,
  },
  { database: 'access', name: 'credential', key: ['node'] },
  { database: 'access', name: 'api_token', key: ['id'] },
]

export function mirroredTable(name: string): MirroredTable | undefined {
  return mirroredTables.find((table) => table.name === name)
}

/** FNV-1a, 32 bits (Fowler, Noll and Vo, 1991): it only spreads, and nobody gains by making keys collide but larger parts. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (const byte of utf8(text)) value = Math.imul(value ^ byte, 0x01000193)
  return value >>> 0
}

/** Some 30 KB, compressed; a device that joins touches eight of them at most. */
const ROWS_PER_BUCKET = 128

/** A power of two, so that twice as many split each in two; never fewer than there were. */
export function bucketsFor(rows: number, present: number): number {
  let buckets = present
  while (rows > 2 * ROWS_PER_BUCKET * buckets) buckets *= 2
  return buckets
}

/** `key` is the JSON array of the key's columns. */
export function shardOf(table: MirroredTable, key: string, buckets: number): string {
  if (table.segment !== undefined) return table.segment(JSON.parse(key) as Column[])
  return `bucket/${hash(`${table.name} ${key}`) & (buckets - 1)}`
}

type Plain = string | number | null | { readonly base64: string }

function plain(value: Column): Plain {
  return value instanceof Uint8Array ? { base64: toBase64(value) } : value
}

function corrupt(why: string, cause?: unknown): HoldfastError {
  return new HoldfastError('corrupt', `a row of the state can't be read: ${why}`, { cause })
}

function columnOf(value: unknown): Column {
  if (typeof value === 'string' || value === null || Number.isSafeInteger(value)) return value as Column
  if (typeof value === 'object' && 'base64' in value && typeof value.base64 === 'string')
    return fromBase64(value.base64)
  throw corrupt('a column is neither text, number nor bytes')
}

export interface TableRow {
  readonly table: MirroredTable
  readonly key: string
  readonly row: Row
}

/** A line a row, in the order of table and key: the same rows are the same bytes. */
export function encodeRows(rows: readonly TableRow[]): Uint8Array {
  const ordered = [...rows].sort((a, b) => compareText(a.table.name, b.table.name) || compareText(a.key, b.key))
  const lines = ordered.map(({ row, table }) => {
    const columns = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]))
    return JSON.stringify([table.name, columns])
  })
  return utf8(lines.map((line) => `${line}\n`).join(''))
}

/** Throws `corrupt`. */
export function decodeRows(text: string): readonly { readonly table: MirroredTable; readonly row: Row }[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      let said: unknown
      try {
        said = JSON.parse(line)
      } catch (cause) {
        throw corrupt('it is not JSON', cause)
      }
      const [name, columns] = Array.isArray(said) ? (said as unknown[]) : []
      const table = typeof name === 'string' ? mirroredTable(name) : undefined
      if (table === undefined || typeof columns !== 'object' || columns === null)
        throw corrupt('it is of no known table')
      const row = Object.fromEntries(Object.entries(columns).map(([column, value]) => [column, columnOf(value)]))
      for (const column of table.key) if (row[column] === undefined) throw corrupt(`${table.name} without ${column}`)
      return { table, row }
    })
}
