// The flows of all devices in SQLite, in a file of its own beside the hub's database: it grows and is written all the time, and
// nothing of that may cost the hub anything. No backup takes it: devices keep their own record for a month, and bring it anew.
//
// Where there is no room, the device with the most gives up its oldest: none can push out what others have on record.

import { closeSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Clock, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { flowStoreAgeMsMax, flowStoreBytesMax } from '../../shared/flow-limits.ts'
import { type FlowBatch, parseBatch } from '../../shared/flows/batch.ts'
import { setAside } from '../../shared/host/damage.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { inflate } from '../../shared/host/inflate.ts'
import { type NodeId, parseName, parseNodeId } from '../../shared/ids.ts'
import { flowBatchBytesMax } from '../../shared/limits.ts'
import type { FlowSelection, FlowStore, LedgerFault, LedgerState, StoredBatch, StoredMissing } from './flow-store.ts'
import { createUsage } from './usage.ts'

/** "hfhf" */
const APPLICATION_ID = 0x68666866
const TABLES = `
  CREATE TABLE IF NOT EXISTS ledger (
    node TEXT PRIMARY KEY, name TEXT NOT NULL, network TEXT NOT NULL, count INTEGER NOT NULL, head TEXT NOT NULL,
    told INTEGER NOT NULL, at INTEGER NOT NULL, fault TEXT, batches INTEGER NOT NULL, bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS link (
    id INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,
    at INTEGER NOT NULL, came INTEGER NOT NULL, told INTEGER NOT NULL, batch BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS link_of ON link (node, seq, hash);
  CREATE INDEX IF NOT EXISTS link_at ON link (at, id);
  CREATE INDEX IF NOT EXISTS link_node_at ON link (node, at, id);
  CREATE TABLE IF NOT EXISTS missing (
    node TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (node, first, at)
  ) STRICT, WITHOUT ROWID;
`
const LOG_BYTES_MAX = 4 << 20
/** Nobody else writes there; whoever does all the same must not hold the hub up. */
const BUSY_MS = 100
const PAGE_BYTES = 4_096
/** Rows let go with one window; more than come with it on average, so that it catches up. */
const LET_GO_MAX = 2_000

function connect(path: string, bytesMax: number): Database.Database {
  closeSync(openSync(path, 'a', 0o600))
  const db = new Database(path, { timeout: BUSY_MS })
  try {
    db.pragma('journal_mode = WAL')
    db.pragma(`journal_size_limit = ${LOG_BYTES_MAX}`)
    // A power cut costs the last seconds, which devices bring again.
    db.pragma('synchronous = NORMAL')
    const made = db.pragma('application_id', { simple: true })
    if (made !== 0 && made !== APPLICATION_ID) throw new HoldfastError('corrupt', 'it is another file')
    db.exec(TABLES)
    if (made === 0) db.pragma(`application_id = ${APPLICATION_ID}`)
    // With indexes and pages that are half full; what is let go of makes room within.
    db.pragma(`max_page_count = ${Math.ceil((bytesMax * 3) / PAGE_BYTES) + 256}`)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

interface LedgerRow {
  readonly node: string
  readonly name: string
  readonly network: string
  readonly count: number
  readonly head: string
  readonly told: number
  readonly at: number
  readonly fault: string | null
  readonly batches: number
  readonly bytes: number
}

interface LinkRow {
  readonly id: number
  readonly node: string
  readonly seq: number
  readonly batch: Uint8Array
}

/** What is asked for when people look for what was denied: refusals, and what is missing. */
function tells({ lostBefore, records }: FlowBatch): number {
  return records.some(({ verdict }) => verdict === 'drop') || lostBefore.length > 0 ? 1 : 0
}

function prepareAll(db: Database.Database) {
  const columns = 'id, node, seq, batch'
  return {
    ledgers: db.prepare<[], LedgerRow>('SELECT * FROM ledger ORDER BY node'),
    putLedger: db.prepare(
      `INSERT INTO ledger (node, name, network, count, head, told, at, fault, batches, bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT (node) DO UPDATE SET name = excluded.name, network = excluded.network,
       count = excluded.count, head = excluded.head, told = excluded.told, at = excluded.at, fault = excluded.fault`,
    ),
    add: db.prepare('INSERT OR IGNORE INTO link (node, seq, hash, at, came, told, batch) VALUES (?, ?, ?, ?, ?, ?, ?)'),
    has: db.prepare<[string, number, Uint8Array], number>('SELECT 1 FROM link WHERE node = ? AND seq = ? AND hash = ?'),
    all: db.prepare<[number, number, number, number, number, number], LinkRow>(
      `SELECT ${columns} FROM link WHERE id > ? AND at >= ? AND told >= ? AND (at < ? OR (at = ? AND id < ?))
       ORDER BY at DESC, id DESC`,
    ),
    ofNode: db.prepare<[string, number, number, number, number, number, number], LinkRow>(
      `SELECT ${columns} FROM link WHERE node = ? AND id > ? AND at >= ? AND told >= ? AND (at < ? OR (at = ? AND id < ?))
       ORDER BY at DESC, id DESC`,
    ),
    putUsage: db.prepare('UPDATE ledger SET batches = ?, bytes = ? WHERE node = ?'),
    eldest: db.prepare<[], { id: number; node: string; came: number; bytes: number }>(
      'SELECT id, node, came, length(batch) AS bytes FROM link ORDER BY id LIMIT 1',
    ),
    eldestOf: db.prepare<[string], { id: number; bytes: number }>(
      'SELECT id, length(batch) AS bytes FROM link WHERE node = ? ORDER BY seq, id LIMIT 1',
    ),
    drop: db.prepare('DELETE FROM link WHERE id = ?'),
    newestId: db
      .prepare<[], number>("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'link'), 0)")
      .pluck(),
    addMissing: db.prepare('INSERT OR REPLACE INTO missing (node, first, last, at) VALUES (?, ?, ?, ?)'),
    missing: db.prepare<
      [number, string | null, string | null],
      { node: string; first: number; last: number; at: number }
    >('SELECT node, first, last, at FROM missing WHERE at >= ? AND (? IS NULL OR node = ?) ORDER BY at, node, first'),
    dropMissing: db.prepare('DELETE FROM missing WHERE at < ?'),
    dropLedgers: db.prepare('DELETE FROM ledger WHERE at < ? AND batches = 0'),
  } as const
}

function stateOf({ at, count, fault, head, name, network, node, told }: LedgerRow): LedgerState {
  const own = { node: parseNodeId(node), name: parseName(name), network: parseName(network) }
  const known = { ...own, count, head, told, at }
  return fault === null ? known : { ...known, fault: JSON.parse(fault) as LedgerFault }
}

function batchOf({ batch, id, node, seq }: LinkRow): StoredBatch {
  return { id, node: node as NodeId, seq, batch: parseBatch(inflate(batch, flowBatchBytesMax)) }
}

/** Asks when the first one is read: a statement answers one question at a time, and who looks at all nodes asks of each. */
function* batchesOf(ask: () => Iterable<LinkRow>): Iterable<StoredBatch> {
  for (const row of ask()) yield batchOf(row)
}

function fail(error: unknown): never {
  if (error instanceof HoldfastError) throw error
  throw new HoldfastError('failed', `flows are not stored: ${describeError(error)}`, {
    remedy: 'Check the disk where the hub’s data directory lies.',
    cause: error,
  })
}

export interface FlowStoreOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
  /** For tests of a small disk. */
  readonly bytesMax?: number
}

function createStore(db: Database.Database, { bytesMax = flowStoreBytesMax, clock }: FlowStoreOptions): FlowStore {
  const sql = prepareAll(db)
  const fresh = () => createUsage(sql.ledgers.all())
  let sums = fresh()

  const put = ({ at, count, fault, head, name, network, node, told }: LedgerState): void => {
    sql.putLedger.run(node, name, network, count, head, told, at, fault === undefined ? null : JSON.stringify(fault))
  }

  const drop = (id: number, node: string, bytes: number): void => {
    sql.drop.run(id)
    sums.add(node, bytes, -1)
  }

  const letGo = (): void => {
    const oldestMs = clock.now() - flowStoreAgeMsMax
    for (let n = 0; n < LET_GO_MAX; n++) {
      const eldest = sql.eldest.get()
      if (eldest === undefined || eldest.came >= oldestMs) break
      drop(eldest.id, eldest.node, eldest.bytes)
    }
    for (let n = 0; n < LET_GO_MAX && sums.figures().bytes > bytesMax; n++) {
      const node = sums.largest()
      const eldest = sql.eldestOf.get(node)
      if (eldest === undefined) break
      drop(eldest.id, node, eldest.bytes)
    }
    for (const [node, { batches, bytes }] of sums.changed()) sql.putUsage.run(batches, bytes, node)
    sql.dropMissing.run(oldestMs)
    sql.dropLedgers.run(oldestMs)
  }

  const take = db.transaction(({ links, missing, state }: Parameters<FlowStore['take']>[0]) => {
    const { node } = state
    for (const { batch, hash, parsed, seq } of links) {
      const packed = deflate(batch)
      const { changes } = sql.add.run(node, seq, hash, parsed.to, clock.now(), tells(parsed), packed)
      if (changes > 0) sums.add(node, packed.length, 1)
    }
    if (missing !== undefined) sql.addMissing.run(node, missing.first, missing.last, clock.now())
    put(state)
    letGo()
  })

  const rowsOf = ({ afterId, before, denied, node, sinceMs }: FlowSelection): Iterable<LinkRow> => {
    const { at, id } = before ?? { at: Number.MAX_SAFE_INTEGER, id: 0 }
    const told = denied ? 1 : 0
    return node === undefined
      ? sql.all.iterate(afterId, sinceMs, told, at, at, id)
      : sql.ofNode.iterate(node, afterId, sinceMs, told, at, at, id)
  }

  return {
    ledgers: () => sql.ledgers.all().map(stateOf),
    take(window) {
      try {
        take.immediate(window)
      } catch (error) {
        sums = fresh()
        fail(error)
      }
    },
    putState(state) {
      try {
        put(state)
      } catch (error) {
        fail(error)
      }
    },
    has: (node, seq, hash) => sql.has.get(node, seq, hash) !== undefined,
    newest: (selection) => batchesOf(() => rowsOf(selection)),
    missing: (sinceMs, node) =>
      sql.missing
        .all(sinceMs, node ?? null, node ?? null)
        .map(({ at, first, last, node: of }): StoredMissing => ({ node: of as NodeId, first, last, at })),
    newestId: () => sql.newestId.get() ?? 0,
    figures: () => sums.figures(),
    close: () => void db.close(),
  }
}

function tryOpen(path: string, options: FlowStoreOptions): FlowStore {
  const db = connect(path, options.bytesMax ?? flowStoreBytesMax)
  try {
    return createStore(db, options)
  } catch (error) {
    db.close()
    throw error
  }
}

function isDamage(error: unknown): boolean {
  if (error instanceof HoldfastError) return error.code === 'corrupt'
  return /^SQLITE_(?:CORRUPT|NOTADB|IOERR_SHORT_READ)/.test((error as { code?: string }).code ?? '')
}

/** One that is damaged is kept beside as `<path>.damaged-<n>`, and a new one begins: devices bring what they still have. */
export function openFlowStore(path: string, options: FlowStoreOptions): FlowStore {
  try {
    return tryOpen(path, options)
  } catch (error) {
    if (!isDamage(error)) fail(error)
    const aside = setAside(path)
    options.log.error('the store of flows is damaged and has been set aside', { reason: describeError(error), aside })
    return tryOpen(path, options)
  }
}
