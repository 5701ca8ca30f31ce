// Frames between the path engines of two nodes, as they lie on the wire. They share a port with WireGuard, whose messages
// begin with a type from 1 to 4 and three zeros, so the first four bytes tell them apart.
//
//   0–3    0xF0 'h' 'f' and version 1
//   4      kind: 1 ping, 2 pong, 3 call, 4 key
//   5–7    zero
//   8–15   tag of the pair and direction, which names the sender to the receiver
//   16–23  session of the sender with this peer: random, never used again
//   24–31  counter, rises with each frame of the session
//   32–    sealed body: ChaCha20-Poly1305, nonce four zeros and the counter, the 32 bytes before as associated data
//
// Body of a ping: probe (4), random (12), padding. Of a pong: probe and random of the ping, then where the ping came from
// (18, see wire-endpoint.ts). A call looks like a ping. All are of one size unless a ping measures the path's MTU, and a
// pong never outweighs its ping. A key is said by a node that has another than the one it is asked under: the body is its signed
// word on it (key-statement.ts).

import { sameBytes } from '../../shared/bytes.ts'
import { endpointBytes } from './wire-endpoint.ts'

const MAGIC = Uint8Array.of(0xf0, 0x68, 0x66, 1)
const kinds = ['ping', 'pong', 'call', 'key'] as const
export type FrameKind = (typeof kinds)[number]

export const tagBytes = 8
export const sessionBytes = 8
export const randomBytes = 12
const HEADER_BYTES = 32
/** Of a ping, a pong and a call. */
export const bodyBytes = 4 + randomBytes + endpointBytes
const SEAL_BYTES = 16
/** No path carries more in one packet (RFC 2675 aside), and no frame needs as much. */
const FRAME_BYTES_MAX = 9_000

export interface Header {
  readonly kind: FrameKind
  readonly tag: Uint8Array
  readonly session: Uint8Array
  readonly counter: bigint
}

export interface OpenedHeader extends Header {
  /** What the seal covers beside the body. */
  readonly covered: Uint8Array
  readonly sealed: Uint8Array
}

export function encodeHeader({ counter, kind, session, tag }: Header): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES)
  bytes.set(MAGIC)
  bytes[4] = kinds.indexOf(kind) + 1
  bytes.set(tag, 8)
  bytes.set(session, 16)
  new DataView(bytes.buffer).setBigUint64(24, counter)
  return bytes
}

/** Undefined for bytes that are no frame: noise gets no answer. */
export function parseHeader(bytes: Uint8Array): OpenedHeader | undefined {
  const kind = kinds[(bytes[4] ?? 0) - 1]
  if (kind === undefined || bytes.length < HEADER_BYTES + bodyBytes + SEAL_BYTES || bytes.length > FRAME_BYTES_MAX) {
    return undefined
  }
  if (!sameBytes(bytes.subarray(0, 4), MAGIC) || bytes[5] !== 0 || bytes[6] !== 0 || bytes[7] !== 0) return undefined
  return {
    kind,
    tag: bytes.subarray(8, 16),
    session: bytes.slice(16, 24),
    counter: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(24),
    covered: bytes.subarray(0, HEADER_BYTES),
    sealed: bytes.subarray(HEADER_BYTES),
  }
}

/** Nonce of a frame under its session's key. */
export function nonceOf(counter: bigint): Uint8Array {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setBigUint64(4, counter)
  return nonce
}

/** `size`: bytes of the body, at least those of a pong. */
export function encodeProbe(probe: number, random: Uint8Array, rest: Uint8Array, size = bodyBytes): Uint8Array {
  const body = new Uint8Array(Math.max(size, bodyBytes))
  new DataView(body.buffer).setUint32(0, probe)
  body.set(random, 4)
  body.set(rest, 4 + randomBytes)
  return body
}

export interface Probe {
  readonly probe: number
  readonly random: Uint8Array
  readonly rest: Uint8Array
}

export function parseProbe(body: Uint8Array): Probe {
  return {
    probe: new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(0),
    random: body.slice(4, 4 + randomBytes),
    rest: body.slice(4 + randomBytes, bodyBytes),
  }
}
