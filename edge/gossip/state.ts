// What a node's state is made of: half of the root of its set, and a digest of its facts that is summed up as they change.

import { fromHex, utf8 } from '../../shared/bytes.ts'
import type { Sha256 } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import { halfBytes, type Stamp } from '../../shared/wire/gossip-state.ts'
import type { Held } from '../trust/accept.ts'

export function rootHalf(held: Held | undefined): Uint8Array {
  return held === undefined ? new Uint8Array(halfBytes) : fromHex(held.head.root).subarray(0, halfBytes)
}

export interface FactDigest {
  /** Of all facts; what did not change since the last time is not hashed again. */
  of(facts: Iterable<readonly [NodeId, Stamp]>): Uint8Array
}

export function createFactDigest(sha256: Sha256): FactDigest {
  let known = new Map<NodeId, { readonly stamp: Stamp; readonly hash: Uint8Array }>()
  return {
    of(facts) {
      const next: typeof known = new Map()
      const sum = new Uint8Array(halfBytes)
      for (const [node, stamp] of facts) {
        const { boot, seq } = stamp
        const before = known.get(node)
        const same = before !== undefined && before.stamp.boot === boot && before.stamp.seq === seq
        const one = same ? before : { stamp: { boot, seq }, hash: sha256(utf8(`${node} ${boot} ${seq}`)) }
        next.set(node, one)
        for (let i = 0; i < halfBytes; i++) sum[i] = (sum[i] ?? 0) ^ (one.hash[i] ?? 0)
      }
      known = next
      return sum
    },
  }
}
