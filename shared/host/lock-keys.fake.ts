// Lock keys and locks whose signatures are real, made of small numbers.

import { toBase64, utf8 } from '../bytes.ts'
import type { Signer } from '../effects.ts'
import { type DeviceKey, type NetworkId, parseDeviceKey } from '../ids.ts'
import { type Lock, lockBytes, lockHash, type SignedLock } from '../record/lock.ts'
import { type Member, memberBytes } from '../record/member.ts'
import { type Signature, signBeside } from '../record/signatures.ts'
import { sha256, signerFromSeed } from './crypto.ts'

/** The `index`-th administrator's key. */
export function lockSigner(index: number): Signer {
  return signerFromSeed(sha256(utf8(`lock key ${index}`)))
}

export function lockKeyOf(index: number): DeviceKey {
  return parseDeviceKey(toBase64(lockSigner(index).publicKey))
}

export interface FakeLock {
  readonly network: NetworkId
  readonly keys: readonly number[]
  readonly threshold: number
  readonly after?: Lock
  readonly serial?: number
  readonly revoked?: Lock['revoked']
}

export function fakeLock({ after, keys, network, revoked = [], serial, threshold }: FakeLock): Lock {
  return {
    network,
    serial: serial ?? (after?.serial ?? 0) + 1,
    ...(after === undefined ? {} : { previous: lockHash(after, sha256) }),
    keys: keys.map(lockKeyOf).sort(),
    threshold,
    revoked,
  }
}

export function signLock(lock: Lock, by: readonly number[]): SignedLock {
  return { lock, signatures: by.map((index) => signBeside('lock', lockBytes(lock), lockSigner(index), sha256)) }
}

export function signMember(network: NetworkId, member: Member, by: readonly number[]): Signature[] {
  return by.map((index) => signBeside('member', memberBytes(network, member), lockSigner(index), sha256))
}
