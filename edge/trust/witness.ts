// What a damaged set still proves. Its head may be whole where its records are not, and then it says how far this device had
// come; the key that signed it may long be another than those of enrolment, and is vouched for by whatever key record, of this
// set or of the last good one, can still be read.

import { fromBase64 } from '../../shared/bytes.ts'
import type { TrustedKeys } from '../../shared/record/envelope.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { noVersion, openHead, type Version } from '../../shared/record/head.ts'
import { readKeyCertificate } from '../../shared/record/keys.ts'
import { type AnyRecord, parseRecord, type RecordSet } from '../../shared/record/record.ts'
import { followRoots, type SignedRoot } from '../../shared/record/root.ts'
import type { HeldSet } from '../store/store.ts'
import { type Anchors, enrolledKeys, isKeyRecord } from './keys.ts'

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

/** Roots that were pinned here, and the one that follows: the file may be behind the set. */
function rootsOf(anchors: Anchors, links: readonly SignedRoot[]): readonly Uint8Array[] {
  const { formerRoots = [], root, rootSerial = 0 } = anchors
  const next = attempt(() => followRoots({ key: root, serial: rootSerial }, links, anchors))
  return [root, ...formerRoots, ...(next === undefined ? [] : [next.key])]
}

/** Every signing key that one of the roots certified, as far as that can be read: good for making this device more careful. */
function witnesses(anchors: Anchors, sets: readonly RecordSet[]): TrustedKeys {
  const { sha256, verify } = anchors
  const records = keyRecords(sets)
  const roots = rootsOf(
    anchors,
    records.flatMap((record) => (record.kind === 'root' ? record.body : [])),
  )
  const envelopes = records.flatMap((record) => (record.kind === 'key' ? record.body.envelope : []))
  const certified = envelopes.flatMap((envelope) =>
    roots.flatMap((root) => attempt(() => readKeyCertificate(fromBase64(envelope), root, verify, sha256)) ?? []),
  )
  const found = certified.map(({ publicKey }) => [keyIdOf(publicKey, sha256), publicKey] as const)
  return new Map([...enrolledKeys(anchors), ...found])
}

/** No older set than this may come into force in place of `set`; `beside`: what else is stored. */
export function provenVersion(anchors: Anchors, set: HeldSet, beside: HeldSet | undefined): Version {
  const keys = witnesses(anchors, [set.records, ...(beside === undefined ? [] : [beside.records])])
  const head = attempt(() => openHead(set.head, keys, anchors.verify))
  return head === undefined || head.network !== anchors.network ? noVersion : head
}
