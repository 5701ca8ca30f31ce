// The two pairs of tables that hold a set of records with its head: the set that is followed, and the newer one that waits
// for an agent that understands it. Only rows that differ are written.

import { sameBytes } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Connection } from './schema.ts'
import type { HeldSet, SetChange } from './store.ts'

interface HeadRow {
  readonly envelope: Uint8Array
  readonly epoch: number
  readonly revision: number
}

interface RecordRow {
  readonly id: string
  readonly bytes: Uint8Array
}

export interface RecordTables {
  load(): HeldSet | undefined
  /** Inside a transaction: throws `corrupt` where what was written does not read back, so that it is taken back. */
  save(change: SetChange): void
  clear(): void
}

function prepareAll(db: Connection, head: string, record: string) {
  return {
    head: db.prepare<[], HeadRow>(`SELECT envelope, epoch, revision FROM ${head}`),
    putHead: db.prepare(`INSERT OR REPLACE INTO ${head} (id, envelope, epoch, revision) VALUES (1, ?, ?, ?)`),
    records: db.prepare<[], RecordRow>(`SELECT id, bytes FROM ${record} ORDER BY id`),
    record: db.prepare<[string], Uint8Array>(`SELECT bytes FROM ${record} WHERE id = ?`).pluck(),
    ids: db.prepare<[], string>(`SELECT id FROM ${record}`).pluck(),
    putRecord: db.prepare(`INSERT OR REPLACE INTO ${record} (id, bytes) VALUES (?, ?)`),
    deleteRecord: db.prepare(`DELETE FROM ${record} WHERE id = ?`),
    clearHead: db.prepare(`DELETE FROM ${head}`),
    clearRecords: db.prepare(`DELETE FROM ${record}`),
  } as const
}

type Statements = ReturnType<typeof prepareAll>

/** Writes what differs; returns the ids that were put. */
function writeRecords(sql: Statements, change: SetChange): string[] {
  const written: string[] = []
  if (change.del === 'all') {
    for (const id of sql.ids.all()) if (!change.put.has(id)) sql.deleteRecord.run(id)
  } else for (const id of change.del) sql.deleteRecord.run(id)
  for (const [id, bytes] of change.put) {
    const held = sql.record.get(id)
    if (held !== undefined && sameBytes(held, bytes)) continue
    sql.putRecord.run(id, bytes)
    written.push(id)
  }
  return written
}

/** The pair of the write. */
function readBack(sql: Statements, change: SetChange, written: readonly string[]): void {
  const head = sql.head.get()
  const sound =
    head !== undefined &&
    sameBytes(head.envelope, change.head) &&
    written.every((id) => {
      const stored = sql.record.get(id)
      const meant = change.put.get(id)
      return stored !== undefined && meant !== undefined && sameBytes(stored, meant)
    })
  if (sound) return
  throw new HoldfastError('corrupt', 'the set of records does not read back as it was written', {
    remedy: 'Check the disk: `dmesg`, SMART or the age of the SD card.',
  })
}

/** `head` and `record` are the names of the tables. */
export function createRecordTables(db: Connection, head: string, record: string): RecordTables {
  const sql = prepareAll(db, head, record)
  return {
    load() {
      const row = sql.head.get()
      if (row === undefined) return undefined
      const records = new Map<string, Uint8Array>()
      for (const { id, bytes } of sql.records.iterate()) records.set(id, bytes)
      return { head: row.envelope, version: { epoch: row.epoch, revision: row.revision }, records }
    },
    save(change) {
      const written = writeRecords(sql, change)
      sql.putHead.run(change.head, change.version.epoch, change.version.revision)
      readBack(sql, change, written)
    },
    clear() {
      if (sql.head.get() === undefined) return
      sql.clearHead.run()
      sql.clearRecords.run()
    },
  }
}
