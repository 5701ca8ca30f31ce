// The hub's store in SQLite. A revision, its records and the intent it came from are on the disk before anybody hears of it.

import type Database from 'better-sqlite3'
import type { Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { auditRowsMax, deltasKeptMax } from '../../shared/limits.ts'
import type { RecordSet } from '../../shared/record/record.ts'
import type { AuditEntry, AuditQuery, AuditRow } from '../audit.ts'
import type { KeptCommand } from '../commands/asked.ts'
import type { Stored } from '../hub.ts'
import type { Allocation, Enrolment, HubStore, LastWord, NetworkState, Revision, TokenRecord } from './hub-store.ts'
import { openDatabase } from './schema.ts'

/** Old audit rows are looked for once in so many writes. */
const AUDIT_SWEEP_EVERY = 1_000

interface Json {
  readonly json: string
}

function decode(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new HoldfastError('corrupt', 'a row of the database does not read back as written', {
      remedy: 'Check the disk, then bring the data directory back with `holdfast-hub restore`.',
      cause,
    })
  }
}

const parsed = <T>(rows: readonly Json[]): T[] => rows.map((row) => decode(row.json) as T)

function changesText(revision: Revision): string {
  const put = Object.fromEntries([...revision.put].map(([id, bytes]) => [id, Buffer.from(bytes).toString()]))
  return JSON.stringify({ put, del: revision.del })
}

function changesOf(text: string): { put: RecordSet; del: readonly string[] } {
  const { put, del } = decode(text) as { put: Record<string, string>; del: string[] }
  return { put: new Map(Object.entries(put).map(([id, bytes]) => [id, new Uint8Array(Buffer.from(bytes))])), del }
}

/** Intent: resources, enrolments, addresses, tokens. */
function intentTables(db: Database.Database) {
  const resources = db.prepare<[], Json>('SELECT json FROM resource ORDER BY kind, name')
  const putResource = db.prepare('INSERT OR REPLACE INTO resource VALUES (?, ?, ?)')
  const deleteResource = db.prepare('DELETE FROM resource WHERE kind = ? AND name = ?')
  const enrolments = db.prepare<[], Json>('SELECT json FROM enrolment ORDER BY name')
  const putEnrolment = db.prepare('INSERT OR REPLACE INTO enrolment VALUES (?, ?)')
  const deleteEnrolment = db.prepare('DELETE FROM enrolment WHERE name = ?')
  const allocations = db.prepare<[], Json>('SELECT json FROM allocation ORDER BY network, owner')
  const putAllocation = db.prepare('INSERT OR REPLACE INTO allocation VALUES (?, ?, ?)')
  const deleteAllocation = db.prepare('DELETE FROM allocation WHERE network = ? AND owner = ?')
  const tokens = db.prepare<[], Json & { secret_hash: Buffer }>('SELECT secret_hash, json FROM token ORDER BY id')
  const putToken = db.prepare('INSERT OR REPLACE INTO token VALUES (?, ?, ?)')
  const deleteToken = db.prepare('DELETE FROM token WHERE id = ?')
  return {
    resources: () => parsed<Stored>(resources.all()),
    putResource: (s: Stored) => void putResource.run(s.resource.kind, s.resource.metadata.name, JSON.stringify(s)),
    deleteResource: (kind: string, name: string) => void deleteResource.run(kind, name),
    enrolments: () => parsed<Enrolment>(enrolments.all()),
    putEnrolment: (e: Enrolment) => void putEnrolment.run(e.name, JSON.stringify(e)),
    deleteEnrolment: (name: string) => void deleteEnrolment.run(name),
    allocations: () => parsed<Allocation>(allocations.all()),
    putAllocation: (a: Allocation) => void putAllocation.run(a.network, a.owner, JSON.stringify(a)),
    deleteAllocation: (network: string, owner: string) => void deleteAllocation.run(network, owner),
    tokens: () =>
      tokens.all().map((row): TokenRecord => {
        const rest = decode(row.json) as Omit<TokenRecord, 'secretHash'>
        return { ...rest, secretHash: new Uint8Array(row.secret_hash) }
      }),
    putToken: ({ secretHash, ...rest }: TokenRecord) => void putToken.run(rest.id, secretHash, JSON.stringify(rest)),
    deleteToken: (id: string) => void deleteToken.run(id),
  }
}

/** Signed state: networks, heads, records, and the last revisions for catch-up. */
function signedTables(db: Database.Database) {
  const networks = db.prepare<[], NetworkState>('SELECT name, id, epoch FROM network ORDER BY name')
  const putNetwork = db.prepare('INSERT OR REPLACE INTO network VALUES (?, ?, ?)')
  const dropNetwork = db.prepare('DELETE FROM network WHERE name = ?')
  const head = db.prepare<[string], { epoch: number; revision: number; envelope: Buffer }>(
    'SELECT * FROM head WHERE network = ?',
  )
  const putHead = db.prepare('INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?)')
  const records = db.prepare<[string], { id: string; bytes: Buffer; epoch: number; revision: number }>(
    'SELECT id, bytes, epoch, revision FROM record WHERE network = ? ORDER BY id',
  )
  const putRecord = db.prepare('INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?)')
  const deleteRecord = db.prepare('DELETE FROM record WHERE network = ? AND id = ?')
  const putRevision = db.prepare('INSERT INTO revision VALUES (?, ?, ?, ?, ?)')
  const prune = db.prepare('DELETE FROM revision WHERE network = ? AND (epoch < ? OR revision <= ?)')
  const since = db.prepare<
    [string, number, number],
    { epoch: number; revision: number; envelope: Buffer; changes: string }
  >('SELECT * FROM revision WHERE network = ? AND epoch = ? AND revision > ? ORDER BY revision')
  const saveRevision = db.transaction((id: string, r: Revision) => {
    for (const [name, bytes] of r.put) putRecord.run(id, name, bytes, r.version.epoch, r.version.revision)
    for (const name of r.del) deleteRecord.run(id, name)
    putHead.run(id, r.version.epoch, r.version.revision, r.head)
    putRevision.run(id, r.version.epoch, r.version.revision, r.head, changesText(r))
    prune.run(id, r.version.epoch, r.version.revision - deltasKeptMax)
  })
  return {
    networks: () => networks.all(),
    putNetwork: (n: NetworkState) => void putNetwork.run(n.name, n.id, n.epoch),
    published(id: string) {
      const row = head.get(id)
      if (row === undefined) return undefined
      const held = records.all(id)
      return {
        version: { epoch: row.epoch, revision: row.revision },
        head: new Uint8Array(row.envelope),
        records: new Map(held.map((record) => [record.id, new Uint8Array(record.bytes)])),
        changedAt: new Map(held.map(({ id: record, epoch, revision }) => [record, { epoch, revision }])),
      }
    },
    saveRevision: (id: string, revision: Revision) => saveRevision(id, revision),
    revisionsSince: (id: string, version: { epoch: number; revision: number }) =>
      since.all(id, version.epoch, version.revision).map((row) => ({
        version: { epoch: row.epoch, revision: row.revision },
        head: new Uint8Array(row.envelope),
        ...changesOf(row.changes),
      })),
    deleteNetwork: db.transaction((name: string, id: string) => {
      dropNetwork.run(name)
      for (const table of ['head', 'record', 'revision']) db.prepare(`DELETE FROM ${table} WHERE network = ?`).run(id)
    }),
  }
}

interface WordRow {
  readonly node: string
  readonly last_seen: number
  readonly session: string | null
  readonly since: number | null
  readonly status: Buffer | null
  readonly fact: Buffer | null
  readonly override: Buffer | null
}

interface AuditColumns extends Omit<AuditEntry, 'whence'> {
  readonly whence: string | null
}

const LAST = Number.MAX_SAFE_INTEGER

/** What happened: audit and the last word of each node. */
function historyTables(db: Database.Database) {
  const words = db.prepare<[], WordRow>('SELECT * FROM last_word ORDER BY node')
  const putWord = db.prepare('INSERT OR REPLACE INTO last_word VALUES (?, ?, ?, ?, ?, ?, ?)')
  const deleteWord = db.prepare('DELETE FROM last_word WHERE node = ?')
  const putAudit = db.prepare('INSERT INTO audit (at, actor, verb, target, detail, whence) VALUES (?, ?, ?, ?, ?, ?)')
  const sweep = db.prepare('DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?')
  const audit = db.prepare<unknown[], AuditColumns>(
    `SELECT id, at, actor, verb, target, detail, whence FROM audit
     WHERE id < ? AND at >= ? AND at <= ? AND (? IS NULL OR actor = ?) AND (? IS NULL OR verb = ?)
       AND substr(target, 1, length(?)) = ?
     ORDER BY id DESC LIMIT ?`,
  )
  return {
    lastWords: () =>
      words.all().map((row) => ({
        nodeId: row.node as LastWord['nodeId'],
        lastSeen: row.last_seen,
        ...(row.session === null ? {} : { session: row.session }),
        ...(row.since === null ? {} : { since: row.since }),
        ...(row.status === null ? {} : { status: new Uint8Array(row.status) }),
        ...(row.fact === null ? {} : { fact: new Uint8Array(row.fact) }),
        ...(row.override === null ? {} : { override: new Uint8Array(row.override) }),
      })),
    putLastWords: db.transaction((list: readonly LastWord[]) => {
      for (const { nodeId, lastSeen, session, since, status, fact, override } of list) {
        const told = [session, since, status, fact, override].map((one) => one ?? null)
        putWord.run(nodeId, lastSeen, ...told)
      }
    }),
    deleteLastWord: (node: string) => void deleteWord.run(node),
    putAudit({ actor, at, detail, target, verb, whence }: AuditRow) {
      const { lastInsertRowid } = putAudit.run(at, actor, verb, target, detail, whence ?? null)
      if (Number(lastInsertRowid) % AUDIT_SWEEP_EVERY === 0) sweep.run(auditRowsMax)
    },
    audit(limit: number, query: AuditQuery = {}): readonly AuditEntry[] {
      const { actor = null, before = LAST, since = 0, target = '', until = LAST, verb = null } = query
      return audit
        .all(before, since, until, actor, actor, verb, verb, target, target, limit)
        .map(({ whence, ...row }) => (whence === null ? row : { ...row, whence }))
    },
  }
}

/** Commands to devices, and the files that they brought. */
function commandTable(db: Database.Database) {
  const all = db.prepare<[], Json>('SELECT json FROM command ORDER BY at, id')
  const put = db.prepare(
    `INSERT INTO command VALUES (?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET json = excluded.json, file = coalesce(excluded.file, file)`,
  )
  const file = db.prepare<[string], { file: Buffer | null }>('SELECT file FROM command WHERE id = ?')
  const dropFile = db.prepare('UPDATE command SET file = NULL WHERE id = ?')
  const remove = db.prepare('DELETE FROM command WHERE id = ?')
  return {
    commands: () => parsed<KeptCommand>(all.all()),
    putCommand: (command: KeptCommand, bytes?: Uint8Array) =>
      void put.run(command.view.id, command.view.createdAt, JSON.stringify(command), bytes ?? null),
    commandFile(id: string) {
      const held = file.get(id)?.file ?? undefined
      return held === undefined ? undefined : new Uint8Array(held)
    },
    dropCommandFile: (id: string) => void dropFile.run(id),
    deleteCommand: (id: string) => void remove.run(id),
  }
}

function values(db: Database.Database) {
  const get = db.prepare<[string], { value: string }>('SELECT value FROM value WHERE name = ?')
  const put = db.prepare('INSERT OR REPLACE INTO value VALUES (?, ?)')
  return {
    value: (name: string) => get.get(name)?.value,
    putValue: (name: string, value: string) => void put.run(name, value),
  }
}

/**
 * Opens or makes the database. Never starts empty in place of a damaged one. `:memory:` keeps nothing. `onOpen` sees the
 * connection before the first change goes through it.
 */
export function openHubStore(path: string, log: Log, onOpen?: (db: Database.Database) => void): HubStore {
  const db = openDatabase(path)
  onOpen?.(db)
  log.debug('hub database is open', { path })
  return {
    transaction: (run) => db.transaction(run)(),
    ...values(db),
    ...intentTables(db),
    ...signedTables(db),
    ...historyTables(db),
    ...commandTable(db),
    close: () => void db.close(),
  }
}
