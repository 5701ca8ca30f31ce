// Who answers at the address of a hub: its anchor, believed only where it is the one that is pinned; and what it says in refusal.

import { X509Certificate } from 'node:crypto'
import * as v from 'valibot'
import { fromBase64 } from '../bytes.ts'
import type { Clock } from '../effects.ts'
import { type ErrorCode, HoldfastError } from '../errors.ts'
import { parseWith } from '../intent/resource.ts'
import { rootsBefore } from '../record/root.ts'
import { type Anchor, anchorPins, anchorReplySchema, hubServerName } from '../wire/enrol.ts'
import type { HubAddress } from '../wire/hub-url.ts'
import { sameSecret, sha256, verify } from './crypto.ts'
import type { HttpProxy } from './http-proxy.ts'
import { type Answer, exchange } from './pinned-http.ts'
import { connectUnproven, type FindOut, judgeCertificate } from './pinned-tls.ts'

/** A bad LTE link needs several seconds for a handshake. */
export const hubTimeoutMs = 20_000

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
export async function fetchAnchor({ hub, clock, floor, out, proxy }: HubContact, pin: Uint8Array): Promise<Anchor> {
  const socket = await connectUnproven({ host: hub.host, port: hub.port, proxy, out, timeoutMs: hubTimeoutMs })
  const leaf = socket.getPeerX509Certificate()
  const path = '/api/v1/enrol/anchor'
  const answer = await exchange(socket, hub.url.slice('https://'.length), {
    method: 'GET',
    path,
    timeoutMs: hubTimeoutMs,
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

export function pinned({ hub, clock, floor, out, proxy }: HubContact, anchor: Anchor) {
  const { host, port } = hub
  const authorityDer = fromBase64(anchor.tlsAuthority)
  return { host, port, proxy, out, timeoutMs: hubTimeoutMs, authorityDer, now: clock.now(), floor }
}
