// What a damaged set still proves. Its head may be whole where its records are not, and then it says how far this device had
// come; the key that signed it may long be another than those of enrolment, under another root than the one that is pinned. It
// is vouched for by whatever key record or root link of this set or of the last good one can still be read, or by a copy of it:
// certificates and links prove themselves, wherever they lie.

import * as v from 'valibot'
import { fromBase64, sameBytes, toBase64 } from '../../shared/bytes.ts'
import { rootLinksMax } from '../../shared/limits.ts'
import type { TrustedKeys } from '../../shared/record/envelope.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { noVersion, openHead, type Version } from '../../shared/record/head.ts'
import { readKeyCertificate } from '../../shared/record/keys.ts'
import { type AnyRecord, parseRecord, type RecordSet } from '../../shared/record/record.ts'
import { followRoots, type RootPin, rootChain, type SignedRoot } from '../../shared/record/root.ts'
import type { HeldSet } from '../store/store.ts'
import { type Anchors, enrolledKeys, isKeyRecord } from './keys.ts'

/** Of the present signing key and those before it; a set has one, or two while one replaces the other. About 300 bytes each. */
const COPIES_MAX = 4
const copiedKeys = v.pipe(v.array(v.string()), v.maxLength(COPIES_MAX))
const copied = v.union([
  v.strictObject({ keys: copiedKeys, roots: rootChain }),
  // Of an agent that kept the certificates alone.
  v.pipe(
    copiedKeys,
    v.transform((keys) => ({ keys, roots: [] })),
  ),
])

/** What leads from the pinned root to the key of a head. */
interface Copies {
  /** Certificates of signing keys, base64. */
  readonly keys: readonly string[]
  readonly roots: readonly SignedRoot[]
}

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

function linksIn(records: readonly AnyRecord[]): readonly SignedRoot[] {
  return records.flatMap((record) => (record.kind === 'root' ? record.body : []))
}

/** From the oldest. */
function bySerial(links: Iterable<SignedRoot>): readonly SignedRoot[] {
  return [...links].sort((a, b) => a.link.serial - b.link.serial)
}

/**
 * Roots that were pinned here, and those that follow: the file may be behind the set. Link by link: of what several sets bring, a
 * damaged one must not cost the others.
 */
function rootsOf(anchors: Anchors, links: readonly SignedRoot[]): readonly Uint8Array[] {
  const { formerRoots = [], root, rootSerial = 0 } = anchors
  const reached: RootPin[] = [{ key: root, serial: rootSerial }, ...formerRoots.map((key) => ({ key, serial: 0 }))]
  for (const one of bySerial(links)) {
    const from = reached.find(({ key }) => toBase64(key) === one.link.root)
    const next = from === undefined ? undefined : attempt(() => followRoots(from, [one], anchors))
    if (next !== undefined && !reached.some(({ key }) => sameBytes(key, next.key))) reached.push(next)
  }
  return reached.map(({ key }) => key)
}

/** Every signing key that one of the roots certified, as far as that can be read: good for making this device more careful. */
function witnesses(anchors: Anchors, sets: readonly RecordSet[], copies: Copies): TrustedKeys {
  const { sha256, verify } = anchors
  const records = keyRecords(sets)
  const roots = rootsOf(anchors, [...copies.roots, ...linksIn(records)])
  const envelopes = [...copies.keys, ...envelopesIn(records)]
  const certified = envelopes.flatMap((envelope) =>
    roots.flatMap((root) => attempt(() => readKeyCertificate(fromBase64(envelope), root, verify, sha256)) ?? []),
  )
  const found = certified.map(({ publicKey }) => [keyIdOf(publicKey, sha256), publicKey] as const)
  return new Map([...enrolledKeys(anchors), ...found])
}

function parseCopies(words: string | undefined): Copies {
  const none: Copies = { keys: [], roots: [] }
  return words === undefined ? none : (attempt(() => v.parse(copied, JSON.parse(words))) ?? none)
}

/**
 * `words`, and what `records` bring; the same where it has them all. Those before them stay: a set that is cut off while it is
 * written leaves the one that was there.
 */
export function withCopies(words: string | undefined, records: RecordSet): string {
  const known = parseCopies(words)
  const brought = keyRecords([records])
  const news = envelopesIn(brought).filter((envelope) => !known.keys.includes(envelope))
  const roots = new Map([...known.roots, ...linksIn(brought)].map((one) => [one.link.serial, one]))
  return JSON.stringify({
    keys: [...known.keys, ...news].slice(-COPIES_MAX),
    roots: bySerial(roots.values()).slice(-rootLinksMax),
  } satisfies Copies)
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
