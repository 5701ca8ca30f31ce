// The ledger in SQLite, in a file of its own beside the agent's state: it grows and is written all the time, and nothing of
// that may cost the state anything, neither its start nor its health. Write-ahead log without a sync: a power cut costs the
// last seconds, and links and checkpoint go back together.

import Database from 'better-sqlite3'
import { fromHex, sameBytes, toHex, utf8 } from '../../shared/bytes.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { encodeBatch, parseBatch } from '../../shared/flows/batch.ts'
import {
  type Checkpoint,
  faultOfChain,
  type Link,
  linkHash,
  noLink,
  openCheckpoint,
  signCheckpoint,
} from '../../shared/flows/chain.ts'
import type { LedgerEntry } from '../../shared/flows/query.ts'
import { setAside } from '../../shared/host/damage.ts'
import { flowLedgerAgeMsMax, flowLedgerBytesMax } from '../../shared/limits.ts'
import { type TrustedKeys, trustedKeys } from '../../shared/record/envelope.ts'
import { isDamage, storeError } from '../store/schema.ts'
import type { FlowLedger, LedgerOptions, OpenedLedger } from './ledger.ts'

/** "hffl" */
const APPLICATION_ID = 0x6866666c
const TABLES = `
  CREATE TABLE IF NOT EXISTS link (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, hash BLOB NOT NULL, batch BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), envelope BLOB NOT NULL) STRICT;
`
const PAGE_BYTES = 4_096
const LOG_BYTES_MAX = 1 << 20
const CACHE_KIB = 256
const BUSY_MS = 3_000
/** As it stands in the canonical bytes of a batch; a name has its quotes escaped there. */
const DAMAGED = utf8('"why":"damaged"')
/** Rows let go with one batch: a clock that leaps ahead must not empty the ledger. */
const LET_GO_MAX = 64
/** Behind every number. */
const NO_END = Number.MAX_SAFE_INTEGER

function connect(path: string, bytesMax: number): Database.Database {
  const db = new Database(path, { timeout: BUSY_MS })
  try {
    db.pragma('locking_mode = EXCLUSIVE')
    db.pragma(`cache_size = -${CACHE_KIB}`)
    db.pragma('journal_mode = WAL')
    db.pragma(`journal_size_limit = ${LOG_BYTES_MAX}`)
    db.pragma('synchronous = NORMAL')
    const made = db.pragma('application_id', { simple: true })
    if (made !== 0 && made !== APPLICATION_ID) throw new HoldfastError('corrupt', 'the flow ledger is another file')
    db.exec(TABLES)
    if (made === 0) db.pragma(`application_id = ${APPLICATION_ID}`)
    db.pragma(`max_page_count = ${Math.ceil((bytesMax * 1.5) / PAGE_BYTES) + 64}`)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

interface Row {
  readonly seq: number
  readonly at: number
  readonly hash: Uint8Array
  readonly batch: Uint8Array
}

function prepareAll(db: Database.Database) {
  return {
    add: db.prepare('INSERT INTO link (seq, at, hash, batch) VALUES (?, ?, ?, ?)'),
    oldest: db.prepare<[], Row>('SELECT seq, at, hash, batch FROM link ORDER BY seq LIMIT 1'),
    newest: db.prepare<[number, number, number], Row>(
      'SELECT seq, at, hash, batch FROM link WHERE seq > ? AND at >= ? AND seq < ? ORDER BY seq DESC',
    ),
    all: db.prepare<[], Row>('SELECT seq, at, hash, batch FROM link ORDER BY seq'),
    from: db.prepare<[number], Row>('SELECT seq, at, hash, batch FROM link WHERE seq >= ? ORDER BY seq'),
    hashOf: db.prepare<[number], Uint8Array>('SELECT hash FROM link WHERE seq = ?').pluck(),
    damaged: db.prepare<[Uint8Array], Pick<Row, 'seq' | 'hash'>>(
      'SELECT seq, hash FROM link WHERE instr(batch, ?) > 0 ORDER BY seq DESC LIMIT 1',
    ),
    letGo: db.prepare('DELETE FROM link WHERE seq = ?'),
    bytes: db.prepare<[], number>('SELECT coalesce(sum(length(batch)), 0) FROM link').pluck(),
    checkpoint: db.prepare<[], Uint8Array>('SELECT envelope FROM checkpoint').pluck(),
    putCheckpoint: db.prepare('INSERT OR REPLACE INTO checkpoint (id, envelope) VALUES (1, ?)'),
  } as const
}

type Statements = ReturnType<typeof prepareAll>

function* entriesOf(rows: Iterable<Row>): Iterable<LedgerEntry> {
  for (const { batch, seq } of rows) yield { seq, batch: parseBatch(batch) }
}

function* linksOf(rows: Iterable<Row>): Iterable<Link> {
  for (const { batch, hash, seq } of rows) yield { seq, hash, batch }
}

function trustOf({ keys, sha256, signer }: LedgerOptions): TrustedKeys {
  return trustedKeys([signer.publicKey, ...keys()], sha256)
}

function readCheckpoint(sql: Statements, options: LedgerOptions): Checkpoint {
  const { network, node, verify } = options
  const envelope = sql.checkpoint.get()
  if (envelope === undefined) {
    if (sql.oldest.get() !== undefined) throw new HoldfastError('corrupt', 'the checkpoint is missing')
    return { network, node, count: 0, head: toHex(noLink), oldest: 1, before: toHex(noLink) }
  }
  const held = openCheckpoint(envelope, trustOf(options), verify)
  if (held.network === network && held.node === node) return held
  throw new HoldfastError('corrupt', 'the flow ledger is of another node')
}

/** What shows without looking at every link: whether it ends and begins as was signed. */
function checkEnds(sql: Statements, { before, count, head, oldest }: Checkpoint, { sha256 }: LedgerOptions): void {
  if (count === 0) return
  const [first] = sql.oldest.all()
  const last = sql.newest.get(0, 0, NO_END)
  const whole = first?.seq === oldest && last?.seq === count && toHex(last.hash) === head
  if (!whole) throw new HoldfastError('corrupt', `batches are missing, of ${oldest} to ${count} that were signed`)
  if (sameBytes(linkHash(fromHex(before), first.seq, first.batch, sha256), first.hash)) return
  throw new HoldfastError('corrupt', `batch ${oldest} was changed`)
}

function createLedger(db: Database.Database, options: LedgerOptions): FlowLedger {
  const { clock, sha256, signer } = options
  const bytesMax = options.bytesMax ?? flowLedgerBytesMax
  const sql = prepareAll(db)
  let held = readCheckpoint(sql, options)
  checkEnds(sql, held, options)
  let bytes = sql.bytes.get() ?? 0
  /** So many batches are known to be on the disk. */
  let secured = 0

  /** Inside a transaction. Returns where the chain begins then, and its bytes. */
  const letGo = (from: Checkpoint, total: number): { readonly checkpoint: Checkpoint; readonly bytes: number } => {
    let { before, oldest } = from
    let left = total
    for (let n = 0; n < LET_GO_MAX; n++) {
      const row = sql.oldest.get()
      const isOld = row !== undefined && row.at < clock.now() - flowLedgerAgeMsMax
      if (row === undefined || row.seq >= from.count || !(left > bytesMax || isOld)) break
      sql.letGo.run(row.seq)
      left -= row.batch.length
      oldest = row.seq + 1
      before = toHex(row.hash)
    }
    return { checkpoint: { ...from, oldest, before }, bytes: left }
  }

  return {
    append(batch) {
      const encoded = encodeBatch(batch)
      const seq = held.count + 1
      const hash = linkHash(fromHex(held.head), seq, encoded, sha256)
      const write = db.transaction(() => {
        sql.add.run(seq, batch.to, hash, encoded)
        const next = letGo({ ...held, count: seq, head: toHex(hash) }, bytes + encoded.length)
        sql.putCheckpoint.run(signCheckpoint(next.checkpoint, signer, sha256))
        return next
      })
      try {
        const next = write.immediate()
        held = next.checkpoint
        bytes = next.bytes
      } catch (error) {
        throw storeError(error, 'write the flow ledger')
      }
    },
    last() {
      const [entry] = entriesOf(sql.newest.all(held.count - 1, 0, NO_END))
      return entry
    },
    newest: (afterSeq, sinceMs) => entriesOf(sql.newest.iterate(afterSeq, sinceMs, NO_END)),
    encoded: (sinceMs, beforeSeq) => linksOf(sql.newest.iterate(0, sinceMs, beforeSeq)),
    checkpoint: () => held,
    hashOf: (seq) => sql.hashOf.get(seq),
    from: (seq) => linksOf(sql.from.iterate(seq)),
    newestDamaged: () => sql.damaged.get(DAMAGED),
    secure() {
      if (secured === held.count) return
      try {
        db.pragma('synchronous = FULL')
        // With what was written before it: the log is one file.
        sql.putCheckpoint.run(signCheckpoint(held, signer, sha256))
        secured = held.count
      } catch (error) {
        throw storeError(error, 'secure the flow ledger')
      } finally {
        db.pragma('synchronous = NORMAL')
      }
    },
    fault() {
      try {
        return faultOfChain(linksOf(sql.all.iterate()), readCheckpoint(sql, options), sha256)
      } catch (error) {
        return describeError(error)
      }
    },
    close: () => void db.close(),
  }
}

function tryOpen(path: string, options: LedgerOptions): FlowLedger {
  const db = connect(path, options.bytesMax ?? flowLedgerBytesMax)
  try {
    return createLedger(db, options)
  } catch (error) {
    db.close()
    throw error
  }
}

/** Not the doing of a disk that is full or slow: what stands there is not what this device wrote. */
function isBroken(error: unknown): boolean {
  if (error instanceof HoldfastError)
    return ['corrupt', 'bad-signature', 'untrusted', 'invalid', 'too-large'].includes(error.code)
  return isDamage(error)
}

/** One that is not whole is kept beside as `<path>.damaged-<n>`, for whoever asks what happened, and a new one begins. */
export function openLedger(path: string, options: LedgerOptions): OpenedLedger {
  try {
    return { ledger: tryOpen(path, options) }
  } catch (error) {
    if (!isBroken(error) || options.look === true) throw storeError(error, 'open the flow ledger')
    const why = describeError(error)
    const aside = setAside(path)
    options.log.error('the flow ledger is not whole and has been set aside', { reason: why, aside })
    return { ledger: tryOpen(path, options), setAside: `${why}; kept as ${aside}` }
  }
}
