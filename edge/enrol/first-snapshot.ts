// The first set of records a device ever holds: through the same gate as every later one, judged by nothing but the root
// key that its token pins; read back from the disk and judged again before the device counts as enrolled.

import { toHex } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { compareVersion, formatVersion } from '../../shared/record/head.ts'
import { type Lock, lockHash } from '../../shared/record/lock.ts'
import type { Identity } from '../identity.ts'
import type { Store } from '../store/store.ts'
import { type Accepted, acceptSnapshot, type Held, openHeld } from '../trust/accept.ts'
import type { Anchors } from '../trust/keys.ts'
import { pinnedAnchors } from '../trust/own-root.ts'

/** A device that joins pins no other root than the hub's own. */
function firstAnchors(identity: Identity): Anchors {
  return pinnedAnchors(identity, { read: () => undefined }, { sha256, verify })
}

function refuseUnreadable(set: Held): void {
  if (set.parsed !== undefined) return
  const revision = formatVersion(set.version)
  throw new HoldfastError('unsupported', `the hub’s revision ${revision} is not understood: ${set.unreadable}`, {
    remedy: 'The hub is newer than this agent: install its version of the agent, then run the same command again.',
  })
}

function readBack(store: Store, anchors: Anchors, meant: Held): void {
  const remedy = 'Check the disk: `dmesg`, `df`, or the age of the SD card.'
  let cause: unknown
  try {
    const set = store.loadSet()
    if (set !== undefined && compareVersion(openHeld(anchors, set).version, meant.version) === 0) return
  } catch (error) {
    cause = error
  }
  throw new HoldfastError('corrupt', 'the first snapshot does not read back as it was written', { cause, remedy })
}

/** `snapshot` is a snapshot frame. Throws where anything is off, or is beyond this agent. */
export function openFirstSnapshot(identity: Identity, snapshot: Uint8Array): Accepted {
  const accepted = acceptSnapshot(firstAnchors(identity), undefined, snapshot)
  refuseUnreadable(accepted.next)
  return accepted
}

/** The lock that the token names by its hash. Throws `untrusted` where the hub does not show it. */
function namedLock({ parsed }: Held, hash: Uint8Array): Lock {
  const hex = toHex(hash)
  const named = parsed?.records.locks.find(({ lock }) => lockHash(lock, sha256) === hex)
  if (named !== undefined) return named.lock
  throw new HoldfastError('untrusted', 'the hub does not show the membership lock that the token names', {
    remedy: 'Ask for a new token. If the lock was not made anew on purpose, somebody else controls the hub.',
  })
}

/** As `openFirstSnapshot`, and keeps it. Returns the membership lock of the hash `lock`. */
export function storeFirstSnapshot(
  identity: Identity,
  snapshot: Uint8Array,
  store: Store,
  lock?: Uint8Array,
): Lock | undefined {
  const { change, next } = openFirstSnapshot(identity, snapshot)
  const named = lock === undefined ? undefined : namedLock(next, lock)
  store.saveSet(change)
  readBack(store, firstAnchors(identity), next)
  return named
}
