// The root key of this very agent: pinned in its file, its changes written in the journal.

import { fromBase64 } from '../../shared/bytes.ts'
import type { Sha256, Verify } from '../../shared/effects.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import type { Identity } from '../identity.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { Store } from '../store/store.ts'
import type { Anchors } from './keys.ts'
import { createRootPin, type OwnRoot, type RootFile, readRoot } from './root-pin.ts'

interface OwnRootOptions {
  readonly identity: Identity
  readonly store: Pick<Store, 'get' | 'set'>
  readonly rootFile?: RootFile
  readonly sha256: Sha256
}

/** What people are told of the root that is pinned. */
export interface RootStatus {
  /** Sixteen hex digits that name it. */
  readonly key: string
  /** How many the hub had before it, as far as this device was told; 0 for the one that it joined under. */
  readonly serial: number
}

/** Where a store keeps it, for want of a file. */
export const rootValue = 'root-key'

export function createOwnRoot(options: OwnRootOptions, keep: Pick<Keepsakes, 'write' | 'journal'>): OwnRoot {
  const { identity, sha256, store } = options
  const { rootFile = { read: () => store.get(rootValue), write: (text) => store.set(rootValue, text) } } = options
  return createRootPin({
    enrolled: identity.anchor.rootKey,
    file: rootFile,
    write: (text) => keep.write('keep the root key', () => rootFile.write(text)),
    onPinned: (root, before) =>
      keep.journal('root-key', `${keyIdOf(root.key, sha256)} follows ${keyIdOf(before.key, sha256)}`),
  })
}

export function rootStatus(root: Pick<OwnRoot, 'pin'>, sha256: Sha256): RootStatus {
  const { key, serial } = root.pin()
  return { key: keyIdOf(key, sha256), serial }
}

/** As `rootStatus`, for who only reads. */
export function pinnedRootStatus(
  { anchor }: Pick<Identity, 'anchor'>,
  file: Pick<RootFile, 'read'>,
  sha256: Sha256,
): RootStatus {
  const { root, rootSerial } = readRoot(anchor.rootKey, file)
  return { key: keyIdOf(root, sha256), serial: rootSerial }
}

interface AnchorParts {
  readonly sha256: Sha256
  readonly verify: Verify
}

/** What `identity` believes, under the root that is pinned. */
export function anchorsOf(
  { keys, network }: Pick<Identity, 'keys' | 'network'>,
  root: OwnRoot['anchors'],
  { sha256, verify }: AnchorParts,
): Anchors {
  return { network: network.id, ...root, certificates: keys.map((one) => fromBase64(one)), verify, sha256 }
}

/** As `anchorsOf`, for who only reads. */
export function pinnedAnchors(identity: Identity, file: Pick<RootFile, 'read'>, parts: AnchorParts): Anchors {
  return anchorsOf(identity, readRoot(identity.anchor.rootKey, file), parts)
}
