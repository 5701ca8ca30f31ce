// Which keys may sign this network's heads: those in the held set, or before the first set those that enrolment gave.
//
// The root that vouches for them is the one that is pinned, or the one that a set leads to from there by a chain of links;
// a root that was left behind vouches for nothing new.
//
// A key record that leaves the set takes the trust in its key along. So a key that is not known may introduce itself
// only if the root certified it later than every key that is trusted now: one that was removed can't come back.

import { fromBase64, sameBytes } from '../../shared/bytes.ts'
import type { Sha256, Verify } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { NetworkId } from '../../shared/ids.ts'
import { rootLinksMax } from '../../shared/limits.ts'
import { envelopeKeyId, keyIdOf, type TrustedKeys } from '../../shared/record/envelope.ts'
import { readKeyCertificate } from '../../shared/record/keys.ts'
import { type AnyRecord, parseRecord, type RecordSet } from '../../shared/record/record.ts'
import { followRoots, type RootPin, type SignedRoot } from '../../shared/record/root.ts'

/** What a device believes without being told again: its network, its root, and how to check signatures. */
export interface Anchors {
  readonly network: NetworkId
  /** Ed25519 public key of the root that is pinned, 32 bytes. */
  readonly root: Uint8Array
  /** How many roots there were before it; 0 where nothing is known of any. */
  readonly rootSerial?: number
  /** Roots that were pinned before: they vouch for what this device itself stored under them, and for nothing else. */
  readonly formerRoots?: readonly Uint8Array[]
  /** Certificates of signing keys from enrolment; count until a set brings its own. */
  readonly certificates: readonly Uint8Array[]
  readonly verify: Verify
  readonly sha256: Sha256
}

export interface Keyring {
  readonly keys: TrustedKeys
  /** When the youngest of them was certified, milliseconds since the Unix epoch. */
  readonly newestAt: number
  /** The root that certified them, and from which others follow. */
  readonly root: RootPin
}

function pinnedRoot({ root, rootSerial = 0 }: Anchors): RootPin {
  return { key: root, serial: rootSerial }
}

function ringOf({ sha256, verify }: Anchors, root: RootPin, envelopes: Iterable<Uint8Array>): Keyring {
  const keys = new Map<string, Uint8Array>()
  let newestAt = 0
  for (const envelope of envelopes) {
    const { publicKey, issuedAt } = readKeyCertificate(envelope, root.key, verify, sha256)
    keys.set(keyIdOf(publicKey, sha256), publicKey)
    newestAt = Math.max(newestAt, issuedAt)
  }
  return { keys, newestAt, root }
}

/** Before there is a set. Certificates from enrolment under a root that was left behind since count no more. */
export function firstKeyring(anchors: Anchors): Keyring {
  const former = new Set(anchors.formerRoots?.map((key) => keyIdOf(key, anchors.sha256)))
  const counting = anchors.certificates.filter((envelope) => !former.has(envelopeKeyId(envelope)))
  return ringOf(anchors, pinnedRoot(anchors), counting)
}

/** Every key that enrolment gave, whichever root is pinned now: for what only ever makes this device more careful. */
export function enrolledKeys(anchors: Anchors): TrustedKeys {
  const keys = [anchors.root, ...(anchors.formerRoots ?? [])].map((key) => {
    const own = anchors.certificates.filter((envelope) => envelopeKeyId(envelope) === keyIdOf(key, anchors.sha256))
    return ringOf(anchors, { key, serial: 0 }, own).keys
  })
  return new Map(keys.flatMap((ring) => [...ring]))
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
const ROOT = 'root/'

/** Of a signing key or a root. */
export function isKeyRecord(id: string): boolean {
  return id.startsWith(KEY) || id.startsWith(ROOT)
}

/** Looked at before anything of `records` is verified: links prove themselves, and there are few. */
function linksIn(records: RecordSet): readonly SignedRoot[] {
  const filed = [...records].filter(([id]) => id.startsWith(ROOT))
  if (filed.length > rootLinksMax) {
    throw new HoldfastError('too-large', `${filed.length} root keys were offered, at most ${rootLinksMax} are followed`)
  }
  return filed.map(([id, bytes]) => {
    const record = keyRecord(bytes)
    if (record.kind === 'root' && record.id === id && id === `${ROOT}${record.body.link.serial}`) return record.body
    throw new HoldfastError('invalid', `${id} holds no link to a root key of that serial`)
  })
}

/** Says so where keys are of a root that does not follow from the pinned one. */
function ringUnder(anchors: Anchors, root: RootPin, envelopes: readonly Uint8Array[]): Keyring {
  const pinned = keyIdOf(root.key, anchors.sha256)
  const stranger = envelopes.map(envelopeKeyId).find((keyId) => keyId !== pinned)
  if (stranger === undefined) return ringOf(anchors, root, envelopes)
  const former = [anchors.root, ...(anchors.formerRoots ?? [])]
  const isFormer = former.some((key) => keyIdOf(key, anchors.sha256) === stranger)
  const what = isFormer ? 'was left behind here' : 'does not follow from it'
  throw new HoldfastError(
    'untrusted',
    `signed under root key ${stranger}; ${pinned} is pinned, and ${stranger} ${what}`,
    {
      remedy:
        'A hub from before a rotation of its root key needs the keys that were exported after it (`holdfast-hub restore --keys`). Else somebody has a root key who should not.',
    },
  )
}

/** The keys that `records` bring. Throws where one of them is not of the root or not filed under its own id. */
export function keyringOf(anchors: Anchors, records: RecordSet, pin = pinnedRoot(anchors)): Keyring {
  const root = followRoots(pin, linksIn(records), anchors)
  const envelopes: Uint8Array[] = []
  const filed: string[] = []
  for (const [id, bytes] of records) {
    if (!id.startsWith(KEY)) continue
    filed.push(id.slice(KEY.length))
    envelopes.push(certificateIn(bytes))
  }
  if (envelopes.length === 0) {
    const first = firstKeyring(anchors)
    return sameBytes(root.key, first.root.key) ? first : { keys: new Map(), newestAt: first.newestAt, root }
  }
  const ring = ringUnder(anchors, root, envelopes)
  const misfiled = filed.find((id) => !ring.keys.has(id))
  if (misfiled !== undefined)
    throw new HoldfastError('untrusted', `key/${misfiled} holds the certificate of another key`)
  return ring
}

/** `ring` and the key `keyId` if `records` bring a certificate for it that is younger than all of `ring`. */
export function withNewcomer(anchors: Anchors, ring: Keyring, records: RecordSet, keyId: string): Keyring {
  const bytes = records.get(`key/${keyId}`)
  if (ring.keys.has(keyId) || bytes === undefined) return ring
  const root = followRoots(ring.root, linksIn(records), anchors)
  const newcomer = ringUnder(anchors, root, [certificateIn(bytes)])
  const publicKey = newcomer.keys.get(keyId)
  if (publicKey === undefined || newcomer.newestAt <= ring.newestAt) return ring
  // What follows is judged from the root that the ring is of: the set has to lead on by itself.
  return { keys: new Map(ring.keys).set(keyId, publicKey), newestAt: newcomer.newestAt, root: ring.root }
}

/** The keys of a set that lay on this device's disk, which may have been stored under a root that it has left since. */
export function storedKeyring(
  anchors: Anchors,
  records: RecordSet,
): { readonly ring: Keyring; readonly first: TrustedKeys } {
  const { formerRoots = [] } = anchors
  const pin = pinnedRoot(anchors)
  let failure: unknown
  for (const key of [anchors.root, ...formerRoots.toReversed()]) {
    const under = sameBytes(key, anchors.root) ? anchors : { ...anchors, root: key, rootSerial: 0, formerRoots: [] }
    try {
      const ring = keyringOf(under, records)
      // What is offered next is judged by the pinned root, whatever this set was stored under.
      return { ring: under === anchors ? ring : { ...ring, root: pin }, first: enrolledKeys(anchors) }
    } catch (error) {
      failure ??= error
    }
  }
  throw failure
}
