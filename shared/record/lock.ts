// The membership lock: whose signatures make a member, beside the hub's. Its keys belong to people and never lie on the hub,
// so whoever steals the hub can lead traffic astray but can't bring a device in.
//
// Locks form a chain. Each names the one before by its hash and is signed by as many of that one's keys as it asked for, and
// by as many of its own as it asks for itself: nobody is locked out by a key that nobody has. A lock without keys ends it.

import * as v from 'valibot'
import { fromBase64, toHex } from '../bytes.ts'
import type { Sha256, Verify } from '../effects.ts'
import { type NetworkId, parseDeviceKey, parseNetworkId, parseNodeId } from '../ids.ts'
import { integer, text } from '../intent/field.ts'
import { lockKeysMax, lockRevokedMax } from '../limits.ts'
import { encodeCanonical } from './canonical.ts'
import { type TrustedKeys, trustedKeys } from './envelope.ts'
import { signatures, signersOf } from './signatures.ts'

function isSortedSet(list: readonly string[]): boolean {
  return list.every((item, at) => at === 0 || (list[at - 1] ?? '') < item)
}

export const lockSchema = v.pipe(
  v.strictObject({
    network: text(parseNetworkId, 'network-id'),
    /** Rises by one with each change. */
    serial: integer(1, Number.MAX_SAFE_INTEGER),
    /** SHA-256 of the lock before, in hex; absent in the first of a chain. */
    previous: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
    /** Ed25519 public keys, base64, sorted. */
    keys: v.pipe(
      v.array(text(parseDeviceKey, 'ed25519-key')),
      v.maxLength(lockKeysMax),
      v.check((list) => isSortedSet(list), 'is not sorted, or names a key twice'),
    ),
    /** How many of them must sign. */
    threshold: integer(0, lockKeysMax),
    /** Devices that no signature lets in again: lost ones whose old signatures a stolen hub may still have. Sorted. */
    revoked: v.pipe(
      v.array(text(parseNodeId, 'node-id')),
      v.maxLength(lockRevokedMax),
      v.check((list) => isSortedSet(list), 'is not sorted, or names a device twice'),
    ),
  }),
  v.check(
    ({ keys, threshold }) => threshold <= keys.length && threshold > 0 === keys.length > 0,
    'asks for more signatures than it has keys, or for none',
  ),
)
export type Lock = v.InferOutput<typeof lockSchema>

export const signedLock = v.strictObject({ lock: lockSchema, signatures })
export type SignedLock = v.InferOutput<typeof signedLock>

/** What a network is checked against. */
export interface LockScope {
  readonly sha256: Sha256
  readonly verify: Verify
}

/** The bytes that are signed. */
export function lockBytes(lock: Lock): Uint8Array {
  return encodeCanonical(lock)
}

export function lockHash(lock: Lock, sha256: Sha256): string {
  return toHex(sha256(lockBytes(lock)))
}

/** True while it asks for signatures. */
export function isLocked(lock: Lock | undefined): lock is Lock {
  return lock !== undefined && lock.threshold > 0
}

export function lockKeys(lock: Lock, sha256: Sha256): TrustedKeys {
  return trustedKeys(
    lock.keys.map((key) => fromBase64(key)),
    sha256,
  )
}

/** True if as many of `by`’s keys signed `signed` as `by` asks for. */
export function isSignedBy({ lock, signatures: given }: SignedLock, by: Lock, { sha256, verify }: LockScope): boolean {
  if (by.threshold === 0) return true
  return signersOf('lock', lockBytes(lock), given, lockKeys(by, sha256), verify).size >= by.threshold
}

/** True if `next` may take the place of `lock`. */
export function mayFollow(lock: Lock, next: SignedLock, scope: LockScope): boolean {
  return (
    next.lock.network === lock.network &&
    next.lock.serial === lock.serial + 1 &&
    next.lock.previous === lockHash(lock, scope.sha256) &&
    isSignedBy(next, lock, scope) &&
    isSignedBy(next, next.lock, scope)
  )
}

/** How far `offered` leads from `lock`: `lock` itself where nothing in it may follow. In any order. */
export function followLocks(lock: Lock, offered: readonly SignedLock[], scope: LockScope): Lock {
  const bySerial = offered.toSorted((a, b) => a.lock.serial - b.lock.serial)
  let reached = lock
  for (const next of bySerial) if (mayFollow(reached, next, scope)) reached = next.lock
  return reached
}

/** What a device believes that knows of no lock yet: the newest of `offered` that its own keys signed, and what follows. */
export function firstLock(offered: readonly SignedLock[], network: NetworkId, scope: LockScope): Lock | undefined {
  const newest = offered.toSorted((a, b) => b.lock.serial - a.lock.serial)
  const first = newest.find(
    (one) => one.lock.network === network && isLocked(one.lock) && isSignedBy(one, one.lock, scope),
  )
  return first === undefined ? undefined : followLocks(first.lock, offered, scope)
}
