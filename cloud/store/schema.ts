// The layout of the hub's database and how an older one becomes the present one.

import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describeError, HoldfastError } from '../../shared/errors.ts'

const VERSION_1 = `
  CREATE TABLE value (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE resource (kind TEXT, name TEXT, json TEXT NOT NULL, PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;
  CREATE TABLE enrolment (name TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE allocation (
    network TEXT, owner TEXT, json TEXT NOT NULL, PRIMARY KEY (network, owner)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE token (id TEXT PRIMARY KEY, secret_hash BLOB NOT NULL, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE network (name TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE head (
    network TEXT PRIMARY KEY, epoch INTEGER NOT NULL, revision INTEGER NOT NULL, envelope BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE record (
    network TEXT, id TEXT, bytes BLOB NOT NULL, epoch INTEGER NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY (network, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE revision (
    network TEXT, epoch INTEGER, revision INTEGER, envelope BLOB NOT NULL, changes TEXT NOT NULL,
    PRIMARY KEY (network, epoch, revision)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE last_word (
    node TEXT PRIMARY KEY, last_seen INTEGER NOT NULL, session TEXT, since INTEGER, status BLOB, fact BLOB
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL, target TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;
`

/** What a device told of its policy overrides. */
const VERSION_2 = 'ALTER TABLE last_word ADD COLUMN override BLOB'

/** From where somebody did something. */
const VERSION_3 = 'ALTER TABLE audit ADD COLUMN whence TEXT'

/** Commands to devices with what came of them; files of half a megabyte, which rows without a rowid are bad at. */
const VERSION_4 =
  'CREATE TABLE command (id TEXT PRIMARY KEY, at INTEGER NOT NULL, json TEXT NOT NULL, file BLOB) STRICT'

/** Entry n leads from layout n to n + 1; an entry that was released is never edited. */
const migrations: readonly string[] = [VERSION_1, VERSION_2, VERSION_3, VERSION_4]
const present = migrations.length

/** Throws `unsupported` for a layout that only a newer hub knows. */
export function checkLayout(layout: number): void {
  if (layout > present) throw newer(layout)
}

function versionOf(db: Database.Database): number {
  return Number(db.pragma('user_version', { simple: true }))
}

function migrate(db: Database.Database, to = present): void {
  const from = versionOf(db)
  db.transaction(() => {
    for (const step of migrations.slice(from, to)) db.exec(step)
    db.pragma(`user_version = ${to}`)
  })()
}

/**
 * An empty one. Made beside its place and renamed into it whole: an empty file in its place can then only be the work of damage.
 * Throws `unsupported` for a layout that only a newer hub knows.
 */
export function createDatabase(path: string, layout = present): void {
  checkLayout(layout)
  const draft = `${path}.new`
  for (const leftover of [draft, `${draft}-wal`, `${draft}-shm`]) rmSync(leftover, { force: true })
  closeSync(openSync(draft, 'wx', 0o600))
  const db = new Database(draft)
  db.pragma('synchronous = FULL')
  migrate(db, layout)
  db.close()
  renameSync(draft, path)
}

function newer(layout: number): HoldfastError {
  return new HoldfastError('unsupported', `it was written by a newer hub (layout ${layout})`, {
    remedy: 'Nothing was changed. Run the hub of that version, or a newer one.',
  })
}

function check(db: Database.Database): void {
  const verdict = db.pragma('quick_check', { simple: true })
  if (verdict !== 'ok') throw new HoldfastError('corrupt', String(verdict))
  const version = versionOf(db)
  checkLayout(version)
  if (version === 0) throw new HoldfastError('corrupt', 'it is empty, or it belongs to another program')
}

/** SQLite's own names for what is wrong with the place rather than with the content. */
const PLACE = /^SQLITE_(?:CANTOPEN|READONLY|PERM|FULL|BUSY|LOCKED)/

function explain(path: string, cause: unknown): HoldfastError {
  const message = `cannot use the database ${path}: ${describeError(cause)}`
  if (cause instanceof HoldfastError && cause.remedy !== undefined) {
    return new HoldfastError(cause.code, `cannot use the database ${path}: ${cause.message}`, {
      remedy: cause.remedy,
      cause,
    })
  }
  const code = (cause as { code?: string }).code ?? ''
  if (PLACE.test(code) || /^E[A-Z]+$/.test(code)) {
    return new HoldfastError('failed', message, {
      remedy: 'Check that the directory exists, has space, and belongs to the user the hub runs as.',
      cause,
    })
  }
  return new HoldfastError('corrupt', message, {
    remedy: 'Nothing was changed. Check the disk, then bring the data directory back with `holdfast-hub restore`.',
    cause,
  })
}

/** Opens or makes the database. A damaged one is never replaced by an empty one: it holds the fleet's identity. */
export function openDatabase(path: string): Database.Database {
  let db: Database.Database | undefined
  try {
    const inMemory = path === ':memory:'
    if (!inMemory && !existsSync(path)) createDatabase(path)
    db = new Database(path)
    if (inMemory) migrate(db)
    check(db)
    db.pragma('journal_mode = WAL')
    // A head that was published must never be forgotten: each transaction is on the disk before it counts.
    db.pragma('synchronous = FULL')
    migrate(db)
    return db
  } catch (cause) {
    db?.close()
    throw explain(path, cause)
  }
}
