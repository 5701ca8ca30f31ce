// Capabilities: the hub's word that a node belongs to a network, shown to relays, which check it without asking anybody.
//
// It names the revision it was issued at. A relay that holds that revision or a newer one goes by the set it holds,
// whatever any clock says; only for a capability newer than its set, or without a set, does the expiry decide.

import * as v from 'valibot'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { parseDeviceKey, parseNetworkId, parseNodeId } from '../ids.ts'
import { integer, text } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { capabilityBytesMax } from '../limits.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'
import { openEnvelope, seal, type TrustedKeys } from '../record/envelope.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)

const capabilitySchema = v.strictObject({
  network: text(parseNetworkId, 'network-id'),
  node: text(parseNodeId, 'node-id'),
  /** Who shows the capability proves that it holds this key. */
  deviceKey: text(parseDeviceKey, 'ed25519-key'),
  /** The newest revision of the network when it was issued. */
  epoch: counter,
  revision: counter,
  /** Milliseconds since the Unix epoch, by the hub's clock. */
  issuedAt: counter,
  expiresAt: counter,
})
export type Capability = v.InferOutput<typeof capabilitySchema>

/** Long enough for a hub that is away over a long weekend, short enough to outlive a theft by days only. */
export const capabilityLifeMs = 7 * 86_400_000

/** Envelope header and payload. */
export const capabilityEnvelopeMax = capabilityBytesMax + 73

export function sealCapability(capability: Capability, signer: Signer, sha256: Sha256): Uint8Array {
  return seal('capability', encodeCanonical(capability), signer, sha256)
}

/** Verifies before it parses. Whether it is expired, and whether its node still belongs, is the caller's question. */
export function openCapability(envelope: Uint8Array, trusted: TrustedKeys, verify: Verify): Capability {
  const { payload } = openEnvelope('capability', envelope, trusted, verify)
  return parseWith(capabilitySchema, parseCanonical(payload, capabilityBytesMax))
}

export function isExpired(capability: Pick<Capability, 'expiresAt'>, nowMs: number): boolean {
  return nowMs >= capability.expiresAt
}

/** True from half of its life on: time to ask for the next. */
export function isHalfLifeReached(capability: Pick<Capability, 'issuedAt' | 'expiresAt'>, nowMs: number): boolean {
  const { issuedAt, expiresAt } = capability
  return nowMs >= issuedAt + (expiresAt - issuedAt) / 2
}
