// Who may speak to the hub: broker credentials of devices and API tokens of people, hashed, in a database of their own.
// Apart from intent, because it is read at every connection and no query of intent should ever reach it.

import { chmodSync, closeSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'
import { HoldfastError } from '../../shared/errors.ts'
import { type NetworkId, type NodeId, parseNetworkId, parseNodeId } from '../../shared/ids.ts'

export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

export interface Credential {
  readonly node: NodeId
  readonly network: NetworkId
  /** SHA-256 of a random password; nothing slower is needed, because there is nothing to guess. */
  readonly passwordHash: Uint8Array
}

export interface ApiTokenRow {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly createdAt: number
  /** Undefined: does not expire. */
  readonly expiresAt: number | undefined
}

export interface AccessStore {
  credential(node: NodeId): Credential | undefined
  putCredential(credential: Credential): void
  deleteCredential(node: NodeId): boolean
  credentials(): readonly Credential[]
  apiToken(id: string): { readonly row: ApiTokenRow; readonly hash: Uint8Array } | undefined
  putApiToken(row: ApiTokenRow, hash: Uint8Array): void
  deleteApiToken(id: string): boolean
  apiTokens(): readonly ApiTokenRow[]
  backup(path: string): Promise<void>
  close(): void
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS credential (
    node TEXT PRIMARY KEY, network TEXT NOT NULL, password_hash BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS api_token (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, hash BLOB NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER
  ) STRICT, WITHOUT ROWID;
`

interface CredentialRow {
  readonly node: string
  readonly network: string
  readonly password_hash: Buffer
}

interface TokenRecord {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly hash: Buffer
  readonly created_at: number
  readonly expires_at: number | null
}

function credentialOf(row: CredentialRow): Credential {
  return {
    node: parseNodeId(row.node),
    network: parseNetworkId(row.network),
    passwordHash: new Uint8Array(row.password_hash),
  }
}

function tokenOf(row: TokenRecord): ApiTokenRow {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
  }
}

/** Hashes are no secrets to use, but nobody else's business; what SQLite lays beside the file takes its mode. */
function ownFile(path: string): void {
  if (path === ':memory:') return
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
}

function open(path: string): Database.Database {
  try {
    ownFile(path)
    const db = new Database(path)
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.exec(SCHEMA)
    return db
  } catch (cause) {
    throw new HoldfastError('corrupt', `cannot open ${path}: ${(cause as Error).message}`, {
      cause,
      remedy: 'Check the disk, then bring the data directory back with `holdfast-hub restore`.',
    })
  }
}

/** `:memory:` keeps nothing. `onOpen` sees the connection before the first change goes through it. */
export function openAccessStore(path: string, onOpen?: (db: Database.Database) => void): AccessStore {
  const db = open(path)
  onOpen?.(db)
  const one = db.prepare<[string], CredentialRow>('SELECT * FROM credential WHERE node = ?')
  const put = db.prepare('INSERT OR REPLACE INTO credential VALUES (?, ?, ?)')
  const drop = db.prepare('DELETE FROM credential WHERE node = ?')
  const all = db.prepare<[], CredentialRow>('SELECT * FROM credential ORDER BY node')
  const token = db.prepare<[string], TokenRecord>('SELECT * FROM api_token WHERE id = ?')
  const putToken = db.prepare('INSERT OR REPLACE INTO api_token VALUES (?, ?, ?, ?, ?, ?)')
  const dropToken = db.prepare('DELETE FROM api_token WHERE id = ?')
  const tokens = db.prepare<[], TokenRecord>('SELECT * FROM api_token ORDER BY created_at, id')
  return {
    credential(node) {
      const row = one.get(node)
      return row === undefined ? undefined : credentialOf(row)
    },
    putCredential: (c) => void put.run(c.node, c.network, c.passwordHash),
    deleteCredential: (node) => drop.run(node).changes > 0,
    credentials: () => all.all().map(credentialOf),
    apiToken(id) {
      const row = token.get(id)
      return row === undefined ? undefined : { row: tokenOf(row), hash: new Uint8Array(row.hash) }
    },
    putApiToken: (t, hash) => void putToken.run(t.id, t.name, t.role, hash, t.createdAt, t.expiresAt ?? null),
    deleteApiToken: (id) => dropToken.run(id).changes > 0,
    apiTokens: () => tokens.all().map(tokenOf),
    backup: async (target) => void (await db.backup(target)),
    close: () => void db.close(),
  }
}
