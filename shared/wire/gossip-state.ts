// What a node holds, in 49 bytes: which revision with which root, which facts, and whether the hub is there. Two nodes that show
// each other the same have nothing to tell; it proves nothing, and whatever follows from it is verified by itself.
//
//   0–7    epoch
//   8–15   revision
//   16–31  root of the set, its first half
//   32–47  digest of the facts: XOR of the first half of SHA-256 of each (node, boot, seq), so that order is of no matter
//   48     1: the hub is there

import type { Version } from '../record/head.ts'

export const stateBytes = 49
/** Of a SHA-256, as states show them. */
export const halfBytes = 16
const ROOT_AT = 16
const DIGEST_AT = ROOT_AT + halfBytes
const FLAGS_AT = DIGEST_AT + halfBytes
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
