// The words between a node and a UDP relay. No answer is longer than its question; what does not fit exactly is no frame.
//
// All begin with F0 'h' 'r' 01, a kind, three zero bytes. Integers are big-endian; ids are their sixteen characters.
//
//   1 HELLO      nonce 8, padding 48                                                    64 bytes
//   2 CHALLENGE  nonce 8, cookie 16, relay key 32                                       64
//   3 BIND       nonce 8, cookie 16, relay 16, peer 16, counter 8, own key 32, length 2, capability, signature 64
//   4 BOUND      nonce 8, session port 2, lifetime in seconds 2, source seen 18, MAC 16 54
// To and from the session port, so that a NAT keeps the very mapping that packets of the session have:
//
//   5 REFRESH    session port 2, counter 4, MAC 16                                      30
//   6 REFRESHED  the same                                                               30
//   7 UNBIND     the same                                                               30
//   8 REFUSED    nonce, or port and counter and two zeros 8; code 1, zeros 7             24
// To and from the session port that a node has with the relay itself, by which it is found while it rests:
//
//   9 CALL       session port 2, counter 4, peer 16, padding 50, MAC 16                  96
//  10 CALLED     session port 2, counter 4, peer 16, port of the pair 2, MAC 16          48
//  11 WANTED     the same, to the peer that is called                                    48
//
// Keys are X25519, one of the relay's process and one of each bind: the MACs are made with a key that never travels. The
// signature is Ed25519 by the device key over a label, the relay's key and all that stands before it.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { concat, fromUtf8, utf8 } from '../../shared/bytes.ts'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import { capabilityEnvelopeMax } from '../../shared/wire/capability.ts'
import { endpointBytes, endpointFrom } from './endpoint-bytes.ts'

const MAGIC = [0xf0, 0x68, 0x72, 0x01] as const
export const nonceBytes = 8
const cookieBytes = 16
export const macBytes = 16
const KEY = 32
const SIGNATURE = 64
const HEADER = 8
const HELLO_BYTES = 64
const BIND_FIXED = HEADER + nonceBytes + cookieBytes + 16 + 16 + 8 + KEY + 2
const BOUND_BYTES = HEADER + nonceBytes + 2 + 2 + 18 + macBytes
const TOUCH_BYTES = HEADER + 2 + 4 + macBytes
const REFUSED_BYTES = HEADER + 8 + 8
const CALLED_BYTES = HEADER + 2 + 4 + 16 + 2 + macBytes
/** As long as what it brings about at both ends. */
const CALL_BYTES = 2 * CALLED_BYTES

const kinds = [
  '',
  'hello',
  'challenge',
  'bind',
  'bound',
  'refresh',
  'refreshed',
  'unbind',
  'refused',
  'call',
  'called',
  'wanted',
] as const
type Kind = Exclude<(typeof kinds)[number], ''>

/** Why a relay says no; the order is the code on the wire. */
export const refusals = [
  'unknown-session', // a REFRESH of a session this process has no key for: bind again
  'moved', // an authentic REFRESH from another address: prove it by a bind from there
  'busy', // more binds than may be checked; later
  'untrusted', // the capability or the signature does not hold
  'expired',
  'removed', // the node is no member of the network any more
  'replayed',
  'other-family', // the other end is bound over the other IP version
  'full', // no session port is free
  'too-many', // this node holds as many sessions as one may
  'failed', // the relay's kernel refused
  'forbidden', // the network's relayPolicy keeps this relay from carrying traffic between the two
] as const
export type Refusal = (typeof refusals)[number]

export type TouchKind = 'refresh' | 'refreshed' | 'unbind'

export interface Bind {
  readonly nonce: Uint8Array
  readonly cookie: Uint8Array
  readonly relay: NodeId
  readonly peer: NodeId
  /** Rises with every bind of the node. */
  readonly counter: number
  readonly key: Uint8Array
  readonly capability: Uint8Array
}

export interface Bound {
  readonly nonce: Uint8Array
  readonly port: number
  readonly lifetimeS: number
  /** Where the relay saw the bind come from: the node's mapping. */
  readonly observed: Endpoint
}

export interface Touch {
  readonly port: number
  readonly counter: number
}

export type CallKind = 'called' | 'wanted'

export interface Call extends Touch {
  readonly peer: NodeId
}

export interface Called extends Call {
  /** The session port of the pair; 0 where the node has to bind. */
  readonly pairPort: number
}

/** `covered` are the bytes that the MAC or signature speaks for. */
export type RelayFrame =
  | { readonly kind: 'hello'; readonly nonce: Uint8Array }
  | { readonly kind: 'challenge'; readonly nonce: Uint8Array; readonly cookie: Uint8Array; readonly key: Uint8Array }
  | ({ readonly kind: 'bind'; readonly covered: Uint8Array; readonly signature: Uint8Array } & Bind)
  | ({ readonly kind: 'bound'; readonly covered: Uint8Array; readonly mac: Uint8Array } & Bound)
  | ({ readonly kind: TouchKind; readonly covered: Uint8Array; readonly mac: Uint8Array } & Touch)
  | ({ readonly kind: 'call'; readonly covered: Uint8Array; readonly mac: Uint8Array } & Call)
  | ({ readonly kind: CallKind; readonly covered: Uint8Array; readonly mac: Uint8Array } & Called)
  | { readonly kind: 'refused'; readonly about: Uint8Array; readonly why: Refusal }

/** Makes the MAC or signature over the bytes before it. */
export type Seal = (covered: Uint8Array) => Uint8Array

function header(kind: Kind): Uint8Array {
  return Uint8Array.of(...MAGIC, kinds.indexOf(kind), 0, 0, 0)
}

function integer(value: number, bytes: 2 | 4 | 8): Uint8Array {
  const out = new Uint8Array(bytes)
  const view = new DataView(out.buffer)
  if (bytes === 2) view.setUint16(0, value)
  else if (bytes === 4) view.setUint32(0, value)
  else view.setBigUint64(0, BigInt(value))
  return out
}

export function encodeHello(nonce: Uint8Array): Uint8Array {
  return concat(header('hello'), nonce, new Uint8Array(HELLO_BYTES - HEADER - nonceBytes))
}

export function encodeChallenge(nonce: Uint8Array, cookie: Uint8Array, key: Uint8Array): Uint8Array {
  return concat(header('challenge'), nonce, cookie, key)
}

export function encodeBind(bind: Bind, sign: Seal): Uint8Array {
  const covered = concat(
    header('bind'),
    bind.nonce,
    bind.cookie,
    utf8(bind.relay),
    utf8(bind.peer),
    integer(bind.counter, 8),
    bind.key,
    integer(bind.capability.length, 2),
    bind.capability,
  )
  return concat(covered, sign(covered))
}

/** What the signature of a bind is made over. */
export function bindSignedBytes(relayKey: Uint8Array, covered: Uint8Array): Uint8Array {
  return concat(utf8('holdfast/relay-bind/1\0'), relayKey, covered)
}

export function encodeBound({ lifetimeS, nonce, observed, port }: Bound, mac: Seal): Uint8Array {
  const covered = concat(header('bound'), nonce, integer(port, 2), integer(lifetimeS, 2), endpointBytes(observed))
  return concat(covered, mac(covered))
}

export function encodeTouch(kind: TouchKind, { counter, port }: Touch, mac: Seal): Uint8Array {
  const covered = concat(header(kind), integer(port, 2), integer(counter, 4))
  return concat(covered, mac(covered))
}

export function encodeCall({ counter, peer, port }: Call, mac: Seal): Uint8Array {
  const padding = new Uint8Array(CALL_BYTES - HEADER - 2 - 4 - 16 - macBytes)
  const covered = concat(header('call'), integer(port, 2), integer(counter, 4), utf8(peer), padding)
  return concat(covered, mac(covered))
}

export function encodeCalled(kind: CallKind, { counter, pairPort, peer, port }: Called, mac: Seal): Uint8Array {
  const covered = concat(header(kind), integer(port, 2), integer(counter, 4), utf8(peer), integer(pairPort, 2))
  return concat(covered, mac(covered))
}

/** What a refused REFRESH is known by. */
export function touchName({ counter, port }: Touch): Uint8Array {
  return concat(integer(port, 2), integer(counter, 4), new Uint8Array(2))
}

export function encodeRefused(about: Uint8Array, why: Refusal): Uint8Array {
  return concat(header('refused'), about, Uint8Array.of(refusals.indexOf(why) + 1), new Uint8Array(7))
}

export function isRelayFrame(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER && MAGIC.every((byte, i) => bytes[i] === byte)
}

function bindFrom(bytes: Uint8Array, view: DataView): RelayFrame | undefined {
  const length = bytes.length < BIND_FIXED ? 0 : view.getUint16(BIND_FIXED - 2)
  const end = BIND_FIXED + length
  if (length === 0 || length > capabilityEnvelopeMax || bytes.length !== end + SIGNATURE) return undefined
  const counter = Number(view.getBigUint64(64))
  if (!Number.isSafeInteger(counter)) return undefined
  return {
    kind: 'bind',
    nonce: bytes.slice(8, 16),
    cookie: bytes.slice(16, 32),
    relay: parseNodeId(fromUtf8(bytes.subarray(32, 48))),
    peer: parseNodeId(fromUtf8(bytes.subarray(48, 64))),
    counter,
    key: bytes.slice(72, 104),
    capability: bytes.slice(BIND_FIXED, end),
    covered: bytes.slice(0, end),
    signature: bytes.slice(end),
  }
}

function boundFrom(bytes: Uint8Array, view: DataView): RelayFrame | undefined {
  const port = view.getUint16(16)
  if (port === 0 || view.getUint16(36) === 0) return undefined
  const observed = endpointFrom(bytes.subarray(20, 38))
  const [covered, mac] = [bytes.slice(0, 38), bytes.slice(38)]
  return { kind: 'bound', nonce: bytes.slice(8, 16), port, lifetimeS: view.getUint16(18), observed, covered, mac }
}

function refusedFrom(bytes: Uint8Array): RelayFrame | undefined {
  const why = refusals[(bytes[16] ?? 0) - 1]
  return why === undefined ? undefined : { kind: 'refused', about: bytes.slice(8, 16), why }
}

function callFrom(bytes: Uint8Array, view: DataView) {
  const end = bytes.length - macBytes
  const peer = parseNodeId(fromUtf8(bytes.subarray(14, 30)))
  const [covered, mac] = [bytes.slice(0, end), bytes.slice(end)]
  return { port: view.getUint16(8), counter: view.getUint32(10), peer, covered, mac }
}

function parse(bytes: Uint8Array, kind: Kind, view: DataView): RelayFrame | undefined {
  const exactly = (length: number): boolean => bytes.length === length
  switch (kind) {
    case 'hello':
      return exactly(HELLO_BYTES) ? { kind, nonce: bytes.slice(8, 16) } : undefined
    case 'challenge': {
      if (!exactly(HELLO_BYTES)) return undefined
      return { kind, nonce: bytes.slice(8, 16), cookie: bytes.slice(16, 32), key: bytes.slice(32) }
    }
    case 'bind':
      return bindFrom(bytes, view)
    case 'bound':
      return exactly(BOUND_BYTES) ? boundFrom(bytes, view) : undefined
    case 'refresh':
    case 'refreshed':
    case 'unbind': {
      if (!exactly(TOUCH_BYTES)) return undefined
      const [port, counter] = [view.getUint16(8), view.getUint32(10)]
      return { kind, port, counter, covered: bytes.slice(0, 14), mac: bytes.slice(14) }
    }
    case 'call':
      return exactly(CALL_BYTES) ? { kind, ...callFrom(bytes, view) } : undefined
    case 'called':
    case 'wanted':
      return exactly(CALLED_BYTES) ? { kind, ...callFrom(bytes, view), pairPort: view.getUint16(30) } : undefined
    case 'refused':
      return exactly(REFUSED_BYTES) ? refusedFrom(bytes) : undefined
  }
}

/** Undefined for anything that is not exactly one of the frames. */
export function parseRelayFrame(bytes: Uint8Array): RelayFrame | undefined {
  const kind = kinds[bytes[4] ?? 0]
  if (!isRelayFrame(bytes) || kind === undefined || kind === '') return undefined
  if (bytes[5] !== 0 || bytes[6] !== 0 || bytes[7] !== 0) return undefined
  try {
    return parse(bytes, kind, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  } catch {
    // An id that is none.
    return undefined
  }
}
