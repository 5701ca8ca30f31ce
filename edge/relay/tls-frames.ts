// What a node and a relay say to each other inside TLS, where UDP is blocked: WebSocket messages, each of whole frames.
//
//   frame    length 2, channel 2, payload; integers are big-endian, ids their sixteen characters
//
// Channel 0 carries words, every other one the datagrams of one peer:
//
//   1 JOIN     relay 16, length 2, capability, signature 64      node → relay, first of all
//   2 JOINED                                                     relay → node
//   3 OPEN     channel 2, peer 16                                node → relay
//   4 OPENED   channel 2                                         relay → node
//   5 CLOSE    channel 2                                         node → relay
//   6 REFUSED  channel 2 (0: of the JOIN), code 1                relay → node
//   7 WANTED   peer 16: it waits at the relay for this node      relay → node
//
// The signature is Ed25519 by the device key over a label, what both ends export from this very TLS connection (RFC 8446
// §7.5), and all of the JOIN before it: it is worth nothing on any other connection.

import { concat, fromUtf8, utf8 } from '../../shared/bytes.ts'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import { capabilityEnvelopeMax } from '../../shared/wire/capability.ts'
import { type Refusal, refusals } from './frames.ts'

/** Label of the exporter; "EXPERIMENTAL" is what RFC 5705 §4 leaves to everybody. */
export const exporterLabel = 'EXPERIMENTAL-holdfast-relay'
export const exporterBytes = 32
export const relayTlsPath = '/relay'
/** What a node offers to speak (RFC 7301): so a port that a hub shares knows whom it wants. WebSocket is spoken then. */
export const relayTlsProtocol = 'holdfast-relay'
/** Bytes in front of each payload. */
const frameHeadBytes = 4
const SIGNATURE = 64
const ID = 16
const JOIN_FIXED = 1 + ID + 2

const kinds = ['', 'join', 'joined', 'open', 'opened', 'close', 'refused', 'wanted'] as const

/** `covered`: what the signature speaks for beside the connection. */
export type TlsWord =
  | {
      readonly kind: 'join'
      readonly relay: NodeId
      readonly capability: Uint8Array
      readonly covered: Uint8Array
      readonly signature: Uint8Array
    }
  | { readonly kind: 'joined' }
  | { readonly kind: 'open'; readonly channel: number; readonly peer: NodeId }
  | { readonly kind: 'opened' | 'close'; readonly channel: number }
  | { readonly kind: 'refused'; readonly channel: number; readonly why: Refusal }
  | { readonly kind: 'wanted'; readonly peer: NodeId }

export interface TlsFrame {
  readonly channel: number
  readonly payload: Uint8Array
}

function short(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff)
}

export function encodeTlsFrame(channel: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(frameHeadBytes + payload.length)
  out[0] = payload.length >> 8
  out[1] = payload.length & 0xff
  out[2] = channel >> 8
  out[3] = channel & 0xff
  out.set(payload, frameHeadBytes)
  return out
}

/** The frames of one message; undefined where it does not consist of whole frames. Payloads are views of the message. */
export function parseTlsFrames(message: Uint8Array): readonly TlsFrame[] | undefined {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const frames: TlsFrame[] = []
  let at = 0
  while (at < message.length) {
    if (message.length - at < frameHeadBytes) return undefined
    const end = at + frameHeadBytes + view.getUint16(at)
    if (end > message.length) return undefined
    frames.push({ channel: view.getUint16(at + 2), payload: message.subarray(at + frameHeadBytes, end) })
    at = end
  }
  return frames
}

function word(kind: TlsWord['kind'], ...parts: readonly Uint8Array[]): Uint8Array {
  return encodeTlsFrame(0, concat(Uint8Array.of(kinds.indexOf(kind)), ...parts))
}

/** What the signature of a JOIN is made over. */
export function joinSignedBytes(exported: Uint8Array, covered: Uint8Array): Uint8Array {
  return concat(utf8('holdfast/relay-join/1\0'), exported, covered)
}

export function encodeJoin(
  relay: NodeId,
  capability: Uint8Array,
  sign: (covered: Uint8Array) => Uint8Array,
): Uint8Array {
  const covered = concat(Uint8Array.of(kinds.indexOf('join')), utf8(relay), short(capability.length), capability)
  return encodeTlsFrame(0, concat(covered, sign(covered)))
}

export function encodeWord(said: Exclude<TlsWord, { readonly kind: 'join' }>): Uint8Array {
  switch (said.kind) {
    case 'joined':
      return word(said.kind)
    case 'open':
      return word(said.kind, short(said.channel), utf8(said.peer))
    case 'opened':
    case 'close':
      return word(said.kind, short(said.channel))
    case 'refused':
      return word(said.kind, short(said.channel), Uint8Array.of(refusals.indexOf(said.why) + 1))
    case 'wanted':
      return word(said.kind, utf8(said.peer))
  }
}

function joinFrom(bytes: Uint8Array): TlsWord | undefined {
  const length = bytes.length < JOIN_FIXED ? 0 : ((bytes[JOIN_FIXED - 2] ?? 0) << 8) | (bytes[JOIN_FIXED - 1] ?? 0)
  const end = JOIN_FIXED + length
  if (length === 0 || length > capabilityEnvelopeMax || bytes.length !== end + SIGNATURE) return undefined
  return {
    kind: 'join',
    relay: parseNodeId(fromUtf8(bytes.subarray(1, 1 + ID))),
    capability: bytes.slice(JOIN_FIXED, end),
    covered: bytes.slice(0, end),
    signature: bytes.slice(end),
  }
}

function parse(bytes: Uint8Array): TlsWord | undefined {
  const kind = kinds[bytes[0] ?? 0] ?? ''
  const exactly = (length: number): boolean => bytes.length === 1 + length
  const channel = ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0)
  const id = (from: number): NodeId => parseNodeId(fromUtf8(bytes.subarray(from)))
  switch (kind) {
    case '':
      return undefined
    case 'join':
      return joinFrom(bytes)
    case 'joined':
      return exactly(0) ? { kind } : undefined
    case 'open':
      return exactly(2 + ID) && channel !== 0 ? { kind, channel, peer: id(3) } : undefined
    case 'opened':
    case 'close':
      return exactly(2) && channel !== 0 ? { kind, channel } : undefined
    case 'refused': {
      const why = refusals[(bytes[3] ?? 0) - 1]
      return exactly(3) && why !== undefined ? { kind, channel, why } : undefined
    }
    case 'wanted':
      return exactly(ID) ? { kind, peer: id(1) } : undefined
  }
}

/** The word in the payload of a frame on channel 0; undefined for anything that is not exactly one. */
export function parseTlsWord(payload: Uint8Array): TlsWord | undefined {
  try {
    return parse(payload)
  } catch {
    // An id that is none.
    return undefined
  }
}
