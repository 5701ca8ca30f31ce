// Enrolment over HTTPS: what the device asks and what it is given.
//
// 1. GET  /api/v1/enrol/anchor → Anchor. Not secret, not trusted until its hash matches the token's pin.
// 2. POST /api/v1/enrol        → EnrolRequest; EnrolReply with status 200, or 202 while approval is awaited.
//
// A member that the broker no longer lets in comes back by its device key alone: renew.ts.

import * as v from 'valibot'
import { concat, fromBase64, fromBase64Url, toBase64Url, utf8 } from '../bytes.ts'
import type { Sha256 } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { type NodeId, parseDeviceKey, parseNetworkId, parseNodeId, parseWgKey } from '../ids.ts'
import { integer, labels, name, text } from '../intent/field.ts'
import { deviceLinksMax } from '../limits.ts'
import { encodeCanonical } from '../record/canonical.ts'
import { rootChain, type SignedRoot } from '../record/root.ts'

/** What a device must know to trust a hub: its root key (signs signing keys) and its TLS authority. */
export const anchorSchema = v.strictObject({
  rootKey: text(parseDeviceKey, 'ed25519-key'),
  /** DER of the self-made certificate authority, base64. */
  tlsAuthority: v.pipe(v.string(), v.base64(), v.maxLength(8_192)),
})
export type Anchor = v.InferOutput<typeof anchorSchema>

/** As the hub tells it, with what leads to its root from those that older tokens pin. */
export const anchorReplySchema = v.strictObject({ ...anchorSchema.entries, roots: v.optional(rootChain) })
export type AnchorReply = v.InferOutput<typeof anchorReplySchema>

/** 32 bytes that pin an anchor. */
export function anchorPin(anchor: Anchor, sha256: Sha256): Uint8Array {
  return sha256(
    concat(utf8('holdfast/anchor/1\0'), fromBase64(anchor.rootKey), sha256(fromBase64(anchor.tlsAuthority))),
  )
}

/** Of the anchor, and of those that the hub had under each former root of `roots`; its own first. */
export function anchorPins(anchor: Anchor, roots: readonly SignedRoot[], sha256: Sha256): readonly Uint8Array[] {
  const former = roots.map(({ link }) => ({ ...anchor, rootKey: link.root }))
  return [anchor, ...former.toReversed()].map((one) => anchorPin(one, sha256))
}

/** Name in every certificate of a hub, whatever address it is reached at. */
export const hubServerName = 'hub.holdfast.internal'

/** Application protocol that clients of the broker offer (IANA, RFC 7301), so that it may share a port. */
export const mqttProtocol = 'mqtt'

export interface JoinSecret {
  /** Public handle of the token: 8 characters of base32. */
  readonly id: string
  readonly secret: Uint8Array
  readonly pin: Uint8Array
  /** SHA-256 of the membership lock that the network had when the token was made: the device believes no other. */
  readonly lock?: Uint8Array | undefined
}

/** `hf1.<id>.<base64url of secret(32), pin(32) and, under a membership lock, its hash(32)>`: one word to copy. */
export function formatJoinToken(token: JoinSecret): string {
  return `hf1.${token.id}.${toBase64Url(concat(token.secret, token.pin, token.lock ?? new Uint8Array(0)))}`
}

export function parseJoinToken(word: string): JoinSecret {
  const [prefix, id = '', body = '', rest] = word.trim().split('.')
  const remedy = 'Copy the whole word that `holdfast-hub token create` printed.'
  if (prefix !== 'hf1' || rest !== undefined || !/^[a-z2-7]{8}$/.test(id)) {
    throw new HoldfastError('invalid', 'this is not a join token', { remedy })
  }
  let bytes: Uint8Array
  try {
    bytes = fromBase64Url(body)
  } catch (cause) {
    throw new HoldfastError('invalid', 'the join token has a typing error in it', { remedy, cause })
  }
  if (bytes.length !== 64 && bytes.length !== 96) {
    throw new HoldfastError('invalid', 'the join token is cut short', { remedy })
  }
  const lock = bytes.length === 64 ? {} : { lock: bytes.slice(64) }
  return { id, secret: bytes.slice(0, 32), pin: bytes.slice(32, 64), ...lock }
}

export const enrolRequestSchema = v.strictObject({
  tokenId: v.pipe(v.string(), v.regex(/^[a-z2-7]{8}$/)),
  /** base64url of the 32 secret bytes. */
  secret: v.pipe(v.string(), v.maxLength(64)),
  name: v.optional(name),
  labels,
  wgKey: text(parseWgKey, 'wireguard-key'),
  deviceKey: text(parseDeviceKey, 'ed25519-key'),
  /** Ed25519 signature by the device key over `enrolProofBytes`, base64. */
  proof: v.pipe(v.string(), v.base64(), v.maxLength(128)),
})
export type EnrolRequest = v.InferOutput<typeof enrolRequestSchema>

/** What the device signs to prove that it holds the private half of its device key, bound to this token and hub. */
export function enrolProofBytes(request: Omit<EnrolRequest, 'proof' | 'secret'>, pin: Uint8Array): Uint8Array {
  const { tokenId, wgKey, deviceKey } = request
  return concat(
    utf8('holdfast/enrol/1\0'),
    pin,
    encodeCanonical({ tokenId, wgKey, deviceKey, name: request.name, labels: request.labels }),
  )
}

/** Names a broker credential without telling it: SHA-256 of the password, which is what the hub keeps. */
export function credentialId(password: string, sha256: Sha256): Uint8Array {
  return sha256(utf8(password))
}

/**
 * What a device signs when it leaves by itself. Bound to the credential of this very enrolment: a goodbye that somebody
 * recorded says nothing once the device has joined again.
 */
export function leaveProofBytes(nodeId: NodeId, credential: Uint8Array): Uint8Array {
  return concat(utf8('holdfast/leave/2\0'), utf8(nodeId), credential)
}

/** From a device key that the hub may know to the one that signs, base64; absent for the key of enrolment. */
export const deviceLinks = v.pipe(
  v.array(v.pipe(v.string(), v.base64(), v.maxLength(280))),
  v.maxLength(deviceLinksMax),
)

/** Where the broker is, and who the device is there. */
export const brokerLogInSchema = v.strictObject({
  /** `mqtts://host:port`, or empty where the broker listens beside the hub's own address. */
  url: v.string(),
  /** Path of MQTT over WebSocket on the hub's HTTPS port. */
  webSocketPath: v.string(),
  username: v.string(),
  password: v.string(),
  /** DER of the authority of a broker that is not the hub's own, base64. */
  tlsAuthority: v.optional(v.string()),
})
export type BrokerLogIn = v.InferOutput<typeof brokerLogInSchema>

export const enrolReplySchema = v.variant('state', [
  v.strictObject({
    state: v.literal('pending'),
    nodeId: text(parseNodeId, 'node-id'),
    name,
    retryAfterS: integer(0, 86_400),
    /** What is waited for, where it is not approval: signatures by keys of the membership lock. */
    awaits: v.optional(v.literal('signatures')),
  }),
  v.strictObject({
    state: v.literal('enrolled'),
    nodeId: text(parseNodeId, 'node-id'),
    name,
    network: v.strictObject({ id: text(parseNetworkId, 'network-id'), name }),
    /** Certificates of signing keys, base64 envelopes. */
    keys: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(16)),
    broker: brokerLogInSchema,
    /** A whole snapshot frame, base64: the node is on the mesh before it ever reaches the broker. */
    snapshot: v.string(),
  }),
])
export type EnrolReply = v.InferOutput<typeof enrolReplySchema>
