// What a damaged set still proves. Its head may be whole where its records are not, and then it says how far this device had
// come; the key that signed it may long be another than those of enrolment, and is vouched for by whatever key record of this
// set or of the last good one can still be read, or by a copy of it: certificates prove themselves, wherever they lie.

import * as v from 'valibot'
import { fromBase64 } from '../../shared/bytes.ts'
import type { TrustedKeys } from '../../shared/record/envelope.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { noVersion, openHead, type Version } from '../../shared/record/head.ts'
import { readKeyCertificate } from '../../shared/record/keys.ts'
import { type AnyRecord, parseRecord, type RecordSet } from '../../shared/record/record.ts'
import { followRoots, type SignedRoot } from '../../shared/record/root.ts'
import type { HeldSet } from '../store/store.ts'
import { type Anchors, enrolledKeys, isKeyRecord } from './keys.ts'

/** Of the present signing key and those before it; a set has one, or two while one replaces the other. About 300 bytes each. */
const COPIES_MAX = 4
const copied = v.pipe(v.array(v.string()), v.maxLength(COPIES_MAX))

/** Undefined where it throws: of a damaged set each part counts for itself. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

function keyRecords(sets: readonly RecordSet[]): readonly AnyRecord[] {
  const filed = sets.flatMap((records) => [...records].filter(([id]) => isKeyRecord(id)))
  return filed.flatMap(([, bytes]) => attempt(() => parseRecord(bytes)) ?? [])
}

function envelopesIn(records: readonly AnyRecord[]): readonly string[] {
  return records.flatMap((record) => (record.kind === 'key' ? record.body.envelope : []))
}

/** Roots that were pinned here, and the one that follows: the file may be behind the set. */
function rootsOf(anchors: Anchors, links: readonly SignedRoot[]): readonly Uint8Array[] {
  const { formerRoots = [], root, rootSerial = 0 } = anchors
  const next = attempt(() => followRoots({ key: root, serial: rootSerial }, links, anchors))
  return [root, ...formerRoots, ...(next === undefined ? [] : [next.key])]
}

/** Every signing key that one of the roots certified, as far as that can be read: good for making this device more careful. */
function witnesses(anchors: Anchors, sets: readonly RecordSet[], copies: readonly string[]): TrustedKeys {
  const { sha256, verify } = anchors
  const records = keyRecords(sets)
  const roots = rootsOf(
    anchors,
    records.flatMap((record) => (record.kind === 'root' ? record.body : [])),
  )
  const envelopes = [...copies, ...envelopesIn(records)]
  const certified = envelopes.flatMap((envelope) =>
    roots.flatMap((root) => attempt(() => readKeyCertificate(fromBase64(envelope), root, verify, sha256)) ?? []),
  )
  const found = certified.map(({ publicKey }) => [keyIdOf(publicKey, sha256), publicKey] as const)
  return new Map([...enrolledKeys(anchors), ...found])
}

function parseCopies(words: string | undefined): readonly string[] {
  return attempt(() => v.parse(copied, JSON.parse(words ?? '[]'))) ?? []
}

/**
 * `words`, and the certificates in `records`; the same where it has them all. Those before them stay: a set that is cut off while
 * it is written leaves the one that was there.
 */
export function withCopies(words: string | undefined, records: RecordSet): string {
  const known = parseCopies(words)
  const news = envelopesIn(keyRecords([records])).filter((envelope) => !known.includes(envelope))
  return news.length === 0 && words !== undefined ? words : JSON.stringify([...known, ...news].slice(-COPIES_MAX))
}

/** What else the store may give. */
export interface Beside {
  /** The last good set. */
  good(): HeldSet | undefined
  /** What `withCopies` made. */
  copies(): string | undefined
}

/** No older set than this may come into force in place of `set`. */
export function provenVersion(anchors: Anchors, set: HeldSet, beside: Beside): Version {
  const good = attempt(() => beside.good())
  const sets = [set.records, ...(good === undefined ? [] : [good.records])]
  const keys = witnesses(anchors, sets, parseCopies(attempt(() => beside.copies())))
  const head = attempt(() => openHead(set.head, keys, anchors.verify))
  return head === undefined || head.network !== anchors.network ? noVersion : head
}
