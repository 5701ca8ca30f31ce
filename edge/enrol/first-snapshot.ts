// The first set of records a device ever holds, judged by nothing but the root key that its token pins.

import { fromBase64, sameBytes, toHex } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import type { NetworkId } from '../../shared/ids.ts'
import { snapshotBytesMax } from '../../shared/limits.ts'
import { parseSnapshot, unframe } from '../../shared/record/delta.ts'
import { openHead } from '../../shared/record/head.ts'
import { keyring } from '../../shared/record/keys.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import type { SetChange } from '../store/store.ts'

export interface FirstSnapshot {
  /** Public root key, base64. */
  readonly rootKey: string
  /** Certificates of signing keys, base64 envelopes. */
  readonly keys: readonly string[]
  readonly network: NetworkId
  /** A snapshot frame, base64. */
  readonly snapshot: string
}

/** Verifies signature, network, count and root; throws where anything is off. */
export function openFirstSnapshot(offer: FirstSnapshot): SetChange {
  const trusted = keyring(offer.keys.map(fromBase64), fromBase64(offer.rootKey), verify, sha256)
  const framed = unframe(fromBase64(offer.snapshot), snapshotBytesMax)
  const head = openHead(framed.head, trusted, verify)
  if (head.network !== offer.network) {
    throw new HoldfastError('untrusted', `the snapshot is of network ${head.network}, not of ${offer.network}`)
  }
  const records = parseSnapshot(framed.payload)
  const tree = new MerkleTree(sha256)
  for (const [id, bytes] of records) tree.put(id, sha256(bytes))
  if (records.size !== head.count || toHex(tree.root()) !== head.root) {
    throw new HoldfastError('bad-root', 'the snapshot is not the set of records that its head vouches for')
  }
  const version = { epoch: head.epoch, revision: head.revision }
  return { head: Uint8Array.from(framed.head), version, put: records, del: 'all' }
}

/** True if both are the same bytes: what was stored reads back as it was verified. */
export function sameRecords(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean {
  return (
    a.size === b.size &&
    [...a].every(([id, bytes]) => {
      const other = b.get(id)
      return other !== undefined && sameBytes(bytes, other)
    })
  )
}
