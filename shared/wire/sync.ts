// Catch-up between an agent and the hub: a request, and a reply cut into chunks.
//
// Chunk: u8 version 1, u8 kind, 16 bytes request id, u16 index, u16 count, 32 bytes SHA-256 of the deflated whole, data.

import * as v from 'valibot'
import { concat, fromUtf8, toHex, utf8 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { integer } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { chunkBytesMax, chunksMax, requestBytesMax } from '../limits.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)

const requestSchema = v.strictObject({
  /** Sixteen characters the agent made up; the reply repeats them. */
  id: v.pipe(v.string(), v.regex(/^[a-z2-7]{16}$/)),
  have: v.strictObject({ epoch: counter, revision: counter }),
  /**
   * `delta` lets the hub answer with a snapshot where it no longer has the steps between. `capability` asks for the word
   * that lets the node use relays; it is not answered to a node without a record in the set.
   */
  want: v.picklist(['delta', 'snapshot', 'capability']),
})
export type SyncRequest = v.InferOutput<typeof requestSchema>

export function encodeRequest(request: SyncRequest): Uint8Array {
  return encodeCanonical(request)
}

export function parseRequest(bytes: Uint8Array): SyncRequest {
  return parseWith(requestSchema, parseCanonical(bytes, requestBytesMax))
}

const replyKinds = ['delta', 'snapshot', 'current', 'capability', 'ledger', 'order', 'command'] as const
/** `current`: the agent already holds the newest revision; no data. `ledger`: what the hub has of its record of flows.
 * `order`: to run another version of the agent; told to those who say that they know of orders, without a request.
 * `command`: to do something now; the same of those who take commands. Their answers are cut in the same way. */
export type ReplyKind = (typeof replyKinds)[number]

export interface Chunk {
  readonly kind: ReplyKind
  readonly id: string
  readonly index: number
  readonly count: number
  /** SHA-256 of the whole deflated object, so that a damaged or mixed reply is seen before it is inflated. */
  readonly hash: Uint8Array
  readonly data: Uint8Array
}

const HEADER = 2 + 16 + 4 + 32
export const chunkDataMax = chunkBytesMax - HEADER

/** Cuts a deflated reply into the messages to publish, in order. `hash` is its SHA-256. */
export function encodeChunks(kind: ReplyKind, id: string, deflated: Uint8Array, hash: Uint8Array): Uint8Array[] {
  const count = Math.max(1, Math.ceil(deflated.length / chunkDataMax))
  if (count > chunksMax) throw new HoldfastError('too-large', `reply of ${deflated.length} bytes needs ${count} chunks`)
  return Array.from({ length: count }, (_, index) =>
    concat(
      Uint8Array.of(1, replyKinds.indexOf(kind)),
      utf8(id),
      Uint8Array.of(index >> 8, index & 0xff, count >> 8, count & 0xff),
      hash,
      deflated.subarray(index * chunkDataMax, (index + 1) * chunkDataMax),
    ),
  )
}

export function parseChunk(bytes: Uint8Array): Chunk {
  const kind = replyKinds[bytes[1] ?? 255]
  if (bytes.length < HEADER || bytes.length > chunkBytesMax || bytes[0] !== 1 || kind === undefined) {
    throw new HoldfastError('invalid', 'not a chunk of a reply')
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const index = view.getUint16(18)
  const count = view.getUint16(20)
  if (count === 0 || count > chunksMax || index >= count)
    throw new HoldfastError('invalid', 'chunk number is out of range')
  return {
    kind,
    id: fromUtf8(bytes.subarray(2, 18)),
    index,
    count,
    hash: bytes.slice(22, 54),
    data: bytes.slice(HEADER),
  }
}

/** What a reply is of, before it is looked at any further. */
export function isReplyOf(bytes: Uint8Array, kind: ReplyKind): boolean {
  return bytes[1] === replyKinds.indexOf(kind)
}

/** Gathers the chunks of one reply; chunks of other requests are ignored, repeated ones are harmless. */
export class Assembly {
  readonly id: string
  readonly #parts = new Map<number, Uint8Array>()
  #first: Chunk | undefined

  constructor(id: string) {
    this.id = id
  }

  /** The deflated whole once it is complete. Throws `invalid` where chunks contradict each other. */
  add(
    chunk: Chunk,
  ): { readonly kind: ReplyKind; readonly deflated: Uint8Array; readonly hash: Uint8Array } | undefined {
    if (chunk.id !== this.id) return undefined
    this.#first ??= chunk
    const { count, hash, kind } = this.#first
    if (chunk.count !== count || chunk.kind !== kind || toHex(chunk.hash) !== toHex(hash)) {
      throw new HoldfastError('invalid', 'chunks of a reply contradict each other')
    }
    this.#parts.set(chunk.index, chunk.data)
    if (this.#parts.size < count) return undefined
    const ordered = [...this.#parts].sort((a, b) => a[0] - b[0]).map((part) => part[1])
    return { kind, deflated: concat(...ordered), hash }
  }
}
