// The frames of an exchange, and of a file that somebody carries: one half of an exchange, kept.
//
//   0      type
//   1–4    bytes of the body
//   5–     body
//
//   1 state     what the sender holds (gossip-state.ts), then 1 if a list of its facts follows
//   2 stamps    of each fact: node id (16), boot (8), seq (8)
//   3 delta     deflated, from what the receiver showed to what the sender holds
//   4 snapshot  deflated
//   5 fact      whose it is (16), and its envelope
//   6 end       the sender has said all; empty

import { concat, fromUtf8, utf8 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { type NodeId, parseNodeId } from '../ids.ts'
import { deviceLinksBytesMax, factBytesMax, gossipStampsBytesMax } from '../limits.ts'
import { deltaFrameMax, snapshotFrameMax } from '../record/delta.ts'
import { counterOf, encodeState, type GossipState, parseState, type Stamp, stateBytes } from './gossip-state.ts'

export type Stamps = ReadonlyMap<NodeId, Stamp>

export type Frame =
  | { readonly type: 'state'; readonly state: GossipState; readonly stampsFollow: boolean }
  | { readonly type: 'stamps'; readonly stamps: Stamps }
  | { readonly type: 'delta' | 'snapshot'; readonly deflated: Uint8Array }
  | { readonly type: 'fact'; readonly node: NodeId; readonly envelope: Uint8Array }
  | { readonly type: 'end' }

export const nodeIdBytes = 16
const HEADER_BYTES = 5
const STAMP_BYTES = nodeIdBytes + 16
/** What does not deflate grows by some bytes (RFC 1951 §3.2.4). */
const SLACK_BYTES = 64 << 10

/** Largest body of each type, in the order of their numbers. */
const bodies = {
  state: 256,
  stamps: gossipStampsBytesMax,
  delta: deltaFrameMax + SLACK_BYTES,
  snapshot: snapshotFrameMax + SLACK_BYTES,
  fact: nodeIdBytes + factBytesMax + deviceLinksBytesMax + 256,
  end: 0,
} as const satisfies Record<Frame['type'], number>
const types = Object.keys(bodies) as readonly Frame['type'][]

function encodeStamps(stamps: Stamps): Uint8Array {
  const bytes = new Uint8Array(stamps.size * STAMP_BYTES)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const [node, { boot, seq }] of stamps) {
    bytes.set(utf8(node), at)
    view.setBigUint64(at + nodeIdBytes, BigInt(boot))
    view.setBigUint64(at + nodeIdBytes + 8, BigInt(seq))
    at += STAMP_BYTES
  }
  return bytes
}

function parseStamps(bytes: Uint8Array): Stamps | undefined {
  if (bytes.length % STAMP_BYTES !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const stamps = new Map<NodeId, Stamp>()
  for (let at = 0; at < bytes.length; at += STAMP_BYTES) {
    const node = readNodeId(bytes.subarray(at))
    const boot = counterOf(view.getBigUint64(at + nodeIdBytes))
    const seq = counterOf(view.getBigUint64(at + nodeIdBytes + 8))
    if (node === undefined || boot === undefined || seq === undefined) return undefined
    stamps.set(node, { boot, seq })
  }
  return stamps
}

function bodyOf(frame: Frame): Uint8Array {
  switch (frame.type) {
    case 'state':
      return concat(encodeState(frame.state), Uint8Array.of(frame.stampsFollow ? 1 : 0))
    case 'stamps':
      return encodeStamps(frame.stamps)
    case 'delta':
    case 'snapshot':
      return frame.deflated
    case 'fact':
      return concat(utf8(frame.node), frame.envelope)
    case 'end':
      return new Uint8Array(0)
  }
}

export function encodeFrame(frame: Frame): Uint8Array {
  const body = bodyOf(frame)
  if (body.length > bodies[frame.type]) {
    throw new HoldfastError('too-large', `a ${frame.type} of ${body.length} bytes does not fit into a frame`)
  }
  const header = new Uint8Array(HEADER_BYTES)
  header[0] = types.indexOf(frame.type) + 1
  new DataView(header.buffer).setUint32(1, body.length)
  return concat(header, body)
}

function parseBody(type: Frame['type'], body: Uint8Array): Frame | undefined {
  switch (type) {
    case 'state': {
      const state = parseState(body)
      return state === undefined ? undefined : { type, state, stampsFollow: body[stateBytes] === 1 }
    }
    case 'stamps': {
      const stamps = parseStamps(body)
      return stamps === undefined ? undefined : { type, stamps }
    }
    case 'delta':
    case 'snapshot':
      return { type, deflated: body }
    case 'fact': {
      const node = readNodeId(body)
      return node === undefined ? undefined : { type, node, envelope: body.slice(nodeIdBytes) }
    }
    case 'end':
      return { type }
  }
}

export interface Framer {
  /** The frames that `bytes` complete. Throws `invalid` or `too-large` as soon as a header shows it. */
  push(bytes: Uint8Array): readonly Frame[]
  /** Bytes of a frame that is not complete yet. */
  waiting(): number
}

/** Cuts a stream into frames. Keeps at most one that is not complete. */
export function createFramer(): Framer {
  let parts: Uint8Array[] = []
  let waiting = 0

  const headerOf = (bytes: Uint8Array): { readonly type: Frame['type']; readonly length: number } => {
    const type = types[(bytes[0] ?? 0) - 1]
    if (type === undefined) throw new HoldfastError('invalid', 'not a frame of an exchange')
    const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(1)
    if (length > bodies[type]) throw new HoldfastError('too-large', `a ${type} of ${length} bytes was announced`)
    return { type, length }
  }

  /** Joined only when enough is there: a snapshot comes in thousands of pieces. */
  let wanted = HEADER_BYTES
  return {
    push(bytes) {
      const frames: Frame[] = []
      parts.push(bytes)
      waiting += bytes.length
      while (waiting >= wanted) {
        let whole = parts.length === 1 && parts[0] !== undefined ? parts[0] : concat(...parts)
        const { length, type } = headerOf(whole)
        wanted = HEADER_BYTES + length
        if (whole.length >= wanted) {
          const frame = parseBody(type, whole.slice(HEADER_BYTES, wanted))
          if (frame === undefined) throw new HoldfastError('invalid', `a ${type} can’t be read`)
          frames.push(frame)
          whole = whole.subarray(wanted)
          wanted = HEADER_BYTES
        }
        parts = [whole]
        waiting = whole.length
      }
      return frames
    },
    waiting: () => waiting,
  }
}

/** The node id that `bytes` begin with. */
export function readNodeId(bytes: Uint8Array): NodeId | undefined {
  try {
    return bytes.length < nodeIdBytes ? undefined : parseNodeId(fromUtf8(bytes.subarray(0, nodeIdBytes)))
  } catch {
    return undefined
  }
}
