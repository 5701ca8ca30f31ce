// Which rows have changed since they were last asked for, and what the shards that they lie in hold now. Triggers of this
// connection alone report each change; nothing of it is in the file, and a hub without replicas has none of them. A change that
// is rolled back is reported all the same, and found to be none when its row is read.

import type Database from 'better-sqlite3'
import {
  bucketsFor,
  type Column,
  type DatabaseName,
  encodeRows,
  type MirroredTable,
  mirroredTable,
  mirroredTables,
  type Row,
  shardOf,
  type TableRow,
} from './rows.ts'

export interface Journal {
  /**
   * Call before the first change. `mirrored`: the layout of the rows in the cluster, where they are this database's; where it is
   * another by now, or there are none, all of it is to be written.
   */
  follow(name: DatabaseName, database: Database.Database, mirrored: number | undefined): void
  /** A change that was committed, or may have been, and that `take` has not given. */
  readonly isDirty: boolean
  readonly buckets: number
  layout(name: DatabaseName): number
  /** Content of the shards that have changed, undefined where nothing is left in one; call between transactions. */
  take(): ReadonlyMap<string, Uint8Array | undefined>
  /** All that hold anything. */
  shards(): Iterable<string>
  /** These were not written after all. */
  giveBack(shards: Iterable<string>): void
}

interface Followed {
  readonly database: Database.Database
  readonly layout: number
}

const FUNCTION = 'holdfast_touched'

function keyExpression({ key }: MirroredTable, row = ''): string {
  return `json_array(${key.map((column) => row + column).join(', ')})`
}

/** Reports `table` and key of each row that changes through this connection. */
function report({ database }: Followed, tables: readonly MirroredTable[], onTouched: (id: string) => void): void {
  database.function(FUNCTION, (table, key) => {
    onTouched(`${String(table)} ${String(key)}`)
    return null
  })
  for (const table of tables) {
    for (const [event, row] of [
      ['INSERT', 'NEW.'],
      ['UPDATE', 'NEW.'],
      ['DELETE', 'OLD.'],
    ] as const) {
      database.exec(
        `CREATE TEMP TRIGGER mirror_${table.name}_${event} AFTER ${event} ON main.${table.name}
         BEGIN SELECT ${FUNCTION}('${table.name}', ${keyExpression(table, row)}); END`,
      )
    }
  }
}

export function createJournal(presentBuckets: number, onTouched: () => void): Journal {
  const followed = new Map<DatabaseName, Followed>()
  const readers = new Map<string, Database.Statement<Column[], Row>>()
  /** Ids of rows, `table key`, by shard. */
  const index = new Map<string, Set<string>>()
  const touched = new Set<string>()
  const dirty = new Set<string>()
  let buckets = presentBuckets
  let rowsInBuckets = 0

  const placeOf = (id: string): { table: MirroredTable; key: string; shard: string } => {
    const at = id.indexOf(' ')
    const table = mirroredTable(id.slice(0, at)) as MirroredTable
    const key = id.slice(at + 1)
    return { table, key, shard: shardOf(table, key, buckets) }
  }

  const add = (id: string): string => {
    const { shard, table } = placeOf(id)
    const own = index.get(shard) ?? new Set()
    index.set(shard, own)
    if (!own.has(id) && table.segment === undefined) rowsInBuckets += 1
    own.add(id)
    return shard
  }

  const rowOf = (id: string): TableRow | undefined => {
    const { key, table } = placeOf(id)
    const row = readers.get(table.name)?.get(...(JSON.parse(key) as Column[]))
    return row === undefined ? undefined : { table, key, row }
  }

  /** A row of a segment that goes is no reason to write the rest again: it is out of use, and goes with the segment. */
  const remove = (id: string): void => {
    const { shard, table } = placeOf(id)
    const own = index.get(shard)
    if (own?.delete(id) !== true) return
    if (table.segment === undefined) rowsInBuckets -= 1
    if (table.segment === undefined || own.size === 0) dirty.add(shard)
    if (own.size === 0) index.delete(shard)
  }

  const settleTouched = (): void => {
    for (const id of touched) {
      if (rowOf(id) === undefined) remove(id)
      else dirty.add(add(id))
    }
    touched.clear()
  }

  const spread = (): void => {
    const wanted = bucketsFor(rowsInBuckets, buckets)
    if (wanted === buckets) return
    const ids = [...index].filter(([shard]) => shard.startsWith('bucket/'))
    for (const [shard] of ids) {
      index.delete(shard)
      dirty.add(shard)
    }
    buckets = wanted
    rowsInBuckets = 0
    for (const [, own] of ids) for (const id of own) dirty.add(add(id))
  }

  return {
    follow(name, database, mirrored) {
      const tables = mirroredTables.filter((table) => table.database === name)
      const one = { database, layout: Math.max(1, Number(database.pragma('user_version', { simple: true }))) }
      followed.set(name, one)
      report(one, tables, (id) => {
        touched.add(id)
        onTouched()
      })
      for (const table of tables) {
        const where = table.key.map((column) => `${column} = ?`).join(' AND ')
        readers.set(table.name, database.prepare(`SELECT * FROM ${table.name} WHERE ${where}`))
        const keys = database.prepare<[], { key: string }>(`SELECT ${keyExpression(table)} AS key FROM ${table.name}`)
        for (const { key } of keys.iterate()) {
          const shard = add(`${table.name} ${key}`)
          if (one.layout !== mirrored) dirty.add(shard)
        }
      }
      if (dirty.size > 0) onTouched()
    },
    get isDirty() {
      return touched.size > 0 || dirty.size > 0
    },
    get buckets() {
      return buckets
    },
    layout: (name) => followed.get(name)?.layout ?? 1,
    take() {
      settleTouched()
      spread()
      const contents = [...dirty].map((shard): [string, Uint8Array | undefined] => {
        const rows = [...(index.get(shard) ?? [])].flatMap((id) => rowOf(id) ?? [])
        return [shard, rows.length === 0 ? undefined : encodeRows(rows)]
      })
      dirty.clear()
      return new Map(contents)
    },
    shards: () => index.keys(),
    giveBack(shards) {
      for (const shard of shards) dirty.add(shard)
    },
  }
}
