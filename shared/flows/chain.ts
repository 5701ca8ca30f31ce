// The chain that batches of flows hang in: each link hashes the one before, so an edited or missing one shows. A checkpoint
// says how long the chain is and what it ends and begins with, signed by the device: so a torn tail shows, too.
//
//   hash = SHA-256("holdfast/flows/1" NUL, hash before, sequence number as 8 bytes big-endian, bytes of the batch)

import * as v from 'valibot'
import { concat, fromHex, sameBytes, toHex, utf8 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { parseNetworkId, parseNodeId } from '../ids.ts'
import { integer, text } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { flowCheckpointBytesMax } from '../limits.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'
import { openEnvelope, seal, type TrustedKeys } from '../record/envelope.ts'

const DOMAIN = utf8('holdfast/flows/1\0')

/** What comes before the first link. */
export const noLink: Uint8Array = new Uint8Array(32)

function numberBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}

export function linkHash(before: Uint8Array, seq: number, batch: Uint8Array, sha256: Sha256): Uint8Array {
  return sha256(concat(DOMAIN, before, numberBytes(seq), batch))
}

const counter = integer(0, Number.MAX_SAFE_INTEGER)
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))

const checkpoint = v.strictObject({
  network: text(parseNetworkId, 'network-id'),
  node: text(parseNodeId, 'node-id'),
  /** Links there have ever been: the number of the last; numbers begin at 1. */
  count: counter,
  /** Hash of the last. */
  head: hash,
  /** Number of the oldest that is kept, and hash of the one before it: what is older was let go. */
  oldest: counter,
  before: hash,
})
export type Checkpoint = v.InferOutput<typeof checkpoint>

export function signCheckpoint(value: Checkpoint, signer: Signer, sha256: Sha256): Uint8Array {
  return seal('ledger', encodeCanonical(value), signer, sha256)
}

export function openCheckpoint(envelope: Uint8Array, trusted: TrustedKeys, verify: Verify): Checkpoint {
  const { payload } = openEnvelope('ledger', envelope, trusted, verify)
  return parseWith(checkpoint, parseCanonical(payload, flowCheckpointBytesMax))
}

export interface Link {
  readonly seq: number
  readonly hash: Uint8Array
  readonly batch: Uint8Array
}

/** What is wrong with the links that are kept, in order of their numbers; undefined where they are what the checkpoint says. */
export function faultOfChain(
  links: Iterable<Link>,
  { before, count, head, oldest }: Omit<Checkpoint, 'network' | 'node'>,
  sha256: Sha256,
): string | undefined {
  let last = fromHex(before)
  let expected = oldest
  for (const { batch, hash: told, seq } of links) {
    if (seq !== expected) return `batch ${expected} is missing`
    last = linkHash(last, seq, batch, sha256)
    if (!sameBytes(last, told)) return `batch ${seq} was changed`
    expected += 1
  }
  if (expected <= count) return `batch ${expected} and those behind it are missing, of ${count}`
  if (expected > count + 1) return `there are batches behind number ${count}, the last that was signed`
  return toHex(last) === head ? undefined : `batch ${count} is not the one that was signed`
}
