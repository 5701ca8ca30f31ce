// Asks STUN servers (RFC 8489) where they see this node's packets come from. Any server will do: relays of ours answer, and
// so do public ones. Its word is not authenticated; it is taken only from where the question went, to a number that
// nobody else knows, and what it says is tried before it is used.

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint } from '../../shared/address/endpoint.ts'
import { formatIp } from '../../shared/address/ip.ts'
import { concat, sameBytes, utf8 } from '../../shared/bytes.ts'
import type { Clock, Entropy } from '../../shared/effects.ts'

const HEADER_BYTES = 20
const ID_BYTES = 12
const COOKIE = 0x2112a442
const REQUEST = 0x0001
const SUCCESS = 0x0101
const XOR_MAPPED_ADDRESS = 0x0020
const SOFTWARE = 0x8022
/** Pads the question to the length of its longest answer, which relays of ours ask for, with what servers may ignore. */
const NAME = utf8('holdfast'.padEnd(20))
/** Each attribute is at least a header of 4 bytes; servers send five or six. */
const ANSWER_BYTES_MAX = 1_280
/** Questions whose answer is awaited; the oldest gives way. */
const ASKED_MAX = 16
/** Ti of RFC 8489 §6.2.1: what answers later is forgotten. */
const PATIENCE_MS = 39_500

/** A binding request; `id`: 12 random bytes. */
export function encodeStunRequest(id: Uint8Array): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES)
  const view = new DataView(header.buffer)
  view.setUint16(0, REQUEST)
  view.setUint16(2, 4 + NAME.length)
  view.setUint32(4, COOKIE)
  header.set(id, 8)
  return concat(header, Uint8Array.of(SOFTWARE >> 8, SOFTWARE & 255, 0, NAME.length), NAME)
}

export interface StunAnswer {
  readonly id: Uint8Array
  readonly seenAs: Endpoint
}

/** Masked with cookie and transaction id, which stand one after the other from `mask` on. */
function parseAddress(value: Uint8Array, mask: Uint8Array): Endpoint | undefined {
  const family = value[1] === 1 ? 4 : 6
  if (value[0] !== 0 || (value[1] !== 1 && value[1] !== 2) || value.length !== (family === 4 ? 8 : 20)) return undefined
  const plain = value.subarray(2).map((byte, i) => byte ^ (mask[i < 2 ? i : i - 2] ?? 0))
  const port = ((plain[0] ?? 0) << 8) | (plain[1] ?? 0)
  const number = plain.subarray(2).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return port === 0 ? undefined : formatEndpoint(formatIp({ family, value: number }) as Address, port)
}

/** Undefined for what is no success response or names no address. Attributes that are not understood change nothing here. */
export function parseStunAnswer(bytes: Uint8Array): StunAnswer | undefined {
  if (bytes.length < HEADER_BYTES || bytes.length > ANSWER_BYTES_MAX || bytes.length % 4 !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint16(0) !== SUCCESS || view.getUint16(2) !== bytes.length - HEADER_BYTES) return undefined
  if (view.getUint32(4) !== COOKIE) return undefined
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const length = view.getUint16(at + 2)
    const value = bytes.subarray(at + 4, at + 4 + length)
    if (value.length !== length) return undefined
    if (view.getUint16(at) === XOR_MAPPED_ADDRESS) {
      const seenAs = parseAddress(value, bytes.subarray(4, HEADER_BYTES))
      return seenAs === undefined ? undefined : { id: bytes.slice(8, HEADER_BYTES), seenAs }
    }
    at += 4 + Math.ceil(length / 4) * 4
  }
  return undefined
}

export interface StunHeard {
  readonly server: Endpoint
  readonly seenAs: Endpoint
  readonly rttMs: number
}

export interface StunClient {
  /** A question to send to `server`. */
  ask(server: Endpoint): Uint8Array
  /** Undefined for what answers no question of ours. */
  receive(bytes: Uint8Array, from: Endpoint): StunHeard | undefined
}

export function createStunClient(clock: Clock, entropy: Entropy): StunClient {
  const asked: { readonly server: Endpoint; readonly id: Uint8Array; readonly at: number }[] = []

  return {
    ask(server) {
      const id = entropy.bytes(ID_BYTES)
      asked.push({ server, id, at: clock.monotonic() })
      if (asked.length > ASKED_MAX) asked.shift()
      return encodeStunRequest(id)
    },
    receive(bytes, from) {
      const answer = parseStunAnswer(bytes)
      if (answer === undefined) return undefined
      const index = asked.findIndex(({ id, server }) => server === from && sameBytes(id, answer.id))
      const [question] = index < 0 ? [] : asked.splice(index, 1)
      if (question === undefined) return undefined
      const rttMs = clock.monotonic() - question.at
      return rttMs > PATIENCE_MS ? undefined : { server: from, seenAs: answer.seenAs, rttMs }
    },
  }
}
