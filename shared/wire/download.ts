// How a member fetches a build of the agent from its hub, over the HTTPS that it enrolled by.
//
// 1. GET /api/v1/enrol/challenge/{node} → Challenge, as for new credentials.
// 2. GET /api/v1/releases/{sha256} with `authorization: Device {base64url of JSON}` and, to go on where it was cut off, with
//    `range: bytes=N-`. 200 or 206 with the bytes; 404 where the hub has no such file (any more).

import * as v from 'valibot'
import { concat, fromBase64Url, fromUtf8, toBase64Url, utf8 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import type { NodeId } from '../ids.ts'
import { parseWith } from '../intent/resource.ts'
import { type RenewRequest, renewRequestSchema } from './renew.ts'

const SCHEME = 'Device '
/** A proof with as many links as there may be. */
const HEADER_CHARACTERS_MAX = 8 << 10

export function downloadPath(sha256: string): string {
  return `/api/v1/releases/${sha256}`
}

/** Of the header `authorization`. */
export function formatDownloadProof(proof: RenewRequest): string {
  return `${SCHEME}${toBase64Url(utf8(JSON.stringify(proof)))}`
}

/** Throws `unauthenticated` where there is none. */
export function parseDownloadProof(header: string | undefined): RenewRequest {
  try {
    if (header?.startsWith(SCHEME) === true && header.length <= HEADER_CHARACTERS_MAX)
      return parseWith(
        v.strictObject(renewRequestSchema.entries),
        JSON.parse(fromUtf8(fromBase64Url(header.slice(SCHEME.length)))),
      )
  } catch {
    // As good as none.
  }
  throw new HoldfastError('unauthenticated', 'a build is given to members of the network only', {
    remedy: 'Agents prove themselves; people find builds where the release was published.',
  })
}

/** What the device signs: another thing than for new credentials, so that neither proof is worth anything for the other. */
export function downloadProofBytes(nodeId: NodeId, given: Uint8Array, pin: Uint8Array): Uint8Array {
  return concat(utf8('holdfast/download/1\0'), pin, utf8(nodeId), given)
}
