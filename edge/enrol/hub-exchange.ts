// What a device says to the hub over HTTPS: fetch the anchor, enrol, fetch new credentials, leave. Answers are parsed, refusals
// become errors.

import { X509Certificate } from 'node:crypto'
import * as v from 'valibot'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import { type ErrorCode, HoldfastError } from '../../shared/errors.ts'
import { sameSecret, sha256, verify } from '../../shared/host/crypto.ts'
import type { HttpProxy } from '../../shared/host/http-proxy.ts'
import { type Answer, exchange, requestPinned } from '../../shared/host/pinned-http.ts'
import { connectUnproven, type FindOut, judgeCertificate } from '../../shared/host/pinned-tls.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { snapshotBytesMax } from '../../shared/limits.ts'
import { followRoots, type RootPin, rootsBefore } from '../../shared/record/root.ts'
import { authoritySchema, openAuthority } from '../../shared/wire/authority.ts'
import {
  type Anchor,
  anchorPin,
  anchorPins,
  anchorReplySchema,
  type BrokerLogIn,
  credentialId,
  type EnrolReply,
  type EnrolRequest,
  enrolReplySchema,
  hubServerName,
  leaveProofBytes,
} from '../../shared/wire/enrol.ts'
import { challengeSchema, renewProofBytes, renewReplySchema } from '../../shared/wire/renew.ts'
import type { Identity } from '../identity.ts'
import type { DeviceKeys } from './device-keys.ts'
import type { HubAddress } from './hub-url.ts'

/** A bad LTE link needs several seconds for a handshake. */
const TIMEOUT_MS = 20_000
/** A snapshot in base64 with the words around it. */
const ENROL_BYTES_MAX = Math.ceil(snapshotBytesMax / 3) * 4 + (64 << 10)

export interface HubContact {
  readonly hub: HubAddress
  readonly proxy?: HttpProxy | undefined
  /** Which of several uplinks to take. */
  readonly out?: FindOut | undefined
  readonly clock: Clock
  /** A time that is known to have passed, milliseconds since the Unix epoch; 0 where none is. */
  readonly floor: number
}

const refusalSchema = v.looseObject({
  code: v.string(),
  message: v.string(),
  field: v.optional(v.string()),
  remedy: v.optional(v.string()),
})

/** Passes success on; turns what the hub says in refusal into the error that it is. */
export function accepted(answer: Answer, hub: HubAddress): unknown {
  if (answer.status >= 200 && answer.status < 300) return answer.body
  const body = answer.body as { error?: unknown } | undefined
  const refusal = v.safeParse(refusalSchema, body?.error ?? body)
  if (!refusal.success) {
    throw new HoldfastError('failed', `${hub.url} answered with status ${answer.status}: is this a hub?`)
  }
  const { code, message, field, remedy } = refusal.output
  throw new HoldfastError(code as ErrorCode, `the hub refuses: ${message}`, {
    ...(field === undefined ? {} : { field }),
    ...(remedy === undefined ? {} : { remedy }),
  })
}

function strangerError(hub: HubAddress): HoldfastError {
  return new HoldfastError('untrusted', `${hub.url} is not the hub that this token was made by`, {
    remedy: 'Check the address and any proxy on the way; nothing secret was sent. A rebuilt hub needs a new token.',
  })
}

/** Asks whoever answers for its anchor, and believes it only where the token pins it and TLS proves it. */
export async function fetchAnchor({ hub, clock, floor, proxy }: HubContact, pin: Uint8Array): Promise<Anchor> {
  const socket = await connectUnproven({ host: hub.host, port: hub.port, proxy, timeoutMs: TIMEOUT_MS })
  const leaf = socket.getPeerX509Certificate()
  const path = '/api/v1/enrol/anchor'
  const answer = await exchange(socket, hub.url.slice('https://'.length), {
    method: 'GET',
    path,
    timeoutMs: TIMEOUT_MS,
    bodyMax: 64 << 10,
  })
  const { roots = [], ...anchor } = parseWith(anchorReplySchema, accepted(answer, hub))
  const isPinned = anchorPins(anchor, roots, sha256).some((one) => sameSecret(one, pin))
  if (leaf === undefined || !isPinned) throw strangerError(hub)
  // The token may pin a root that the hub has left behind since: it must lead to the present one.
  rootsBefore(fromBase64(anchor.rootKey), roots, { sha256, verify })
  const authority = new X509Certificate(fromBase64(anchor.tlsAuthority))
  judgeCertificate(leaf, authority, hubServerName, Math.max(clock.now(), floor))
  return anchor
}

/**
 * The TLS authority that the hub has now, where it had to leave the pinned one behind: signed by the root key or by one that
 * follows from it, younger, and proven by the very connection that brought it. Throws `untrusted` for every other.
 */
export async function fetchAuthority(
  { clock, floor, hub, out, proxy }: HubContact,
  anchor: Anchor,
  pinnedRoot: RootPin = { key: fromBase64(anchor.rootKey), serial: 0 },
): Promise<Anchor> {
  const socket = await connectUnproven({ host: hub.host, port: hub.port, proxy, out, timeoutMs: TIMEOUT_MS })
  const leaf = socket.getPeerX509Certificate()
  const path = '/api/v1/enrol/authority'
  const host = hub.url.slice('https://'.length)
  const answer = await exchange(socket, host, { method: 'GET', path, timeoutMs: TIMEOUT_MS, bodyMax: 64 << 10 })
  const { envelope, roots = [] } = parseWith(authoritySchema, accepted(answer, hub))
  const root = followRoots(pinnedRoot, roots, { sha256, verify })
  const der = openAuthority(fromBase64(envelope), root.key, verify, sha256)
  const [pinnedOne, authority] = [new X509Certificate(fromBase64(anchor.tlsAuthority)), new X509Certificate(der)]
  if (leaf === undefined || authority.validFromDate <= pinnedOne.validFromDate) {
    throw new HoldfastError('untrusted', `${hub.url} shows no younger TLS authority than the one that is pinned`)
  }
  judgeCertificate(leaf, authority, hubServerName, Math.max(clock.now(), floor))
  return { ...anchor, tlsAuthority: toBase64(der) }
}

export function pinned({ hub, clock, floor, out, proxy }: HubContact, anchor: Anchor) {
  const { host, port } = hub
  const authorityDer = fromBase64(anchor.tlsAuthority)
  return { host, port, proxy, out, timeoutMs: TIMEOUT_MS, authorityDer, now: clock.now(), floor }
}

export async function requestEnrolment(
  contact: HubContact,
  anchor: Anchor,
  request: EnrolRequest,
): Promise<EnrolReply> {
  const answer = await requestPinned({
    ...pinned(contact, anchor),
    method: 'POST',
    path: '/api/v1/enrol',
    body: request,
    bodyMax: ENROL_BYTES_MAX,
  })
  return parseWith(enrolReplySchema, accepted(answer, contact.hub))
}

/** The present device key, and what leads to it. */
export type DeviceProof = Pick<DeviceKeys, 'signer' | 'links'>

/** Hubs that know of no such links are spared them by who never changed its key. */
export function shownLinks(links: readonly string[]): { readonly links?: string[] } {
  return links.length === 0 ? {} : { links: [...links] }
}

/** New credentials for the broker, for a proof that this device holds its key. Throws `forbidden` for who is no member. */
export async function requestLogIn(
  contact: HubContact,
  { anchor, nodeId }: Pick<Identity, 'anchor' | 'nodeId'>,
  { links, signer }: DeviceProof,
): Promise<BrokerLogIn> {
  const to = pinned(contact, anchor)
  const asked = await requestPinned({ ...to, method: 'GET', path: `/api/v1/enrol/challenge/${nodeId}` })
  const { challenge } = parseWith(challengeSchema, accepted(asked, contact.hub))
  const proof = toBase64(signer.sign(renewProofBytes(nodeId, fromBase64(challenge), anchorPin(anchor, sha256))))
  const body = { nodeId, challenge, proof, ...shownLinks(links) }
  const answer = await requestPinned({ ...to, method: 'POST', path: '/api/v1/enrol/renew', body })
  return parseWith(renewReplySchema, accepted(answer, contact.hub)).broker
}

/** Tells the hub that this device takes its leave. */
export async function sayGoodbye(
  contact: HubContact,
  identity: Identity,
  { links, signer }: DeviceProof,
): Promise<void> {
  const { anchor, broker, nodeId } = identity
  const proof = toBase64(signer.sign(leaveProofBytes(nodeId, credentialId(broker.password, sha256))))
  const answer = await requestPinned({
    ...pinned(contact, anchor),
    method: 'POST',
    path: '/api/v1/enrol/leave',
    body: { nodeId, proof, ...shownLinks(links) },
  })
  accepted(answer, contact.hub)
}
