// What the hub makes of a window, case by case; and of any other window that a lying device may sign.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, toHex, utf8 } from '../../shared/bytes.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { linkHash, noLink } from '../../shared/flows/chain.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { parseNetworkId, parseNodeId } from '../../shared/ids.ts'
import type { LedgerStatement } from '../../shared/wire/ledger.ts'
import { judgeWindow, type LedgerEnd, noEnd } from './judge.ts'

interface Record {
  readonly batches: readonly Uint8Array[]
  readonly hashes: readonly Uint8Array[]
}

function recordOf(count: number, word = 'a', after: Record = { batches: [], hashes: [] }): Record {
  const [batches, hashes] = [[...after.batches], [...after.hashes]]
  while (batches.length < count) {
    const batch = utf8(`${word}${batches.length + 1}`)
    hashes.push(linkHash(hashes.at(-1) ?? noLink, batches.length + 1, batch, sha256))
    batches.push(batch)
  }
  return { batches, hashes }
}

const hashAt = ({ hashes }: Record, seq: number): string => toHex(hashes[seq - 1] ?? noLink)
const endAt = (record: Record, count: number): LedgerEnd => ({ count, head: hashAt(record, count) })

function statementOf(record: Record, first: number, last: number, oldest = 1): LedgerStatement {
  const count = record.batches.length
  return {
    network: parseNetworkId('a'.repeat(12)),
    node: parseNodeId('b'.repeat(16)),
    word: 'a'.repeat(16),
    count,
    head: hashAt(record, count),
    oldest,
    before: hashAt(record, oldest - 1),
    first,
    last,
    hash: hashAt(record, last),
  }
}

const doors = { sha256, isHeld: () => false }

function judge(record: Record, known: LedgerEnd, first: number, last: number, oldest = 1) {
  return judgeWindow(statementOf(record, first, last, oldest), known, record.batches.slice(first - 1, last), doors)
}

/** What it comes to, in a word and numbers. */
function told(verdict: ReturnType<typeof judgeWindow>): string {
  if (verdict.kind === 'fault') return verdict.code
  if (verdict.kind === 'known') return 'known'
  const { anew, links, missing } = verdict
  const gap = missing === undefined ? '' : ` without ${missing.first}-${missing.last}`
  return `takes ${links[0]?.seq}-${links.at(-1)?.seq}${gap}${anew ? ', anew' : ''}`
}

const ten = recordOf(10)
const fork = recordOf(12, 'b', recordOf(5))

test('what follows is taken, wherever it begins', () => {
  assert.is(told(judge(ten, noEnd, 1, 4)), 'takes 1-4')
  assert.is(told(judge(ten, endAt(ten, 4), 5, 10)), 'takes 5-10')
  assert.is(told(judge(ten, endAt(ten, 10), 11, 10)), 'known')
  assert.is(told(judge(ten, endAt(ten, 4), 3, 6)), 'known', 'what is here already is not taken twice')
})

test('what was let go of before it came is missing, by its numbers', () => {
  assert.is(told(judge(ten, noEnd, 4, 10, 4)), 'takes 4-10 without 1-3')
  assert.is(told(judge(ten, endAt(ten, 2), 6, 8, 6)), 'takes 6-8 without 3-5')
  assert.is(told(judge(ten, endAt(ten, 3), 4, 8, 4)), 'takes 4-8')
  const held = { sha256, isHeld: () => true }
  const again = judgeWindow(statementOf(ten, 4, 10, 4), noEnd, ten.batches.slice(3), held)
  assert.is(told(again), 'takes 4-10', 'not what the hub had before')
})

test('shorter than it was, another one, or edited: each by its name', () => {
  assert.is(told(judge(recordOf(7), endAt(ten, 10), 8, 7)), 'flow-ledger-cut')
  assert.is(told(judge(fork, endAt(ten, 10), 13, 12)), 'flow-ledger-forked')
  assert.is(told(judge(recordOf(10, 'b'), endAt(ten, 10), 11, 10)), 'flow-ledger-forked')
  assert.is(told(judge(fork, endAt(ten, 8), 9, 12)), 'flow-ledger-edited')
  const edited = judgeWindow(statementOf(ten, 1, 3), noEnd, [utf8('a1'), utf8('x2'), utf8('a3')], doors)
  assert.is(told(edited), 'flow-ledger-edited')
})

test('begun anew by its own word: once, and from its very beginning', () => {
  const began = { seq: 6, hash: hashAt(fork, 6) }
  const statement = { ...statementOf(fork, 1, 12), began }
  assert.is(told(judgeWindow(statement, endAt(ten, 10), fork.batches, doors)), 'takes 1-12, anew')
  const held = { sha256, isHeld: (seq: number) => seq === 6 }
  assert.is(told(judgeWindow(statement, endAt(ten, 10), fork.batches, held)), 'flow-ledger-forked')
  const late = { ...statementOf(fork, 7, 12), began }
  assert.throws(() => judgeWindow(late, endAt(ten, 10), fork.batches.slice(6), doors), /does not begin/)
})

test('numbers that don’t fit each other are refused', () => {
  const good = statementOf(ten, 1, 4)
  for (const bad of [
    { last: 5 },
    { first: 0, last: 3 },
    { last: 11, first: 8 },
    { oldest: 12 },
    { first: 7, last: 10, hash: hashAt(ten, 9) },
  ]) {
    assert.throws(
      () => judgeWindow({ ...good, ...bad }, noEnd, ten.batches.slice(0, 4), doors),
      (error: unknown) => isHoldfastError(error, 'invalid'),
    )
  }
})

test('whatever a device signs: what is taken hangs on what is here, or begins where it says, and ends as it signed', () => {
  const number = fc.integer({ min: 0, max: 14 })
  const some = fc.constantFrom(ten, fork, recordOf(3), recordOf(14, 'c', recordOf(2)))
  const any = fc.record({ known: number, first: number, last: number, count: number, oldest: number, head: number })
  fc.assert(
    fc.property(some, some, any, fc.boolean(), (here, theirs, { count, first, head, known, last, oldest }, isAnew) => {
      const end = endAt(here, Math.min(known, here.batches.length))
      const statement: LedgerStatement = {
        ...statementOf(theirs, first, last, Math.max(1, oldest)),
        count,
        head: hashAt(theirs, head),
        ...(isAnew ? { began: { seq: 1, hash: hashAt(theirs, 1) } } : {}),
      }
      const batches = theirs.batches.slice(Math.max(0, first - 1), last)
      let verdict: ReturnType<typeof judgeWindow>
      try {
        verdict = judgeWindow(statement, end, batches, doors)
      } catch (error) {
        assert.ok(isHoldfastError(error, 'invalid'))
        return
      }
      if (verdict.kind !== 'takes') return
      const [link] = verdict.links
      const before = first === end.count + 1 && !verdict.anew ? end.head : statement.before
      let hash = Uint8Array.from(Buffer.from(before, 'hex'))
      for (const { batch, seq } of verdict.links) hash = Uint8Array.from(linkHash(hash, seq, batch, sha256))
      assert.equal([link?.seq, toHex(hash)], [first, statement.hash])
      assert.equal(toHex(concat(...verdict.links.map((one) => one.batch))), toHex(concat(...batches)))
      assert.ok(verdict.anew || first > end.count, 'nothing that is here is taken again')
    }),
    { numRuns: 5_000 },
  )
})

test.run()
