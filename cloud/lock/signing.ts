// What is done with lock keys, on the machine where they lie: locks are proposed, and bundles are signed. Needs no hub.

import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Sha256, Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { verify } from '../../shared/host/crypto.ts'
import { type DeviceKey, type NetworkId, type NodeId, parseDeviceKey } from '../../shared/ids.ts'
import { followDevice, nodeIdOf, readDeviceLink } from '../../shared/record/device-link.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import {
  isSignedBy,
  type Lock,
  type LockScope,
  lockBytes,
  lockHash,
  type SignedLock,
} from '../../shared/record/lock.ts'
import type { LockBundle } from '../../shared/record/lock-bundle.ts'
import { type Member, memberBytes } from '../../shared/record/member.ts'
import { type Signature, type Signatures, signBeside, signersOf } from '../../shared/record/signatures.ts'
import { isSigned, refuseSwapped } from './bundle-checks.ts'

/** Whom to sign for: everybody in the bundle, or these. */
export type Whom = 'all' | readonly string[]

function sorted<T extends string>(list: Iterable<T>): T[] {
  return [...new Set(list)].sort()
}

function thresholdFor(keys: readonly DeviceKey[], wanted: number | undefined): number {
  const threshold = wanted ?? Math.floor(keys.length / 2) + 1
  if (threshold >= 1 && threshold <= keys.length) return threshold
  throw new HoldfastError('usage', `${threshold} of ${keys.length} keys cannot sign`, {
    field: '--threshold',
    remedy: 'Give more keys, or ask for fewer signatures.',
  })
}

/** A first lock; more than half of the keys must sign where nothing else is asked for. */
export function proposeFirst(
  network: NetworkId,
  keys: readonly DeviceKey[],
  threshold: number | undefined,
  serial: number,
): SignedLock {
  const own = sorted(keys)
  return { lock: { network, serial, keys: own, threshold: thresholdFor(own, threshold), revoked: [] }, signatures: [] }
}

export interface LockChange {
  readonly add: readonly DeviceKey[]
  readonly remove: readonly DeviceKey[]
  readonly threshold: number | undefined
  readonly revoke: readonly NodeId[]
  readonly pardon: readonly NodeId[]
}

/** The lock after `lock`; the same number of keys must sign where nothing else is asked for. */
export function proposeNext(lock: Lock, change: LockChange, sha256: Sha256): SignedLock {
  const keys = sorted([...lock.keys, ...change.add].filter((key) => !change.remove.includes(key)))
  const next: Lock = {
    network: lock.network,
    serial: lock.serial + 1,
    previous: lockHash(lock, sha256),
    keys,
    threshold: thresholdFor(keys, change.threshold ?? lock.threshold),
    revoked: sorted([...lock.revoked, ...change.revoke].filter((node) => !change.pardon.includes(node))),
  }
  return { lock: next, signatures: [] }
}

/** What ends `lock`: from then on the hub alone says who is a member. */
export function proposeEnd(lock: Lock, sha256: Sha256): SignedLock {
  const { network, serial } = lock
  const end = { network, serial: serial + 1, previous: lockHash(lock, sha256), keys: [], threshold: 0, revoked: [] }
  return { lock: end, signatures: [] }
}

function withSignature(held: Signatures, more: Signature): Signature[] {
  return [...held.filter(({ key }) => key !== more.key), more]
}

/** The keys whose signatures count for anything in `bundle`. */
function keysIn({ lock, proposal }: LockBundle): ReadonlySet<DeviceKey> {
  return new Set([...(lock?.lock.keys ?? []), ...(proposal?.lock.keys ?? [])])
}

function wantedOf(bundle: LockBundle, whom: Whom): ReadonlySet<string> {
  const names = new Set<string>(bundle.members.map(({ member }) => member.name))
  if (whom === 'all') return names
  const unknown = whom.find((name) => !names.has(name))
  if (unknown === undefined) return new Set(whom)
  throw new HoldfastError('not-found', `nobody under the name ${unknown.slice(0, 70)} is to be signed for`, {
    remedy: 'See `holdfast-hub lock pending` and `holdfast-hub lock status`.',
  })
}

/** True if as many keys of the lock as it asks for have signed for the device with this very key before. */
function isVouchedFor(bundle: LockBundle, { deviceKey, nodeId }: Member, sha256: Sha256): boolean {
  return bundle.members.some(
    (one) => one.member.nodeId === nodeId && one.member.deviceKey === deviceKey && isSigned(bundle, one, sha256),
  )
}

/** True if the id follows from the device key, or from one that the links show to be followed by it. */
function isItsKey(bundle: LockBundle, { links = [], member }: LockBundle['members'][number], sha256: Sha256): boolean {
  const { deviceKey, nodeId } = member
  if (nodeIdOf(deviceKey, sha256) === nodeId || isVouchedFor(bundle, member, sha256)) return true
  const offered = links.map((link) => readDeviceLink(fromBase64(link)))
  const first = offered.find(({ key }) => nodeIdOf(key, sha256) === nodeId)
  if (first === undefined) return false
  const scope = { network: bundle.network.id, node: nodeId, verify }
  return followDevice({ key: first.key, serial: 0 }, offered, scope).key === deviceKey
}

/** `bundle` signed by `signer`: the proposal, if there is one, and those who are wanted. */
export function signBundle(bundle: LockBundle, signer: Signer, whom: Whom, sha256: Sha256): LockBundle {
  const key = parseDeviceKey(toBase64(signer.publicKey))
  if (!keysIn(bundle).has(key)) {
    throw new HoldfastError('untrusted', `key ${keyIdOf(signer.publicKey, sha256)} is not one of the lock’s`, {
      remedy: 'See `holdfast-hub lock status` for its keys; add one with `lock change --add`.',
    })
  }
  refuseSwapped(bundle, sha256)
  const wanted = wantedOf(bundle, whom)
  const own = new Map([[keyIdOf(signer.publicKey, sha256), signer.publicKey]])
  const { proposal } = bundle
  const members = bundle.members.map((one) => {
    const { member, signatures } = one
    if (!wanted.has(member.name)) return one
    if (!isItsKey(bundle, one, sha256)) {
      throw new HoldfastError('untrusted', `${member.name} has the id of another device: ${member.nodeId}`, {
        remedy: 'Sign nothing of this. Somebody changed the file, or controls the hub.',
      })
    }
    const bytes = memberBytes(bundle.network.id, member)
    // A token may ask for a finger with each of them.
    if (signersOf('member', bytes, signatures, own, verify).size === 1) return one
    const signature = signBeside('member', bytes, signer, sha256)
    return { ...one, signatures: withSignature(signatures, signature) }
  })
  if (proposal === undefined) return { ...bundle, members }
  const signature = signBeside('lock', lockBytes(proposal.lock), signer, sha256)
  return { ...bundle, members, proposal: { ...proposal, signatures: withSignature(proposal.signatures, signature) } }
}

/** Why the proposal can't be sent yet, in words; undefined where it can. Who is not signed for is for the hub to say. */
export function proposalLacks({ lock, proposal }: LockBundle, replace: boolean, scope: LockScope): string | undefined {
  if (proposal === undefined) return undefined
  if (!isSignedBy(proposal, proposal.lock, scope)) return 'signatures of the new lock’s own keys'
  if (!replace && lock !== undefined && !isSignedBy(proposal, lock.lock, scope)) {
    return 'signatures of the present lock’s keys'
  }
  return undefined
}
