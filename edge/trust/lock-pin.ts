// The membership lock this device believes in. Seen once, it is pinned: from then on the hub can neither weaken nor replace
// nor drop it without the signatures of its keys. What is pinned lies in a file beside the device's keys, so that a database
// that is set aside does not take the trust along; who has root on this very device may change it.

import * as v from 'valibot'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { parseCanonical } from '../../shared/record/canonical.ts'
import {
  firstLock,
  followLocks,
  isLocked,
  isSignedBy,
  type Lock,
  lockBytes,
  lockHash,
  lockSchema,
  type SignedLock,
  signedLock,
} from '../../shared/record/lock.ts'
import type { Anchors } from './keys.ts'

/** Where the pinned lock lies. */
export interface LockFile {
  read(): string | undefined
  write(text: string): void
}

/** Room for the largest lock there is. */
const LOCK_BYTES_MAX = 64 << 10

const pinned = v.strictObject({ lock: lockSchema })

export function lockFileText(lock: Lock): string {
  return `${fromUtf8(lockBytes(lock))}\n`
}

function parsePinned(text: string): Lock {
  return parseWith(pinned, { lock: parseCanonical(utf8(text.trim()), LOCK_BYTES_MAX) }).lock
}

/** The lock in a file that an administrator carried here, if it is one of this network that its own keys signed. */
export function readCarriedLock(text: string, anchors: Pick<Anchors, 'network' | 'sha256' | 'verify'>): Lock {
  const remedy = 'Take the file that `holdfast-hub lock export` wrote.'
  let carried: SignedLock
  try {
    const { lock } = parseWith(v.object({ lock: signedLock }), JSON.parse(text))
    carried = lock
  } catch (cause) {
    throw new HoldfastError('invalid', `this is not a membership lock: ${describeError(cause)}`, { cause, remedy })
  }
  if (carried.lock.network !== anchors.network) {
    throw new HoldfastError('untrusted', `this is the lock of network ${carried.lock.network}`, { remedy })
  }
  if (!isSignedBy(carried, carried.lock, anchors)) {
    throw new HoldfastError('bad-signature', 'the lock lacks the signatures of its own keys', { remedy })
  }
  return carried.lock
}

export interface LockPin {
  /** What is pinned; also a lock that was ended, so that an older one can't come back. */
  lock(): Lock | undefined
  /** Reads the file again: at start, and when somebody with root has changed it. Returns why it can't be read, if so. */
  load(): string | undefined
  /** Goes along with what a verified set offers, as far as it may. */
  follow(offered: readonly SignedLock[]): void
  /** What the set offers instead of what is pinned, in a sentence; undefined where they agree. */
  refused(): string | undefined
}

export interface LockPinOptions {
  readonly anchors: Anchors
  readonly read: LockFile['read']
  /** False where it could not be kept; that is tried again with the next set. */
  readonly write: (text: string) => boolean
  /** Another lock is pinned from now on. */
  readonly onPinned: (lock: Lock, before: Lock | undefined) => void
}

function refusalOf(lock: Lock | undefined, offered: readonly SignedLock[], anchors: Anchors): string | undefined {
  if (!isLocked(lock)) return undefined
  const newest = offered.toSorted((a, b) => b.lock.serial - a.lock.serial)[0]
  if (newest === undefined) return `the set has no lock any more; lock ${lock.serial} is pinned`
  const same =
    newest.lock.serial === lock.serial && lockHash(newest.lock, anchors.sha256) === lockHash(lock, anchors.sha256)
  return same
    ? undefined
    : `lock ${newest.lock.serial} was offered; it does not follow from lock ${lock.serial}, which is pinned`
}

export function createLockPin({ anchors, onPinned, read, write }: LockPinOptions): LockPin {
  let lock: Lock | undefined
  let unsaved = false
  let refused: string | undefined

  return {
    lock: () => lock,
    refused: () => refused,
    load() {
      try {
        const text = read()
        const kept = text === undefined || text.trim() === '' ? undefined : parsePinned(text)
        lock = kept?.network === anchors.network ? kept : undefined
        unsaved = false
        return undefined
      } catch (error) {
        return `the pinned membership lock cannot be read: ${describeError(error)}`
      }
    },
    follow(offered) {
      const before = lock
      const next =
        before === undefined ? firstLock(offered, anchors.network, anchors) : followLocks(before, offered, anchors)
      if (next !== undefined && (next !== before || unsaved)) {
        lock = next
        unsaved = !write(lockFileText(next))
        if (next !== before) onPinned(next, before)
      }
      refused = refusalOf(lock, offered, anchors)
    },
  }
}
