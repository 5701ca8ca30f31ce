// The hub's word on a whole set of records: the next head. Versions rise strictly; a new epoch begins at revision 1.

import { toHex } from '../../shared/bytes.ts'
import type { Sha256, Signer } from '../../shared/effects.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { signHead, type Version } from '../../shared/record/head.ts'
import type { MerkleTree } from '../../shared/record/merkle.ts'
import type { NetworkState } from '../store/hub-store.ts'

export function nextVersion(held: Version, epoch: number): Version {
  return held.epoch < epoch ? { epoch, revision: 1 } : { epoch: held.epoch, revision: held.revision + 1 }
}

export interface SignOptions {
  readonly network: NetworkState
  readonly signer: Signer
  readonly sha256: Sha256
}

/** Envelope of the head of what `tree` holds. `issuedAt` in milliseconds since the Unix epoch, for people only. */
export function sign(tree: MerkleTree, version: Version, issuedAt: number, options: SignOptions): Uint8Array {
  const { network, signer, sha256 } = options
  const keyId = keyIdOf(signer.publicKey, sha256)
  const head = { network: network.id, ...version, root: toHex(tree.root()), count: tree.size, issuedAt, keyId }
  return signHead(head, signer, sha256)
}
