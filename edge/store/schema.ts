// How the agent's database is opened: the settings that keep it through a power cut, its tables, its health check.

import Database from 'better-sqlite3'
import { HoldfastError } from '../../shared/errors.ts'
import { layoutRead, layoutWritten } from './layout.ts'

/** "hfst": a file that is not ours is never written to. */
const APPLICATION_ID = 0x68667374
/** Another process has it open for a moment while an agent restarts. */
const BUSY_MS = 3_000
/** The write-ahead log shrinks back to this after a snapshot. */
const LOG_BYTES_MAX = 4 << 20
/** Page cache: the hot pages of a fleet of hundreds; the agent reads the whole set only at start. */
const CACHE_KIB = 512

/** A set that waits for a newer agent. Came later than the rest, so it is made where it lacks; an older agent minds it not. */
const WAITING_TABLES = `
  CREATE TABLE IF NOT EXISTS waiting_head (id INTEGER PRIMARY KEY CHECK (id = 1), envelope BLOB NOT NULL,
    epoch INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS waiting_record (id TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
`

const TABLES = `
  CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), envelope BLOB NOT NULL, epoch INTEGER NOT NULL,
    revision INTEGER NOT NULL) STRICT;
  CREATE TABLE record (id TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE fact (node TEXT PRIMARY KEY, envelope BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE value (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, event TEXT NOT NULL,
    detail TEXT NOT NULL) STRICT;
`

/** The last good set, which differs from the set while that is on trial or has failed. As new as the tables above. */
const GOOD_TABLES = `
  CREATE TABLE IF NOT EXISTS good_head (id INTEGER PRIMARY KEY CHECK (id = 1), envelope BLOB NOT NULL,
    epoch INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS good_record (id TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
`

export type Connection = Database.Database

/** SQLite's result code, such as `SQLITE_FULL`; empty for other errors. */
function sqliteCode(error: unknown): string {
  return error instanceof Database.SqliteError ? error.code : ''
}

/** True where the file itself is bad, as against a disk that is full or a file that is in use. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error)
  return (
    code.startsWith('SQLITE_CORRUPT') ||
    code.startsWith('SQLITE_NOTADB') ||
    code.startsWith('SQLITE_FORMAT') ||
    code.startsWith('SQLITE_SCHEMA') ||
    (error instanceof HoldfastError && error.code === 'corrupt')
  )
}

export function storeError(error: unknown, doing: string): HoldfastError {
  if (error instanceof HoldfastError) return error
  const code = sqliteCode(error)
  const message = error instanceof Error ? error.message : String(error)
  if (code.startsWith('SQLITE_BUSY')) {
    return new HoldfastError('conflict', 'the state database is in use by another process', {
      remedy: 'An agent runs already with this state directory: `holdfast status`.',
      cause: error,
    })
  }
  if (isDamage(error)) {
    return new HoldfastError('corrupt', `the state database is damaged: ${message}`, {
      remedy: 'Restart the agent: it sets the file aside and fills a new one from the hub.',
      cause: error,
    })
  }
  const remedy = code.startsWith('SQLITE_FULL')
    ? 'Free some space where the state directory lies.'
    : 'Check the disk and the permissions of the state directory.'
  return new HoldfastError('failed', `cannot ${doing}: ${message}`, { remedy, cause: error })
}

function pragma(db: Connection, text: string): unknown {
  return db.pragma(text, { simple: true })
}

function check(db: Connection): void {
  const version = pragma(db, 'user_version')
  const known = typeof version === 'number' && version >= 1 && version <= layoutRead
  if (pragma(db, 'application_id') !== APPLICATION_ID || !known) {
    throw new HoldfastError('corrupt', `the state database has an unknown layout (${String(version)})`)
  }
  const verdict = pragma(db, 'quick_check(1)')
  if (verdict !== 'ok') throw new HoldfastError('corrupt', `the state database is damaged: ${String(verdict)}`)
}

function create(db: Connection): void {
  db.transaction(() => {
    db.exec(TABLES)
    db.pragma(`application_id = ${APPLICATION_ID}`)
    db.pragma(`user_version = ${layoutWritten}`)
  }).immediate()
}

/** Opens or creates; throws what SQLite throws, or `corrupt` where the content is not what we wrote. */
export function connect(path: string): Connection {
  const db = new Database(path, { timeout: BUSY_MS })
  try {
    // Exclusive: no shared-memory file, so opening needs no free space, and a second agent is turned away.
    db.pragma('locking_mode = EXCLUSIVE')
    db.pragma('cell_size_check = ON')
    db.pragma(`cache_size = -${CACHE_KIB}`)
    db.pragma('temp_store = MEMORY')
    db.pragma('journal_mode = WAL')
    db.pragma(`journal_size_limit = ${LOG_BYTES_MAX}`)
    db.pragma('synchronous = NORMAL')
    const empty = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0
    if (empty) create(db)
    else check(db)
    db.exec(WAITING_TABLES)
    db.exec(GOOD_TABLES)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}
