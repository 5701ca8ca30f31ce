// What a node holds, in 49 bytes: which revision with which root, which facts, and whether the hub is there. Two nodes that show
// each other the same have nothing to tell; it proves nothing, and whatever follows from it is verified by itself.
//
//   0–7    epoch
//   8–15   revision
//   16–31  root of the set, its first half
//   32–47  digest of the facts: XOR of the first half of SHA-256 of each (node, boot, seq), so that order is of no matter
//   48     1: the hub is there

import { fromHex, utf8 } from '../../shared/bytes.ts'
import type { Sha256 } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Version } from '../../shared/record/head.ts'
import type { Held } from '../trust/accept.ts'

export const stateBytes = 49
const HALF = 16
const ROOT_AT = 16
const DIGEST_AT = ROOT_AT + HALF
const FLAGS_AT = DIGEST_AT + HALF
const ONLINE = 1

export interface GossipState {
  readonly version: Version
  /** First half of the Merkle root; zeros where nothing is held. */
  readonly root: Uint8Array
  readonly facts: Uint8Array
  /** The node hears the hub: what the hub spreads needs no gossip to get there. */
  readonly online: boolean
}

/** Of which life and which word of it a fact is: last writer wins. */
export interface Stamp {
  readonly boot: number
  readonly seq: number
}

export function encodeState({ facts, online, root, version }: GossipState): Uint8Array {
  const bytes = new Uint8Array(stateBytes)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(version.epoch))
  view.setBigUint64(8, BigInt(version.revision))
  bytes.set(root, ROOT_AT)
  bytes.set(facts, DIGEST_AT)
  bytes[FLAGS_AT] = online ? ONLINE : 0
  return bytes
}

/** Undefined for what is none. Reads the first 49 bytes: a newer agent may say more. */
export function parseState(bytes: Uint8Array): GossipState | undefined {
  if (bytes.length < stateBytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const epoch = counterOf(view.getBigUint64(0))
  const revision = counterOf(view.getBigUint64(8))
  if (epoch === undefined || revision === undefined) return undefined
  return {
    version: { epoch, revision },
    root: bytes.slice(ROOT_AT, DIGEST_AT),
    facts: bytes.slice(DIGEST_AT, FLAGS_AT),
    online: ((bytes[FLAGS_AT] ?? 0) & ONLINE) !== 0,
  }
}

export function counterOf(value: bigint): number | undefined {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined
}

export function rootHalf(held: Held | undefined): Uint8Array {
  return held === undefined ? new Uint8Array(HALF) : fromHex(held.head.root).subarray(0, HALF)
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
      const sum = new Uint8Array(HALF)
      for (const [node, stamp] of facts) {
        const { boot, seq } = stamp
        const before = known.get(node)
        const same = before !== undefined && before.stamp.boot === boot && before.stamp.seq === seq
        const one = same ? before : { stamp: { boot, seq }, hash: sha256(utf8(`${node} ${boot} ${seq}`)) }
        next.set(node, one)
        for (let i = 0; i < HALF; i++) sum[i] = (sum[i] ?? 0) ^ (one.hash[i] ?? 0)
      }
      known = next
      return sum
    },
  }
}
