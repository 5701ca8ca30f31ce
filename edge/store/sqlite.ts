// The agent's memory across restarts, in SQLite.
//
// Write-ahead log; sets, counters and time floor are synced to the disk before the call returns, facts and journal are
// not: losing the last of those costs nothing, and flash wears.

import { chmodSync, closeSync, lstatSync, openSync } from 'node:fs'
import type { Log } from '../../shared/effects.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import { setAside } from '../../shared/host/damage.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { journalRowsMax } from '../../shared/limits.ts'
import { createRecordTables } from './record-tables.ts'
import { type Connection, connect, isDamage, storeError } from './schema.ts'
import type { JournalEntry, Store } from './store.ts'
import { takeRefuge } from './volatile.ts'

export interface OpenedStore {
  readonly store: Store
  /** Set where a damaged database was set aside: what was wrong and where it is now. */
  readonly rebuilt?: string
}

interface OpenOptions {
  readonly log: Log
  /** Leaves a damaged database where it is and throws: for those who only look. */
  readonly look?: true
  /** Pages the file may grow to; for tests of a full disk. */
  readonly pagesMax?: number
}

/** The journal is trimmed when it is this much too long, not with every row. */
const JOURNAL_SLACK = 100

function prepareAll(db: Connection) {
  return {
    set: createRecordTables(db, 'head', 'record'),
    waiting: createRecordTables(db, 'waiting_head', 'waiting_record'),
    good: createRecordTables(db, 'good_head', 'good_record'),
    facts: db.prepare<[], { node: string; envelope: Uint8Array }>('SELECT node, envelope FROM fact ORDER BY node'),
    putFact: db.prepare('INSERT OR REPLACE INTO fact (node, envelope) VALUES (?, ?)'),
    deleteFact: db.prepare('DELETE FROM fact WHERE node = ?'),
    value: db.prepare<[string], string>('SELECT value FROM value WHERE key = ?').pluck(),
    putValue: db.prepare('INSERT OR REPLACE INTO value (key, value) VALUES (?, ?)'),
    addJournal: db.prepare('INSERT INTO journal (at, event, detail) VALUES (?, ?, ?)'),
    journal: db.prepare<[number], JournalEntry>('SELECT at, event, detail FROM journal ORDER BY seq DESC LIMIT ?'),
    trimJournal: db.prepare('DELETE FROM journal WHERE seq <= ?'),
  } as const
}

function createStore(db: Connection, volatile: string | undefined): Store {
  const sql = prepareAll(db)
  const attempt = <T>(doing: string, run: () => T): T => {
    try {
      return run()
    } catch (error) {
      throw storeError(error, doing)
    }
  }
  /** Runs one transaction that a power cut keeps. */
  const durable = (doing: string, run: () => void): void =>
    attempt(doing, () => {
      db.pragma('synchronous = FULL')
      try {
        db.transaction(run).immediate()
      } finally {
        db.pragma('synchronous = NORMAL')
      }
    })
  let rows = db.prepare('SELECT count(*) FROM journal').pluck().get() as number
  return {
    ...(volatile === undefined ? {} : { volatile }),
    loadSet: () => attempt('read the state database', () => sql.set.load()),
    saveSet(change) {
      durable('store the new intent', () => {
        sql.set.save(change)
        sql.waiting.clear()
      })
    },
    loadWaiting: () => attempt('read the state database', () => sql.waiting.load()),
    saveWaiting: ({ head, version, records }) =>
      durable('store intent for a newer agent', () => sql.waiting.save({ head, version, put: records, del: 'all' })),
    loadGood: () => attempt('read the state database', () => sql.good.load()),
    saveGood: ({ head, version, records }) =>
      durable('store the last good intent', () => sql.good.save({ head, version, put: records, del: 'all' })),
    loadFacts: () =>
      attempt('read the facts', () => new Map(sql.facts.all().map((row) => [parseNodeId(row.node), row.envelope]))),
    saveFact: (node, envelope) => attempt('store a fact', () => void sql.putFact.run(node, envelope)),
    deleteFacts: (nodes) =>
      attempt('delete facts', () => db.transaction(() => nodes.forEach((node) => sql.deleteFact.run(node)))()),
    get: (key) => attempt('read a value', () => sql.value.get(key)),
    set(key, value) {
      if (attempt('read a value', () => sql.value.get(key)) === value) return
      durable('store a value', () => void sql.putValue.run(key, value))
    },
    journal({ at, event, detail }) {
      attempt('write the journal', () => {
        const { lastInsertRowid } = sql.addJournal.run(at, event, detail)
        rows += 1
        if (rows < journalRowsMax + JOURNAL_SLACK) return
        rows -= sql.trimJournal.run(Number(lastInsertRowid) - journalRowsMax).changes
      })
    },
    loadJournal: (limit) => attempt('read the journal', () => sql.journal.all(limit).toReversed()),
    close: () => void db.close(),
  }
}

function tryOpen(path: string, options: OpenOptions, volatile?: string): Store {
  const db = connect(path)
  try {
    if (options.pagesMax !== undefined) db.pragma(`max_page_count = ${options.pagesMax}`)
    const store = createStore(db, volatile)
    // Reads every row once: a page that fails must be found here, where it can still be set aside.
    store.loadSet()
    store.loadWaiting()
    store.loadGood()
    store.loadFacts()
    return store
  } catch (error) {
    db.close()
    throw error
  }
}

/** Before SQLite makes the file: its log gets the mode of the database, and would keep a wider one. */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600))
    if ((lstatSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
  } catch {
    // A disk that takes no writes: opening says what is wrong.
  }
}

/** Opens at `path`, or where that takes no writes, a copy of it in memory. */
function openSomewhere(path: string, options: OpenOptions): Store {
  makePrivate(path)
  try {
    return tryOpen(path, options)
  } catch (error) {
    const known = storeError(error, 'open the state database')
    const refuge = isHoldfastError(known, 'failed') ? takeRefuge(path) : undefined
    if (refuge === undefined) throw known
    options.log.error('the state directory takes no writes; going on in memory', { reason: known.message })
    try {
      return tryOpen(refuge.path, options, known.message)
    } finally {
      refuge.forget()
    }
  }
}

/**
 * Opens the database at `path`. A damaged one is renamed to `<path>.damaged-<n>` and an empty one takes its place. Where
 * the disk takes no writes, the store is a copy in memory and says so in `volatile`.
 */
export function openStore(path: string, options: OpenOptions): OpenedStore {
  try {
    return { store: openSomewhere(path, options) }
  } catch (error) {
    const known = storeError(error, 'open the state database')
    if (!isDamage(known) || options.look === true) throw known
    const aside = trySetAside(path, options.log)
    options.log.error('the state database was damaged and has been set aside', { reason: known.message, aside })
    return { store: openSomewhere(path, options), rebuilt: `${known.message}; kept as ${aside}` }
  }
}

function trySetAside(path: string, log: Log): string {
  try {
    return setAside(path)
  } catch (error) {
    log.error('the damaged state database cannot be moved', { reason: describeError(error) })
    throw storeError(error, 'set the damaged state database aside')
  }
}
