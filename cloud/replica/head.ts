// The head of the state: which generation it is, and of which parts each shard consists. One small object, replaced whole: what
// it names is the state, and what it does not name never was. It travels as its SHA-256 and the deflated JSON behind it.

import * as v from 'valibot'
import { concat, fromUtf8, sameBytes, utf8 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { inflate } from '../../shared/host/inflate.ts'
import { base32 } from '../../shared/ids.ts'
import { integer } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { stateHeadBytesMax, statePartBytesMax, statePartsMax } from './state-limits.ts'

const HASH_BYTES = 32
/** Characters of the digest in a name: 160 bits, in an alphabet that names of objects may have. */
const DIGEST_LENGTH = 32

const partName = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,160}-[a-z2-7]{32}$/, 'is no name of a part'))

const headSchema = v.strictObject({
  format: v.literal(1),
  generation: integer(1, Number.MAX_SAFE_INTEGER),
  /** Made up by the process that wrote it: whoever finds another there has been followed by another. */
  writer: v.pipe(v.string(), v.regex(/^[a-z2-7]{26}$/)),
  /** Layouts of the databases that the rows are of. */
  layout: v.strictObject({ hub: integer(1, 1_000_000), access: integer(1, 1_000_000) }),
  /** Buckets that rows of intent are spread over, a power of two. */
  buckets: integer(1, 1 << 20),
  /** By id of the shard: its parts in order. */
  shards: v.record(v.string(), v.pipe(v.array(partName), v.minLength(1))),
})
export type StateHead = v.InferOutput<typeof headSchema>

const remedy =
  'Nothing was changed. Bring the Secret back from a backup of the cluster; or bring the hub back from a backup of its own: see docs/kubernetes.md.'

export function damaged(what: string, cause?: unknown): HoldfastError {
  return new HoldfastError('corrupt', `the state of the hub is damaged in the cluster: ${what}`, { remedy, cause })
}

export function packHead(head: StateHead): Uint8Array {
  const parts = Object.values(head.shards).reduce((sum, names) => sum + names.length, 0)
  const json = deflate(utf8(JSON.stringify(head)))
  if (parts > statePartsMax || json.length > stateHeadBytesMax) {
    throw new HoldfastError('too-large', `the state of the hub has ${parts} parts, more than a cluster is to hold`, {
      remedy: 'Give some networks to another hub.',
    })
  }
  return concat(sha256(json), json)
}

/** `name` of the Secret, for people. Throws `corrupt`, and `unsupported` where a newer hub wrote it. */
export function unpackHead(name: string, packed: Uint8Array): StateHead {
  const [digest, json] = [packed.subarray(0, HASH_BYTES), packed.subarray(HASH_BYTES)]
  if (!sameBytes(sha256(json), digest)) throw damaged(`Secret ${name} does not read back as written`)
  let said: unknown
  try {
    said = JSON.parse(fromUtf8(inflate(json, stateHeadBytesMax * 16)))
  } catch (cause) {
    throw damaged(`Secret ${name} can't be read`, cause)
  }
  const format = typeof said === 'object' && said !== null && 'format' in said ? said.format : undefined
  if (format !== 1) {
    throw new HoldfastError('unsupported', `Secret ${name} was written by a newer hub`, {
      remedy: 'Nothing was changed. Run the hub of that version, or a newer one.',
    })
  }
  try {
    return parseWith(headSchema, said)
  } catch (cause) {
    throw damaged(`Secret ${name} is not what a hub writes`, cause)
  }
}

export function partsOf(head: StateHead): readonly string[] {
  return Object.values(head.shards).flat()
}

function digestOf(bytes: Uint8Array): string {
  return base32(sha256(bytes), DIGEST_LENGTH)
}

export interface Part {
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * A shard as parts of at most half a megabyte. The generation is part of the name: what a hub that was left behind deletes later
 * is never what a newer one names.
 */
export function cutShard(base: string, generation: number, shard: string, content: Uint8Array): readonly Part[] {
  // Named inside, too: a shard is never taken for another.
  const packed = deflate(concat(utf8(`${shard}\n`), content))
  return Array.from({ length: Math.ceil(packed.length / statePartBytesMax) }, (_, index) => {
    const bytes = packed.subarray(index * statePartBytesMax, (index + 1) * statePartBytesMax)
    return { name: `${base}-${generation}-${digestOf(bytes)}`, bytes }
  })
}

/** The same content, whatever generation it was first written in. */
export function sameParts(names: readonly string[] | undefined, parts: readonly Part[]): boolean {
  const digest = (name: string): string => name.slice(-DIGEST_LENGTH)
  return names?.length === parts.length && parts.every(({ name }, i) => digest(name) === digest(names[i] ?? ''))
}

/** Throws `corrupt` where the bytes are not those that the name stands for. */
export function checkPart({ bytes, name }: Part): void {
  if (!name.endsWith(`-${digestOf(bytes)}`)) throw damaged(`Secret ${name} does not read back as written`)
}

/** What was cut by `cutShard`. Throws `corrupt`. */
export function joinShard(shard: string, parts: readonly Part[]): Uint8Array {
  let whole: Uint8Array
  try {
    whole = inflate(concat(...parts.map(({ bytes }) => bytes)), parts.length * statePartBytesMax * 64)
  } catch (cause) {
    throw damaged(`shard ${shard} can't be read`, cause)
  }
  const label = utf8(`${shard}\n`)
  if (!sameBytes(whole.subarray(0, label.length), label)) throw damaged(`shard ${shard} is another one`)
  return whole.subarray(label.length)
}
