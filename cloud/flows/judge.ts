// What a window of a device's record of flows is worth, given what the hub has of that record. Pure.

import { fromHex, toHex } from '../../shared/bytes.ts'
import type { Sha256 } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { type Link, linkHash, noLink } from '../../shared/flows/chain.ts'
import type { LedgerStatement } from '../../shared/wire/ledger.ts'

/** The end of a record, as far as the hub has it; 0 where it has nothing. */
export interface LedgerEnd {
  readonly count: number
  /** Hash of the last batch, hex. */
  readonly head: string
}

export const noEnd: LedgerEnd = { count: 0, head: toHex(noLink) }

/** Numbers of batches that a device let go of before the hub had them. */
export interface Missing {
  readonly first: number
  readonly last: number
}

export type Verdict =
  | {
      readonly kind: 'takes'
      readonly links: readonly Link[]
      readonly missing?: Missing
      /** It is another record than the one before, and says why. */
      readonly anew: boolean
    }
  /** It says what is known already. */
  | { readonly kind: 'known' }
  | {
      readonly kind: 'fault'
      readonly code: 'flow-ledger-cut' | 'flow-ledger-forked' | 'flow-ledger-edited'
      readonly detail: string
    }

export interface JudgeDoors {
  readonly sha256: Sha256
  /** The hub has that very batch. */
  readonly isHeld: (seq: number, hash: Uint8Array) => boolean
}

function linksOf(before: Uint8Array, first: number, batches: readonly Uint8Array[], sha256: Sha256): readonly Link[] {
  let hash = before
  return batches.map((batch, at) => {
    const seq = first + at
    hash = linkHash(hash, seq, batch, sha256)
    return { seq, hash, batch }
  })
}

function checkNumbers({ count, first, hash, head, last, oldest }: LedgerStatement, batches: number): void {
  const fits = first >= 1 && last === first + batches - 1 && last <= count && oldest <= count + 1
  if (fits && (last < count || hash === head)) return
  throw new HoldfastError('invalid', `a window of ${batches} batches says ${first} to ${last}, of ${count}`)
}

function endOf(statement: LedgerStatement, after: Uint8Array, batches: readonly Uint8Array[], sha256: Sha256) {
  const links = linksOf(after, statement.first, batches, sha256)
  const hash = toHex(links.at(-1)?.hash ?? after)
  return { links, isSigned: hash === statement.hash }
}

/** Behind `known`, and before what came: not where the hub had that before it began anew. */
function missingOf({ before, first }: LedgerStatement, known: number, isHeld: JudgeDoors['isHeld']) {
  if (first <= known + 1 || isHeld(first - 1, fromHex(before))) return {}
  return { missing: { first: known + 1, last: first - 1 } }
}

/** A record is begun anew, by its own word, where that word is new. */
function judgeAnew(
  statement: LedgerStatement,
  began: NonNullable<LedgerStatement['began']>,
  known: LedgerEnd,
  batches: readonly Uint8Array[],
  { isHeld, sha256 }: JudgeDoors,
): Verdict {
  const { before, count, first, oldest } = statement
  if (isHeld(began.seq, fromHex(began.hash))) return other(known, count)
  const { isSigned, links } = endOf(statement, fromHex(before), batches, sha256)
  if (first !== oldest || links.length === 0) throw new HoldfastError('invalid', 'a record does not begin at its begin')
  if (!isSigned) return edited(statement)
  return { kind: 'takes', links, anew: true, ...missingOf(statement, 0, isHeld) }
}

function edited({ first, last }: LedgerStatement): Verdict {
  const detail = `batches ${first} to ${last} are not what the device signed`
  return { kind: 'fault', code: 'flow-ledger-edited', detail }
}

function other({ count: known }: LedgerEnd, count: number): Verdict {
  if (count < known) {
    const detail = `${known} batches were here already, and the device signs that there have ever been ${count}`
    return { kind: 'fault', code: 'flow-ledger-cut', detail }
  }
  const detail = `batch ${known} of the device is not the one that it sent before`
  return { kind: 'fault', code: 'flow-ledger-forked', detail }
}

/** `batches` as they came. Throws `invalid` where the numbers don't fit each other. */
export function judgeWindow(
  statement: LedgerStatement,
  known: LedgerEnd,
  batches: readonly Uint8Array[],
  doors: JudgeDoors,
): Verdict {
  const { before, began, count, first, last, oldest } = statement
  checkNumbers(statement, batches.length)
  if (began !== undefined && known.count > 0) return judgeAnew(statement, began, known, batches, doors)
  if (count < known.count) return other(known, count)
  const follows = first === known.count + 1
  if (!follows && !(first === oldest && first > known.count)) {
    return last < first && count > known.count ? other(known, count) : { kind: 'known' }
  }
  const { isSigned, links } = endOf(statement, fromHex(follows ? known.head : before), batches, doors.sha256)
  if (!isSigned) return links.length === 0 ? other(known, count) : edited(statement)
  if (links.length === 0) return { kind: 'known' }
  return { kind: 'takes', links, anew: false, ...missingOf(statement, known.count, doors.isHeld) }
}
