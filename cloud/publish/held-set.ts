// The check at start: what the store gives back must be what was signed. A wrong set would be signed over otherwise.

import { toHex } from '../../shared/bytes.ts'
import type { Verify } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import type { TrustedKeys } from '../../shared/record/envelope.ts'
import { compareVersion, openHead } from '../../shared/record/head.ts'
import type { MerkleTree } from '../../shared/record/merkle.ts'
import type { NetworkState, Published } from '../store/hub-store.ts'

export interface HeldSetOptions {
  readonly network: NetworkState
  readonly trusted: TrustedKeys
  readonly verify: Verify
}

function corrupt(network: NetworkState, why: string, cause?: unknown): HoldfastError {
  return new HoldfastError('corrupt', `the stored records of network ${network.name} are damaged: ${why}`, {
    remedy: 'Nothing was changed. Check the disk, then bring the data directory back with `holdfast-hub restore`.',
    cause,
  })
}

/** Id of the key that signed the set; undefined where it is a key this hub no longer knows. */
export function checkHeld(held: Published, tree: MerkleTree, options: HeldSetOptions): string | undefined {
  const { network, trusted, verify } = options
  try {
    const head = openHead(held.head, trusted, verify)
    if (head.network !== network.id) throw corrupt(network, `the head is of network ${head.network}`)
    if (compareVersion(head, held.version) !== 0) throw corrupt(network, 'the head is of another revision')
    if (head.root !== toHex(tree.root()) || head.count !== tree.size)
      throw corrupt(network, 'they do not hash to the head')
    return head.keyId
  } catch (error) {
    // The signing key was replaced and its certificate is gone; the next head is signed with the present one.
    if (isHoldfastError(error, 'untrusted')) return undefined
    throw isHoldfastError(error, 'corrupt') ? error : corrupt(network, describeError(error), error)
  }
}
