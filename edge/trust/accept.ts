// The one gate for intent: a set of records comes into force only if a head vouches for it that a trusted key signed,
// that is of this network, and that is newer than what is held. Whether this agent understands it is another question, asked
// afterwards: a hub may be newer than its agents. Pure; the caller stores what comes out.

import { sameBytes, toHex } from '../../shared/bytes.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { headBytesMax } from '../../shared/limits.ts'
import { deltaFrameMax, parseDelta, parseSnapshot, snapshotFrameMax, unframe } from '../../shared/record/delta.ts'
import { envelopeKeyId } from '../../shared/record/envelope.ts'
import { compareVersion, formatVersion, type Head, openHead, type Version } from '../../shared/record/head.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import { type ParsedSet, parseRecords } from '../../shared/record/parsed.ts'
import { parseRecord, type RecordSet } from '../../shared/record/record.ts'
import type { HeldSet, SetChange } from '../store/store.ts'
import {
  type Anchors,
  firstKeyring,
  isKeyRecord,
  type Keyring,
  keyringOf,
  storedKeyring,
  withNewcomer,
} from './keys.ts'

interface Verified {
  readonly head: Head
  /** The head as it was received. */
  readonly envelope: Uint8Array
  readonly version: Version
  readonly records: RecordSet
  readonly tree: MerkleTree
  readonly ring: Keyring
}

/** A verified set that this agent understands wholly, and so may follow. */
export interface Readable extends Verified {
  readonly parsed: ParsedSet
}

/** A verified set with a record that was written for a newer agent: kept, built upon, and not followed. */
export interface Unreadable extends Verified {
  readonly parsed?: undefined
  /** Which record and which field, in words. */
  readonly unreadable: string
}

/** A verified set, ready to be compared with what is offered next. */
export type Held = Readable | Unreadable

export interface Accepted {
  readonly change: SetChange
  readonly next: Held
}

function checkNetwork(anchors: Anchors, head: Head): void {
  if (head.network === anchors.network) return
  throw new HoldfastError('untrusted', `a head of network ${head.network} was offered; this is ${anchors.network}`)
}

/** Verifies signature, network and that it is not older than what is held; an equal version is not `stale` here. */
function openCurrent(anchors: Anchors, held: Held | undefined, ring: Keyring, envelope: Uint8Array): Head {
  if (envelope.length > headBytesMax) {
    throw new HoldfastError('too-large', `a head of ${envelope.length} bytes was offered, at most ${headBytesMax} fit`)
  }
  const head = openHead(envelope, ring.keys, anchors.verify)
  checkNetwork(anchors, head)
  if (held === undefined) return head
  const order = compareVersion(head, held.version)
  if (order < 0) {
    throw new HoldfastError(
      'stale',
      `revision ${formatVersion(head)} was offered, but ${formatVersion(held.version)} is held`,
      { remedy: 'After restoring a hub from a backup use `holdfast-hub restore`, which starts a new epoch.' },
    )
  }
  if (order === 0 && head.root !== held.head.root) {
    throw new HoldfastError('bad-root', `two different sets claim to be revision ${formatVersion(head)}`, {
      remedy: 'Two hubs sign for this network, or one was copied. Stop one of them and make a change on the other.',
    })
  }
  return head
}

/** What a head says, if it may be believed. Its version is that of `held`, or newer; an older one is `stale`. */
export function acceptHead(anchors: Anchors, held: Held | undefined, envelope: Uint8Array): Head {
  // The head of a change comes with its delta and once more by itself.
  if (held !== undefined && sameBytes(envelope, held.envelope)) return held.head
  return openCurrent(anchors, held, held?.ring ?? firstKeyring(anchors), envelope)
}

function refuseHeld(held: Held | undefined, head: Head): void {
  if (held !== undefined && compareVersion(head, held.version) === 0) {
    throw new HoldfastError('stale', `revision ${formatVersion(head)} is held already`)
  }
}

function checkSet(head: Head, tree: MerkleTree): void {
  if (tree.size !== head.count) {
    throw new HoldfastError('bad-root', `the set has ${tree.size} records, its head says ${head.count}`)
  }
  const root = toHex(tree.root())
  if (root !== head.root) {
    throw new HoldfastError(
      'bad-root',
      `the set hashes to ${root.slice(0, 12)}…, its head says ${head.root.slice(0, 12)}…`,
    )
  }
}

/** Why a record of `records` can't be understood: the first of them, and its field. */
function complaint(records: RecordSet, error: unknown): string {
  for (const [id, bytes] of records) {
    try {
      parseRecord(bytes)
    } catch (cause) {
      const { field, message } = isHoldfastError(cause) ? cause : { field: undefined, message: 'is not a record' }
      return `record ${id}: ${field === undefined ? '' : `${field} `}${message}`
    }
  }
  return describeError(error)
}

/** A set as objects, if every record is of a known kind with known fields; else what is in the way. */
function readSet(records: RecordSet, before?: ParsedSet): Pick<Readable, 'parsed'> | Pick<Unreadable, 'unreadable'> {
  try {
    return { parsed: parseRecords(records, before) }
  } catch (error) {
    return { unreadable: complaint(records, error) }
  }
}

interface Offer {
  readonly head: Head
  readonly envelope: Uint8Array
  readonly records: RecordSet
  readonly tree: MerkleTree
  readonly put: RecordSet
  readonly del: SetChange['del']
}

/** A change that touches no key leaves the keys that were verified with the set before it. */
function ringAfter(anchors: Anchors, held: Held | undefined, { put, del, records }: Offer): Keyring {
  const isKept = held !== undefined && del !== 'all' && ![...put.keys(), ...del].some(isKeyRecord)
  return isKept ? held.ring : keyringOf(anchors, records, held?.ring.root)
}

function accepted(anchors: Anchors, held: Held | undefined, offer: Offer): Accepted {
  const { head, records, tree, put, del } = offer
  checkSet(head, tree)
  const ring = ringAfter(anchors, held, offer)
  // Else the set could not be verified again when it is read back after a restart.
  if (!ring.keys.has(head.keyId) && !firstKeyring(anchors).keys.has(head.keyId)) {
    throw new HoldfastError(
      'untrusted',
      `revision ${formatVersion(head)} is signed by key ${head.keyId}, which it retires`,
    )
  }
  const version = { epoch: head.epoch, revision: head.revision }
  // A copy: the frame around it may be megabytes.
  const envelope = Uint8Array.from(offer.envelope)
  return {
    change: { head: envelope, version, put, del },
    next: { head, envelope, version, records, tree, ring, ...readSet(records, held?.parsed) },
  }
}

/** The held keys, and the one that signed a delta if the delta itself brings it, certified by the root as a newer one. */
function ringFor(anchors: Anchors, held: Held | undefined, framed: { head: Uint8Array; payload: Uint8Array }): Keyring {
  const known = held?.ring ?? firstKeyring(anchors)
  const signedBy = envelopeKeyId(framed.head)
  return known.keys.has(signedBy) ? known : withNewcomer(anchors, known, parseDelta(framed.payload).put, signedBy)
}

/** `bytes` is a delta frame. Throws `wrong-base` where it does not start from the set that is held. */
export function acceptDelta(anchors: Anchors, held: Held | undefined, bytes: Uint8Array): Accepted {
  const framed = unframe(bytes, deltaFrameMax)
  const head = openCurrent(anchors, held, ringFor(anchors, held, framed), framed.head)
  refuseHeld(held, head)
  if (held === undefined || head.epoch !== held.version.epoch) {
    const base = held === undefined ? 'nothing is held' : `revision ${formatVersion(held.version)} is held`
    throw new HoldfastError('wrong-base', `a delta to revision ${formatVersion(head)} needs a snapshot first: ${base}`)
  }
  const delta = parseDelta(framed.payload)
  if (compareVersion(delta.to, head) !== 0) {
    throw new HoldfastError('invalid', `a delta to ${formatVersion(delta.to)} has a head of ${formatVersion(head)}`)
  }
  if (compareVersion(delta.from, held.version) !== 0) {
    throw new HoldfastError(
      'wrong-base',
      `a delta from revision ${formatVersion(delta.from)} was offered, but ${formatVersion(held.version)} is held`,
    )
  }
  const tree = held.tree.clone()
  const records = new Map(held.records)
  for (const id of delta.del) {
    records.delete(id)
    tree.delete(id)
  }
  for (const [id, record] of delta.put) {
    records.set(id, record)
    tree.put(id, anchors.sha256(record))
  }
  return accepted(anchors, held, { head, envelope: framed.head, records, tree, put: delta.put, del: delta.del })
}

function treeOf(anchors: Anchors, records: RecordSet): MerkleTree {
  const tree = new MerkleTree(anchors.sha256)
  for (const [id, record] of records) tree.put(id, anchors.sha256(record))
  return tree
}

/** `bytes` is a snapshot frame. */
export function acceptSnapshot(anchors: Anchors, held: Held | undefined, bytes: Uint8Array): Accepted {
  const framed = unframe(bytes, snapshotFrameMax)
  const known = held?.ring ?? firstKeyring(anchors)
  const verified = (ring: Keyring): Head => {
    const head = openCurrent(anchors, held, ring, framed.head)
    refuseHeld(held, head)
    return head
  }
  const whole = (head: Head, records: RecordSet): Accepted => {
    const tree = treeOf(anchors, records)
    return accepted(anchors, held, { head, envelope: framed.head, records, tree, put: records, del: 'all' })
  }
  if (known.keys.has(envelopeKeyId(framed.head))) {
    const head = verified(known)
    return whole(head, parseSnapshot(framed.payload))
  }
  // The keys changed while this device was away: the new one is in the snapshot, certified by the root.
  const records = parseSnapshot(framed.payload)
  return whole(verified(withNewcomer(anchors, known, records, envelopeKeyId(framed.head))), records)
}

/** Verifies a stored set again, all of it: what lay on a disk is as foreign as what came by wire. */
export function openHeld(anchors: Anchors, set: HeldSet): Held {
  // The set may have been signed by a key that it itself retired; enrolment's certificates vouch for that one.
  const { first, ring } = storedKeyring(anchors, set.records)
  const keys = new Map([...first, ...ring.keys])
  const head = openHead(set.head, keys, anchors.verify)
  checkNetwork(anchors, head)
  if (compareVersion(head, set.version) !== 0) {
    throw new HoldfastError('corrupt', `the stored head is of revision ${formatVersion(head)}`)
  }
  const tree = treeOf(anchors, set.records)
  checkSet(head, tree)
  return { head, envelope: set.head, version: set.version, records: set.records, tree, ring, ...readSet(set.records) }
}
