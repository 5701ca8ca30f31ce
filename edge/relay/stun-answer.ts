// Answers STUN binding requests (RFC 8489): from where the asker is seen, and nothing else. As everything of a relay, an
// answer is never longer than its question: clients pad theirs with an attribute that may be ignored, as SOFTWARE.

import { type Endpoint, hostOf, portOf } from '../../shared/address/endpoint.ts'
import { tryParseIp } from '../../shared/address/ip.ts'

const HEADER = 20
const REQUEST = 0x0001
const SUCCESS = 0x0101
const XOR_MAPPED_ADDRESS = 0x0020
const COOKIE = 0x2112a442
const ADDRESS_BYTES = { 4: 4, 6: 16 } as const

function isRequest(bytes: Uint8Array, view: DataView): boolean {
  return (
    bytes.length >= HEADER &&
    view.getUint16(0) === REQUEST &&
    view.getUint16(2) === bytes.length - HEADER &&
    bytes.length % 4 === 0 &&
    view.getUint32(4) === COOKIE
  )
}

/** Undefined for what is no binding request, or one that is shorter than its answer. */
export function answerStun(bytes: Uint8Array, source: Endpoint): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ip = tryParseIp(hostOf(source))
  if (!isRequest(bytes, view) || ip === undefined) return undefined
  const length = ADDRESS_BYTES[ip.family]
  const answer = new Uint8Array(HEADER + 8 + length)
  if (answer.length > bytes.length) return undefined
  const out = new DataView(answer.buffer)
  out.setUint16(0, SUCCESS)
  out.setUint16(2, 8 + length)
  answer.set(bytes.subarray(4, HEADER), 4)
  out.setUint16(HEADER, XOR_MAPPED_ADDRESS)
  out.setUint16(HEADER + 2, 4 + length)
  answer[HEADER + 5] = ip.family === 4 ? 1 : 2
  out.setUint16(HEADER + 6, portOf(source) ^ (COOKIE >>> 16))
  for (let i = 0; i < length; i++) {
    // Masked with cookie and transaction id, which stand one after the other in the header.
    const byte = Number((ip.value >> BigInt(8 * (length - 1 - i))) & 0xffn)
    answer[HEADER + 8 + i] = byte ^ (bytes[4 + i] ?? 0)
  }
  return answer
}
