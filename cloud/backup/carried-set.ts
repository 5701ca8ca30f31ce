// A set of records that a device gave, proven again from the bottom: a device is believed nothing that its hub did not sign.

import { fromBase64, toHex } from '../../shared/bytes.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { parseSnapshot, snapshotFrameMax, unframe } from '../../shared/record/delta.ts'
import { envelopeKeyId, keyIdOf } from '../../shared/record/envelope.ts'
import { type Head, openHead } from '../../shared/record/head.ts'
import { readKeyCertificate } from '../../shared/record/keys.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import { type AnyRecord, parseRecord, type RecordSet } from '../../shared/record/record.ts'
import type { HubSecrets } from './keys.ts'

export interface CarriedSet {
  readonly head: Head
  readonly envelope: Uint8Array
  readonly records: RecordSet
  readonly parsed: readonly AnyRecord[]
  /** Ids of the keys that devices which hold this set believe, and when the youngest was certified. */
  readonly keys: ReadonlySet<string>
  readonly newestKeyAt: number
  /** How many rotations of the root key ago it was signed; 0 under the present one. */
  readonly rootAge: number
}

function parse(id: string, bytes: Uint8Array): AnyRecord {
  try {
    return parseRecord(bytes)
  } catch (cause) {
    throw new HoldfastError('unsupported', `record ${id} is not understood: ${describeError(cause)}`, {
      cause,
      remedy: 'It was signed by a newer hub. Restore with a hub of that version.',
    })
  }
}

/** What vouches for signing keys in the set, before anything else of it is looked at. */
function certificatesIn(records: RecordSet): readonly Uint8Array[] {
  return [...records].flatMap(([id, bytes]) => {
    const record = id.startsWith('key/') ? parse(id, bytes) : undefined
    return record?.kind === 'key' ? [fromBase64(record.body.envelope)] : []
  })
}

/** Under this root, or under one that led to it: a device that was away holds a set from then. */
function openKeys(certificates: readonly Uint8Array[], { root, roots }: HubSecrets) {
  const known = [root.publicKey, ...roots.toReversed().map(({ link }) => fromBase64(link.root))]
  const ids = known.map((key) => keyIdOf(key, sha256))
  const keys = new Map<string, Uint8Array>()
  let newestKeyAt = 0
  let rootAge = 0
  for (const certificate of certificates) {
    const age = Math.max(0, ids.indexOf(envelopeKeyId(certificate)))
    const { issuedAt, publicKey } = readKeyCertificate(certificate, known[age] ?? root.publicKey, verify, sha256)
    keys.set(keyIdOf(publicKey, sha256), publicKey)
    newestKeyAt = Math.max(newestKeyAt, issuedAt)
    rootAge = Math.max(rootAge, age)
  }
  return { keys, newestKeyAt, rootAge }
}

/** The head, if a key signed it that the root certified. */
function openSignedHead(envelope: Uint8Array, records: RecordSet, secrets: HubSecrets) {
  try {
    const ring = openKeys(certificatesIn(records), secrets)
    // A set may be signed by a key that it retires; where it names no key at all, the kept one vouches for it, too.
    const own = openKeys(secrets.signing === undefined ? [] : [secrets.signing.certificate], secrets)
    return { ...ring, head: openHead(envelope, new Map([...own.keys, ...ring.keys]), verify) }
  } catch (cause) {
    if (isHoldfastError(cause, 'unsupported')) throw cause
    throw new HoldfastError('untrusted', `it was not signed under this root key: ${describeError(cause)}`, {
      cause,
      remedy: 'Give the keys of the hub that the device joined, exported after the last rotation of its root key.',
    })
  }
}

function checkRoot(head: Head, records: RecordSet): void {
  const tree = new MerkleTree(sha256)
  for (const [id, bytes] of records) tree.put(id, sha256(bytes))
  if (tree.size === head.count && toHex(tree.root()) === head.root) return
  throw new HoldfastError('bad-root', 'its records are not those that its head was signed over', {
    remedy: 'Nothing of it can be believed. Export again, from another device.',
  })
}

/** `frame` is a snapshot frame. Throws where anything is not as the holder of `secrets` signed it. */
export function openCarriedSet(frame: Uint8Array, secrets: HubSecrets): CarriedSet {
  const { head: envelope, payload } = unframe(frame, snapshotFrameMax)
  const records = parseSnapshot(payload)
  const { head, keys, newestKeyAt, rootAge } = openSignedHead(envelope, records, secrets)
  checkRoot(head, records)
  const parsed = [...records].map(([id, bytes]) => parse(id, bytes))
  return { head, envelope: envelope.slice(), records, parsed, keys: new Set(keys.keys()), newestKeyAt, rootAge }
}
