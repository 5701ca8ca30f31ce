// Deltas and snapshots: how one verified set of records becomes the next.
//
// Both travel as `u16 length of the head envelope, head envelope, canonical JSON`. The head's signature is verified
// before the JSON is parsed, and the JSON counts only if the set it leads to hashes to the head's root.

import * as v from 'valibot'
import { concat, utf8 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { integer } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { deltaBytesMax, headBytesMax, recordBytesMax, recordsMax, snapshotBytesMax } from '../limits.ts'
import { encodeCanonical, encodeCanonicalText, parseCanonical } from './canonical.ts'
import type { Version } from './head.ts'
import { checkRecordId, type RecordSet } from './record.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)
const version = v.strictObject({ epoch: counter, revision: counter })
const entry = v.strictObject({ id: v.string(), body: v.unknown() })

const deltaSchema = v.strictObject({
  from: version,
  to: version,
  put: v.pipe(v.array(entry), v.maxLength(recordsMax)),
  del: v.pipe(v.array(v.string()), v.maxLength(recordsMax)),
})

export interface Delta {
  readonly from: Version
  readonly to: Version
  /** Canonical bytes of records that are new or changed, by id. */
  readonly put: RecordSet
  readonly del: readonly string[]
}

/** A head envelope with what is needed to reach its set; the payload is not verified yet. */
export interface Framed {
  readonly head: Uint8Array
  readonly payload: Uint8Array
}

/** Bytes of the largest frame: head, its length, payload. */
const FRAME = headBytesMax + 2
export const deltaFrameMax = deltaBytesMax + FRAME
export const snapshotFrameMax = snapshotBytesMax + FRAME

export function frame(head: Uint8Array, payload: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(head.length >> 8, head.length & 0xff), head, payload)
}

export function unframe(bytes: Uint8Array, bytesMax: number): Framed {
  if (bytes.length > bytesMax) {
    throw new HoldfastError('too-large', `message has ${bytes.length} bytes, at most ${bytesMax} are accepted`)
  }
  const length = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  if (length === 0 || length > headBytesMax || bytes.length < 2 + length) {
    throw new HoldfastError('invalid', 'message is truncated or not framed')
  }
  return { head: bytes.subarray(2, 2 + length), payload: bytes.subarray(2 + length) }
}

function entries(records: RecordSet): string {
  const ids = [...records.keys()].sort()
  const decoder = new TextDecoder()
  return `[${ids.map((id) => decoder.decode(records.get(id))).join(',')}]`
}

/** Checks ids and bounds; a record's own body is parsed when its set has been verified. */
function recordsOf(list: readonly { id: string; body: unknown }[]): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>()
  for (const item of list) {
    checkRecordId(item.id)
    const bytes = encodeCanonical(item)
    if (bytes.length > recordBytesMax)
      throw new HoldfastError('too-large', `record ${item.id} has ${bytes.length} bytes`)
    if (records.has(item.id)) throw new HoldfastError('invalid', `record ${item.id} is listed twice`)
    records.set(item.id, bytes)
  }
  return records
}

/** Record bytes are already canonical, so they are spliced in rather than parsed and written again. */
export function encodeDelta(delta: Delta, head: Uint8Array): Uint8Array {
  const { del, from, to } = delta
  const text = `{"del":${encodeCanonicalText([...del].sort())},"from":${encodeCanonicalText(from)},"put":${entries(delta.put)},"to":${encodeCanonicalText(to)}}`
  return frame(head, utf8(text))
}

export function parseDelta(payload: Uint8Array): Delta {
  const { from, to, put, del } = parseWith(deltaSchema, parseCanonical(payload, deltaBytesMax))
  const records = recordsOf(put)
  const gone = new Set<string>()
  for (const id of del) {
    checkRecordId(id)
    if (records.has(id)) throw new HoldfastError('invalid', `record ${id} is both put and deleted`)
    if (gone.has(id)) throw new HoldfastError('invalid', `record ${id} is deleted twice`)
    gone.add(id)
  }
  return { from, to, put: records, del }
}

export function encodeSnapshot(records: RecordSet, head: Uint8Array): Uint8Array {
  return frame(head, utf8(entries(records)))
}

export function parseSnapshot(payload: Uint8Array): RecordSet {
  const list = parseCanonical(payload, snapshotBytesMax)
  return recordsOf(parseWith(v.pipe(v.array(entry), v.maxLength(recordsMax)), list))
}

/** What leads from `before` to `after`. */
export function diffRecords(before: RecordSet, after: RecordSet): Pick<Delta, 'put' | 'del'> {
  const put = new Map<string, Uint8Array>()
  for (const [id, bytes] of after) {
    const old = before.get(id)
    if (old === undefined || old.length !== bytes.length || old.some((byte, i) => byte !== bytes[i])) put.set(id, bytes)
  }
  return { put, del: [...before.keys()].filter((id) => !after.has(id)).sort() }
}
