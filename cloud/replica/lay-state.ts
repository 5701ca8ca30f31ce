// A data directory from the state in the cluster. What lay there before is a copy of a former state, which is dropped; or a
// hub's own from before it had replicas, which is set aside and never deleted.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import { makePrivateDirectory, writeAtomic } from '../../shared/host/files.ts'
import { openAccessStore } from '../access/access-store.ts'
import { backupFiles, filesOf } from '../backup/archive.ts'
import { createDatabase } from '../store/schema.ts'
import { damaged } from './head.ts'
import type { DatabaseName, Row } from './rows.ts'
import type { ReadState } from './state-copy.ts'

/** Lies in a directory whose content is in the cluster, too. */
const MARK = 'mirrored'
const ASIDE = 'set-aside'
const DRAFT = 'draft'

function fill(path: string, rows: ReadState['rows'], name: DatabaseName): void {
  const db = new Database(path)
  try {
    db.transaction(() => {
      for (const { row, table } of rows) {
        if (table.database === name) insert(db, table.name, row)
      }
    })()
    // Whole in one file before it gets its name.
    db.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
}

function insert(db: Database.Database, table: string, row: Row): void {
  const columns = Object.keys(row)
  if (columns.some((column) => !/^[a-z_]+$/.test(column))) throw damaged(`a row of ${table} has strange columns`)
  const places = columns.map(() => '?').join(', ')
  db.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`).run(Object.values(row))
}

function layDraft(draft: string, { files, head, rows }: ReadState): void {
  rmSync(draft, { recursive: true, force: true })
  makePrivateDirectory(draft)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(draft, name)), { recursive: true, mode: 0o700 })
    writeAtomic(join(draft, name), text)
  }
  try {
    createDatabase(join(draft, 'hub.db'), head.layout.hub)
    fill(join(draft, 'hub.db'), rows, 'hub')
    openAccessStore(join(draft, 'access.db')).close()
    fill(join(draft, 'access.db'), rows, 'access')
  } catch (cause) {
    if (isHoldfastError(cause, 'unsupported')) throw cause
    throw damaged(`its rows make no database: ${describeError(cause)}`, cause)
  }
}

/** Files of a hub, by their paths in its directory. */
function present(directory: string): readonly string[] {
  const names = filesOf(() => true).flatMap((name) =>
    name.endsWith('.db') ? [name, `${name}-wal`, `${name}-shm`] : name,
  )
  return [...names, 'staged.json', 'cli.token', 'cli.url'].filter((name) => existsSync(join(directory, name)))
}

export function isMirrored(directory: string): boolean {
  return existsSync(join(directory, MARK))
}

/** Whether a hub has ever lived there. */
export function holdsHub(directory: string): boolean {
  return backupFiles.some((name) => existsSync(join(directory, name)))
}

/** From now on what lies there is in the cluster as well. */
export function markMirrored(directory: string): void {
  writeAtomic(join(directory, MARK), '')
}

/** A name that is not taken yet. */
function asideIn(directory: string): string {
  const root = join(directory, ASIDE)
  makePrivateDirectory(root)
  const count = readdirSync(root).length
  return join(root, String(count + 1))
}

/**
 * Lays `state` into `directory`, as the hub's own. Returns where what was there lies now; undefined where it was a copy, or
 * nothing. A crash in between leaves no mark with half a state: the next start lays it anew.
 */
export function layState(directory: string, state: ReadState): string | undefined {
  makePrivateDirectory(directory)
  const draft = join(directory, DRAFT)
  layDraft(draft, state)
  const old = present(directory)
  const aside = old.length === 0 || isMirrored(directory) ? undefined : asideIn(directory)
  for (const name of old) {
    if (aside === undefined) {
      rmSync(join(directory, name), { force: true })
      continue
    }
    mkdirSync(dirname(join(aside, name)), { recursive: true, mode: 0o700 })
    renameSync(join(directory, name), join(aside, name))
  }
  markMirrored(directory)
  for (const name of ['hub.db', 'access.db', ...Object.keys(state.files)]) {
    mkdirSync(dirname(join(directory, name)), { recursive: true, mode: 0o700 })
    renameSync(join(draft, name), join(directory, name))
  }
  rmSync(draft, { recursive: true, force: true })
  return aside
}
