// The ledger on a disk: what was put there comes back, bounds hold, and whatever others do to the file is found.

import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { type FlowBatch, parseBatch } from '../../shared/flows/batch.ts'
import { sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { parseNetworkId, parseNodeId } from '../../shared/ids.ts'
import { flowLedgerAgeMsMax } from '../../shared/limits.ts'
import { flowBatchesPageMax } from '../../shared/suggest-limits.ts'
import { queryBatches } from './batches.ts'
import type { LedgerOptions } from './ledger.ts'
import { openLedger } from './sqlite-ledger.ts'

let directory = ''
let clock = new FakeClock()

function options(more: Partial<LedgerOptions> = {}): LedgerOptions {
  return {
    network: parseNetworkId('a'.repeat(12)),
    node: parseNodeId('b'.repeat(16)),
    signer: signerFromSeed(new Uint8Array(32).fill(7)),
    keys: () => [],
    sha256,
    verify,
    clock,
    log: memoryLog(),
    ...more,
  }
}

function batch(to: number, word = '1'): FlowBatch {
  const counts = { by: 'nft', epoch: 'e', total: { packets: 1, bytes: 2 } } as const
  return { from: to - 10, to, boot: 1, revision: word, counts, ends: [], records: [], lostBefore: [] }
}

const path = (): string => join(directory, 'flows.db')

test.before.each(() => {
  directory = mkdtempSync(join(tmpdir(), 'hf-flows-'))
  clock = new FakeClock()
})
test.after.each(() => rmSync(directory, { recursive: true, force: true }))

function fill(count: number, more: Partial<LedgerOptions> = {}): void {
  const { ledger } = openLedger(path(), options(more))
  for (let n = 1; n <= count; n++) ledger.append(batch(clock.now() + n, String(n)))
  ledger.close()
}

function change(sql: string): void {
  const db = new Database(path())
  db.exec(sql)
  db.close()
}

test('batches come back, the newest first, also for the next process', () => {
  fill(5)
  const { ledger, setAside } = openLedger(path(), options())
  assert.is(setAside, undefined)
  assert.is(ledger.last()?.seq, 5)
  assert.equal(
    Array.from(ledger.newest(2, 0), ({ batch: { revision }, seq }) => [seq, revision]),
    [
      [5, '5'],
      [4, '4'],
      [3, '3'],
    ],
  )
  assert.equal(
    Array.from(ledger.newest(0, clock.now() + 5), ({ seq }) => seq),
    [5],
  )
  assert.is(ledger.fault(), undefined)
  ledger.append(batch(clock.now() + 9))
  assert.is(ledger.last()?.seq, 6)
  ledger.close()
})

test('size and age are bounded, and what is left is still whole', () => {
  fill(200, { bytesMax: 8_192 })
  const small = openLedger(path(), options({ bytesMax: 8_192 })).ledger
  const left = Array.from(small.newest(0, 0)).length
  assert.ok(left > 10 && left < 80, String(left))
  assert.is(small.fault(), undefined)
  clock.advance(flowLedgerAgeMsMax + 1_000)
  small.append(batch(clock.now()))
  small.append(batch(clock.now()))
  assert.is(Array.from(small.newest(0, 0)).length, 2)
  assert.is(small.fault(), undefined)
  small.close()
})

for (const [what, sql, fault] of [
  [
    'an edited batch',
    `UPDATE link SET batch = CAST(replace(CAST(batch AS TEXT), '"3"', '"9"') AS BLOB) WHERE seq = 3`,
    'batch 3 was changed',
  ],
  ['a batch cut out', 'DELETE FROM link WHERE seq = 3', 'batch 3 is missing'],
] as const) {
  test(`${what} in the middle is found when somebody looks`, () => {
    fill(5)
    change(sql)
    const { ledger } = openLedger(path(), options())
    assert.is(ledger.fault(), fault)
    ledger.close()
  })
}

for (const [what, sql] of [
  ['its end', 'DELETE FROM link WHERE seq = 5'],
  ['its beginning', 'DELETE FROM link WHERE seq = 1'],
  ['the oldest batch, edited', `UPDATE link SET batch = CAST('{}' AS BLOB) WHERE seq = 1`],
  ['all of it', 'DELETE FROM link'],
  ['its checkpoint', 'DELETE FROM checkpoint'],
  ['the signature', 'UPDATE checkpoint SET envelope = zeroblob(200)'],
] as const) {
  test(`a ledger without ${what} is set aside at the start, and a new one begins`, () => {
    fill(5)
    change(sql)
    copyFileSync(path(), join(directory, 'looked.db'))
    assert.throws(() => openLedger(join(directory, 'looked.db'), options({ look: true })))
    assert.ok(existsSync(join(directory, 'looked.db')), 'who only looks moves nothing')
    const { ledger, setAside } = openLedger(path(), options())
    assert.match(setAside ?? '', 'flows.db.damaged-1')
    assert.is(ledger.last(), undefined)
    ledger.append(batch(clock.now()))
    ledger.close()
  })
}

test('the ledger of another node, and one that is no database, are set aside', () => {
  fill(1)
  const other = openLedger(path(), options({ node: parseNodeId('c'.repeat(16)) }))
  assert.ok(other.setAside)
  other.ledger.close()
})

test('a device that has another key by now still reads what the former one signed', () => {
  fill(2)
  const former = signerFromSeed(new Uint8Array(32).fill(7)).publicKey
  const signer = signerFromSeed(new Uint8Array(32).fill(9))
  const { ledger, setAside } = openLedger(path(), options({ signer, keys: () => [former] }))
  assert.is(setAside, undefined)
  ledger.append(batch(clock.now()))
  assert.is(ledger.fault(), undefined)
  ledger.close()
})

test('a full disk refuses, changes nothing, and what comes after goes on', () => {
  const { ledger } = openLedger(path(), options({ bytesMax: 10_000 }))
  ledger.append(batch(clock.now()))
  const huge = {
    ...batch(clock.now()),
    revision: 'x'.repeat(255),
    ends: Array.from({ length: 900 }, (_, n) => ({
      address: `10.0.${n >> 8}.${n & 255}` as never,
      name: 'y'.repeat(250),
    })),
  }
  let refused = 0
  for (let n = 0; n < 20; n++) {
    try {
      ledger.append(huge)
    } catch {
      refused += 1
    }
  }
  ledger.append(batch(clock.now()))
  assert.is(ledger.fault(), undefined)
  assert.ok(refused > 0)
  ledger.close()
})

test('pages of batches are as they were written, the newest first, each once', () => {
  fill(2_500)
  const { ledger } = openLedger(path(), options({ look: true }))
  const seen: number[] = []
  const pages: number[] = []
  for (let beforeSeq: number | undefined; ; ) {
    const { entries } = queryBatches(ledger, { sinceMs: clock.now() + 100, beforeSeq })
    for (const { batch: text, seq } of entries) {
      assert.is(parseBatch(utf8(text)).revision, String(seq))
      seen.push(seq)
    }
    if (entries.length === 0) break
    pages.push(entries.length)
    beforeSeq = entries.at(-1)?.seq
  }
  ledger.close()
  assert.equal(
    seen,
    Array.from({ length: 2_401 }, (_, n) => 2_500 - n),
  )
  assert.ok(pages.length > 2 && Math.max(...pages) <= flowBatchesPageMax, pages.join())
})

test.run()
