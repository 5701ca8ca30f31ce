// Echo frames between agents inside the mesh: 24 bytes each way, so that an answer never outweighs its question.
//
//   bytes 0–3   "hfe" and version 1
//   byte  4     1 request, 2 response
//   bytes 5–7   zero
//   bytes 8–23  nonce, random: a response proves that the request arrived

import { concat, sameBytes, utf8 } from '../../shared/bytes.ts'

export const nonceBytes = 16
const FRAME_BYTES = 8 + nonceBytes
const MAGIC = concat(utf8('hfe'), Uint8Array.of(1))
const types = ['request', 'response'] as const

export interface EchoFrame {
  readonly type: (typeof types)[number]
  readonly nonce: Uint8Array
}

export function encodeEcho({ type, nonce }: EchoFrame): Uint8Array {
  return concat(MAGIC, Uint8Array.of(types.indexOf(type) + 1, 0, 0, 0), nonce)
}

/** Undefined for bytes that are no echo frame: noise gets no answer. */
export function parseEcho(bytes: Uint8Array): EchoFrame | undefined {
  if (bytes.length !== FRAME_BYTES || !sameBytes(bytes.subarray(0, 4), MAGIC)) return undefined
  const type = types[(bytes[4] ?? 0) - 1]
  if (type === undefined || bytes[5] !== 0 || bytes[6] !== 0 || bytes[7] !== 0) return undefined
  return { type, nonce: bytes.slice(8) }
}
