// New broker credentials for a member whose old ones are refused: the hub was restored without them, or the broker lost them.
// Nobody has to visit the device; it proves itself with its device key, over HTTPS that the pinned authority proves.
//
// 1. GET  /api/v1/enrol/challenge/{node} → Challenge, for anybody; it tells nothing about the node.
// 2. POST /api/v1/enrol/renew            → RenewRequest; RenewReply.
//
// A challenge and not a time, because the clock of a device may be in 1970. It counts until the next credentials are
// given: a request that somebody recorded opens nothing afterwards.

import * as v from 'valibot'
import { concat, utf8 } from '../bytes.ts'
import { type NodeId, parseNodeId } from '../ids.ts'
import { text } from '../intent/field.ts'
import { brokerLogInSchema, deviceLinks } from './enrol.ts'

/** Base64 of bytes that mean something to the hub alone. */
const challenge = v.pipe(v.string(), v.base64(), v.maxLength(128))

export const challengeSchema = v.strictObject({ challenge })

export const renewRequestSchema = v.strictObject({
  nodeId: text(parseNodeId, 'node-id'),
  challenge,
  /** Ed25519 signature by the device key over `renewProofBytes`, base64. */
  proof: v.pipe(v.string(), v.base64(), v.maxLength(128)),
  links: v.optional(deviceLinks),
})
export type RenewRequest = v.InferOutput<typeof renewRequestSchema>

export const renewReplySchema = v.strictObject({ state: v.literal('renewed'), broker: brokerLogInSchema })
export type RenewReply = v.InferOutput<typeof renewReplySchema>

/** What the device signs. `pin` names the hub's root key and TLS authority: a proof for one hub is none for another. */
export function renewProofBytes(nodeId: NodeId, given: Uint8Array, pin: Uint8Array): Uint8Array {
  return concat(utf8('holdfast/renew/1\0'), pin, utf8(nodeId), given)
}
