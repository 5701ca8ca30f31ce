// How a device's record of flows gets to its hub. The device asks what the hub has of it; the answer bears a word that is used
// once. The next message quotes that word, so that none that was sent before, or is sent twice, is ever taken for what the
// device says now; it states, signed, how long the record is and how it goes on, and brings a window of batches:
//
//   byte 0        version, 1
//   byte 1        0: it asks, 1: it brings a window
//   bytes 2–17    id that the device made up; the answer repeats it
//   of a window   u16 bytes of the statement, the statement (links between device keys may lead it), deflated batches
//   batches       u32 length and bytes of each, in the order of their numbers
//
// The answer is one chunk of a reply of the kind `ledger`.

import * as v from 'valibot'
import { concat, fromUtf8, utf8 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { flowAnswerBytesMax, flowMessageBytesMax, flowStatementBytesMax } from '../flow-limits.ts'
import { parseNetworkId, parseNodeId } from '../ids.ts'
import { integer, text } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'
import { openEnvelope, seal, type TrustedKeys } from '../record/envelope.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const id = v.pipe(v.string(), v.regex(/^[a-z2-7]{16}$/))

const statementSchema = v.strictObject({
  network: text(parseNetworkId, 'network-id'),
  node: text(parseNodeId, 'node-id'),
  /** The word of the hub's last answer. */
  word: id,
  /** As of a checkpoint: batches there have ever been, hash of the last, number of the oldest kept, hash before it. */
  count: counter,
  head: hash,
  oldest: counter,
  before: hash,
  /** Numbers of the first and the last batch in this window, and the hash of the last; of none, `first` is `last` + 1. */
  first: counter,
  last: counter,
  hash,
  /** This record is not the one that the hub has: the batch by which it says that the one before was not whole. */
  began: v.optional(v.strictObject({ seq: counter, hash })),
})
export type LedgerStatement = v.InferOutput<typeof statementSchema>

export function sealStatement(statement: LedgerStatement, signer: Signer, sha256: Sha256): Uint8Array {
  return seal('ledger-window', encodeCanonical(statement), signer, sha256)
}

/** Verifies before it parses. */
export function openStatement(envelope: Uint8Array, trusted: TrustedKeys, verify: Verify): LedgerStatement {
  const { payload } = openEnvelope('ledger-window', envelope, trusted, verify)
  return parseWith(statementSchema, parseCanonical(payload, flowStatementBytesMax))
}

const answerSchema = v.object({
  /** To be quoted by the next window. */
  word: id,
  /** Number and hash of the last batch that the hub has; 0 where it has none. */
  count: counter,
  head: hash,
  /** Why it takes no more: a health code. */
  refused: v.optional(v.pipe(v.string(), v.maxLength(64))),
  /** Fields of records that not every hub knows, and this one does; absent at hubs of old, which know none of them. */
  takes: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(32))), v.maxLength(8))),
})
/** What this version knows of such. */
export const ledgerTakes = ['outside'] as const
export type LedgerAnswer = v.InferOutput<typeof answerSchema>

export function encodeLedgerAnswer(answer: LedgerAnswer): Uint8Array {
  return encodeCanonical(answer)
}

export function parseLedgerAnswer(bytes: Uint8Array): LedgerAnswer {
  return parseWith(answerSchema, parseCanonical(bytes, flowAnswerBytesMax))
}

const VERSION = 1
const [ASK, WINDOW] = [0, 1]
const HEADER_BYTES = 18

export interface LedgerMessage {
  readonly id: string
  /** Absent where the device only asks. */
  readonly window?: { readonly statement: Uint8Array; readonly deflated: Uint8Array }
}

export function encodeLedgerMessage({ id: own, window }: LedgerMessage): Uint8Array {
  const header = concat(Uint8Array.of(VERSION, window === undefined ? ASK : WINDOW), utf8(own))
  if (window === undefined) return header
  const { deflated, statement } = window
  return concat(header, Uint8Array.of(statement.length >> 8, statement.length & 0xff), statement, deflated)
}

/** Throws `invalid` and `too-large`. */
export function parseLedgerMessage(bytes: Uint8Array): LedgerMessage {
  if (bytes.length > flowMessageBytesMax) {
    throw new HoldfastError('too-large', `a window of flows has ${bytes.length} bytes`)
  }
  const kind = bytes[1]
  if (bytes.length < HEADER_BYTES || bytes[0] !== VERSION || (kind !== ASK && kind !== WINDOW)) {
    throw new HoldfastError('invalid', 'not a message about a record of flows')
  }
  const own = parseWith(id, fromUtf8(bytes.subarray(2, HEADER_BYTES)))
  if (kind === ASK) return { id: own }
  const from = HEADER_BYTES + 2
  const end = from + (((bytes[HEADER_BYTES] ?? 0) << 8) | (bytes[HEADER_BYTES + 1] ?? 0))
  if (bytes.length < end) throw new HoldfastError('invalid', 'a window of flows is cut off')
  return { id: own, window: { statement: bytes.subarray(from, end), deflated: bytes.subarray(end) } }
}

export function joinBatches(batches: readonly Uint8Array[]): Uint8Array {
  return concat(
    ...batches.flatMap((batch) => {
      const length = new Uint8Array(4)
      new DataView(length.buffer).setUint32(0, batch.length)
      return [length, batch]
    }),
  )
}

/** Throws `invalid` where they do not come apart. */
export function splitBatches(bytes: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const batches: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const from = at + 4
    const end = from <= bytes.length ? from + view.getUint32(at) : Number.POSITIVE_INFINITY
    // None is empty, so there are no more of them than bytes.
    if (end > bytes.length || end === from) throw new HoldfastError('invalid', 'a window of flows does not come apart')
    batches.push(bytes.subarray(from, end))
    at = end
  }
  return batches
}
