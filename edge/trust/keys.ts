// Which keys may sign this network's heads: those in the held set, or before the first set those that enrolment gave.
//
// A key record that leaves the set takes the trust in its key along. So a key that is not known may introduce itself
// only if the root certified it later than every key that is trusted now: one that was removed can't come back.

import { fromBase64 } from '../../shared/bytes.ts'
import type { Sha256, Verify } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { NetworkId } from '../../shared/ids.ts'
import { keyIdOf, type TrustedKeys } from '../../shared/record/envelope.ts'
import { readKeyCertificate } from '../../shared/record/keys.ts'
import { type AnyRecord, parseRecord, type RecordSet } from '../../shared/record/record.ts'

/** What a device believes without being told again: its network, its root, and how to check signatures. */
export interface Anchors {
  readonly network: NetworkId
  /** Ed25519 public key of the root, 32 bytes. */
  readonly root: Uint8Array
  /** Certificates of signing keys from enrolment; count until a set brings its own. */
  readonly certificates: readonly Uint8Array[]
  readonly verify: Verify
  readonly sha256: Sha256
}

export interface Keyring {
  readonly keys: TrustedKeys
  /** When the youngest of them was certified, milliseconds since the Unix epoch. */
  readonly newestAt: number
}

function ringOf(anchors: Anchors, envelopes: Iterable<Uint8Array>): Keyring {
  const keys = new Map<string, Uint8Array>()
  let newestAt = 0
  for (const envelope of envelopes) {
    const { publicKey, issuedAt } = readKeyCertificate(envelope, anchors.root, anchors.verify, anchors.sha256)
    keys.set(keyIdOf(publicKey, anchors.sha256), publicKey)
    newestAt = Math.max(newestAt, issuedAt)
  }
  return { keys, newestAt }
}

export function firstKeyring(anchors: Anchors): Keyring {
  return ringOf(anchors, anchors.certificates)
}

function keyRecord(bytes: Uint8Array): AnyRecord {
  try {
    return parseRecord(bytes)
  } catch (cause) {
    throw new HoldfastError('unsupported', `a key record cannot be read: ${describeError(cause)}`, {
      remedy: 'The hub is newer than this agent: update the agent.',
      cause,
    })
  }
}

/** A set whose keys are not understood can't be judged, so it is not even kept. */
function certificateIn(bytes: Uint8Array): Uint8Array {
  const record = keyRecord(bytes)
  if (record.kind !== 'key') throw new HoldfastError('invalid', `${record.id} is not a key record`)
  return fromBase64(record.body.envelope)
}

const KEY = 'key/'

export function isKeyRecord(id: string): boolean {
  return id.startsWith(KEY)
}

/** The keys that `records` bring. Throws where one of them is not of the root or not filed under its own id. */
export function keyringOf(anchors: Anchors, records: RecordSet): Keyring {
  const envelopes: Uint8Array[] = []
  const filed: string[] = []
  for (const [id, bytes] of records) {
    if (!isKeyRecord(id)) continue
    filed.push(id.slice(KEY.length))
    envelopes.push(certificateIn(bytes))
  }
  if (envelopes.length === 0) return firstKeyring(anchors)
  const ring = ringOf(anchors, envelopes)
  const misfiled = filed.find((id) => !ring.keys.has(id))
  if (misfiled !== undefined)
    throw new HoldfastError('untrusted', `key/${misfiled} holds the certificate of another key`)
  return ring
}

/** `ring` and the key `keyId` if `records` bring a certificate for it that is younger than all of `ring`. */
export function withNewcomer(anchors: Anchors, ring: Keyring, records: RecordSet, keyId: string): Keyring {
  const bytes = records.get(`key/${keyId}`)
  if (ring.keys.has(keyId) || bytes === undefined) return ring
  const newcomer = ringOf(anchors, [certificateIn(bytes)])
  const publicKey = newcomer.keys.get(keyId)
  if (publicKey === undefined || newcomer.newestAt <= ring.newestAt) return ring
  return { keys: new Map(ring.keys).set(keyId, publicKey), newestAt: newcomer.newestAt }
}
