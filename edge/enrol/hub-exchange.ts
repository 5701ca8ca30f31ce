// What a device says to the hub over HTTPS: enrol, fetch new credentials, leave. Answers are parsed, refusals
// become errors.

import { X509Certificate } from 'node:crypto'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { accepted, type HubContact, hubTimeoutMs, pinned } from '../../shared/host/hub-anchor.ts'
import { proveForLogIn } from '../../shared/host/hub-log-in.ts'
import { exchange, requestPinned } from '../../shared/host/pinned-http.ts'
import { connectUnproven, judgeCertificate } from '../../shared/host/pinned-tls.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { snapshotBytesMax } from '../../shared/limits.ts'
import { followRoots, type RootPin } from '../../shared/record/root.ts'
import { authoritySchema, openAuthority } from '../../shared/wire/authority.ts'
import {
  type Anchor,
  type BrokerLogIn,
  credentialId,
  type EnrolReply,
  type EnrolRequest,
  enrolReplySchema,
  hubServerName,
  leaveProofBytes,
} from '../../shared/wire/enrol.ts'
import { formatUnderstands, understands, understandsHeader } from '../../shared/wire/understands.ts'
import type { Identity } from '../identity.ts'
import type { DeviceKeys } from './device-keys.ts'

/** A snapshot in base64 with the words around it. */
const ENROL_BYTES_MAX = Math.ceil(snapshotBytesMax / 3) * 4 + (64 << 10)

/**
 * The TLS authority that the hub has now, where it had to leave the pinned one behind: signed by the root key or by one that
 * follows from it, younger, and proven by the very connection that brought it. Throws `untrusted` for every other.
 */
export async function fetchAuthority(
  { clock, floor, hub, out, proxy }: HubContact,
  anchor: Anchor,
  pinnedRoot: RootPin = { key: fromBase64(anchor.rootKey), serial: 0 },
): Promise<Anchor> {
  const socket = await connectUnproven({ host: hub.host, port: hub.port, proxy, out, timeoutMs: hubTimeoutMs })
  const leaf = socket.getPeerX509Certificate()
  const path = '/api/v1/enrol/authority'
  const host = hub.url.slice('https://'.length)
  const answer = await exchange(socket, host, { method: 'GET', path, timeoutMs: hubTimeoutMs, bodyMax: 64 << 10 })
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

export async function requestEnrolment(
  contact: HubContact,
  anchor: Anchor,
  request: EnrolRequest,
): Promise<EnrolReply> {
  const answer = await requestPinned({
    ...pinned(contact, anchor),
    method: 'POST',
    path: '/api/v1/enrol',
    headers: { [understandsHeader]: formatUnderstands(understands) },
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
  const at = { challenge: '/api/v1/enrol/challenge', renew: '/api/v1/enrol/renew' }
  return proveForLogIn(contact, { anchor, nodeId, signer, more: shownLinks(links) }, at)
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
