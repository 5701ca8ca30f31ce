// The head: the hub's word on what the whole set of records of a network is at one revision.

import * as v from 'valibot'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { parseNetworkId } from '../ids.ts'
import { integer, text } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { headBytesMax, recordsMax } from '../limits.ts'
import { encodeCanonical, parseCanonical } from './canonical.ts'
import { openEnvelope, seal, type TrustedKeys } from './envelope.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)

const headSchema = v.strictObject({
  network: text(parseNetworkId, 'network-id'),
  /** Raised when a hub is restored from a backup; a higher epoch outranks every revision of a lower one. */
  epoch: counter,
  revision: counter,
  /** Merkle root of the record set, 64 hex digits. */
  root: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  count: integer(0, recordsMax),
  /** Milliseconds since the Unix epoch, for people and for the time floor; never decides acceptance. */
  issuedAt: counter,
  keyId: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
})
export type Head = v.InferOutput<typeof headSchema>

/** Where in a network's history a set of records stands. */
export interface Version {
  readonly epoch: number
  readonly revision: number
}

export const noVersion: Version = { epoch: 0, revision: 0 }

export function compareVersion(a: Version, b: Version): number {
  return a.epoch - b.epoch || a.revision - b.revision
}

export function formatVersion(version: Version): string {
  return version.epoch <= 1 ? String(version.revision) : `${version.epoch}.${version.revision}`
}

export function signHead(head: Head, signer: Signer, sha256: Sha256): Uint8Array {
  return seal('head', encodeCanonical(head), signer, sha256)
}

/** Verifies before it parses. The caller still has to compare network and version with what it holds. */
export function openHead(envelope: Uint8Array, trusted: TrustedKeys, verify: Verify): Head {
  const { payload, keyId } = openEnvelope('head', envelope, trusted, verify)
  const head = parseWith(headSchema, parseCanonical(payload, headBytesMax))
  parseWith(v.literal(keyId), head.keyId)
  return head
}
