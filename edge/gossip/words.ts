// What nodes say to each other in single datagrams inside the tunnel, at the port of the echo service:
//
//   0–3   "hfg" and version 1
//   4     1 hello, 2 answer, 3 fact
//   5–7   zero
//   8–    of a hello and an answer: what the sender holds (state.ts)
//         of a fact: whose it is (16), and its envelope
//
// The tunnel proves who sends: WireGuard lets a peer use its own addresses only. Somebody beside the tunnel may forge a source,
// and gains nothing: a hello brings about one answer of its own size to the true owner of the address, and at most an
// exchange that the true owner has to take up; a fact is signed.

import { concat, sameBytes, utf8 } from '../../shared/bytes.ts'
import type { NodeId } from '../../shared/ids.ts'
import { gossipDatagramBytesMax } from '../../shared/limits.ts'
import { nodeIdBytes, readNodeId } from '../../shared/wire/frames.ts'
import { encodeState, type GossipState, parseState } from '../../shared/wire/gossip-state.ts'

export type Word =
  /** What I hold; what do you? */
  | { readonly type: 'hello'; readonly state: GossipState }
  | { readonly type: 'answer'; readonly state: GossipState }
  /** A fact that just became known; nothing of it is verified. */
  | { readonly type: 'fact'; readonly node: NodeId; readonly envelope: Uint8Array }

const MAGIC = concat(utf8('hfg'), Uint8Array.of(1))
const HEADER_BYTES = 8
const types = ['hello', 'answer', 'fact'] as const

/** Undefined where it is too large for one datagram: it goes with an exchange then. */
export function encodeWord(word: Word): Uint8Array | undefined {
  const header = concat(MAGIC, Uint8Array.of(types.indexOf(word.type) + 1, 0, 0, 0))
  const body = word.type === 'fact' ? concat(utf8(word.node), word.envelope) : encodeState(word.state)
  return header.length + body.length > gossipDatagramBytesMax ? undefined : concat(header, body)
}

/** Undefined for bytes that are none: noise gets no answer. */
export function parseWord(bytes: Uint8Array): Word | undefined {
  if (bytes.length < HEADER_BYTES || bytes.length > gossipDatagramBytesMax) return undefined
  if (!sameBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return undefined
  const type = types[(bytes[4] ?? 0) - 1]
  const body = bytes.subarray(HEADER_BYTES)
  if (type === undefined) return undefined
  if (type === 'fact') {
    const node = readNodeId(body)
    return node === undefined ? undefined : { type, node, envelope: body.slice(nodeIdBytes) }
  }
  const state = parseState(body)
  return state === undefined ? undefined : { type, state }
}
