// Sessions of people at the dashboard, in a database of their own: no backup takes it, so that none brings back a session that
// was ended. Nothing in it opens a session: of each word there is only the hash.

import { chmodSync, closeSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Role } from './access-store.ts'

export interface SessionRow {
  /** SHA-256 of the word in the cookie, hex. */
  readonly hash: string
  /** By what it was opened: `token/ID`, or `oidc/SUBJECT`. */
  readonly holder: string
  /** What the holder was worth then: a session ends where it is worth something else. */
  readonly grant: string
  /** What people read. */
  readonly name: string
  /** What the audit log calls them. */
  readonly actor: string
  readonly role: Role
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number
  readonly usedAt: number
  readonly expiresAt: number
}

export interface SessionStore {
  all(): readonly SessionRow[]
  put(row: SessionRow): void
  delete(hash: string): void
  close(): void
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS session (
    hash TEXT PRIMARY KEY, holder TEXT NOT NULL, grant_text TEXT NOT NULL, name TEXT NOT NULL, actor TEXT NOT NULL,
    role TEXT NOT NULL, created_at INTEGER NOT NULL, used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`

interface Columns {
  readonly hash: string
  readonly holder: string
  readonly grant_text: string
  readonly name: string
  readonly actor: string
  readonly role: Role
  readonly created_at: number
  readonly used_at: number
  readonly expires_at: number
}

/** `:memory:` keeps nothing. */
export function openSessionStore(path: string): SessionStore {
  if (path !== ':memory:') {
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
  }
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL')
  db.exec(SCHEMA)
  const all = db.prepare<[], Columns>('SELECT * FROM session ORDER BY used_at, hash')
  const put = db.prepare('INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const drop = db.prepare('DELETE FROM session WHERE hash = ?')
  return {
    all: () =>
      all.all().map((row) => ({
        hash: row.hash,
        holder: row.holder,
        grant: row.grant_text,
        name: row.name,
        actor: row.actor,
        role: row.role,
        createdAt: row.created_at,
        usedAt: row.used_at,
        expiresAt: row.expires_at,
      })),
    put: (row) =>
      void put.run(
        row.hash,
        row.holder,
        row.grant,
        row.name,
        row.actor,
        row.role,
        row.createdAt,
        row.usedAt,
        row.expiresAt,
      ),
    delete: (hash) => void drop.run(hash),
    close: () => void db.close(),
  }
}
