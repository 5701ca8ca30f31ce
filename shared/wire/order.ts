// The hub's order to one device to run another version of the agent: signed as heads are, so that nobody gives it but who holds
// the key of the network, and kept by the device, which needs nobody to remember it.
//
// It is no record of the set: it concerns one device and no network, so no revision is tried for its sake, and agents that
// know of no orders are never shown one. It carries the manifest of the release with its signature, which the device judges
// by its own release keys: a hub alone puts no program on a device.

import * as v from 'valibot'
import { fromBase64, toBase64 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { parseNetworkId, parseNodeId } from '../ids.ts'
import { integer, name, text } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'
import { openEnvelope, seal, type TrustedKeys } from '../record/envelope.ts'
import type { SignedManifest } from '../release/seal.ts'
import { orderBytesMax } from '../update-limits.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)
const base64 = v.pipe(v.string(), v.base64())

const orderSchema = v.object({
  network: text(parseNetworkId, 'network-id'),
  node: text(parseNodeId, 'node-id'),
  /** Of two orders the one with the higher counts; never one that is not higher than what is held. */
  serial: counter,
  /** Name of the AgentUpdate that it comes of. */
  update: name,
  /** Absent: what was ordered before is withdrawn. */
  release: v.optional(v.object({ manifest: base64, signature: base64 })),
  /** Also a version older than the one that runs. */
  downgrade: v.optional(v.boolean()),
})
export type Order = Omit<v.InferOutput<typeof orderSchema>, 'release'> & { readonly release?: SignedManifest }

export function sealOrder({ release, ...order }: Order, signer: Signer, sha256: Sha256): Uint8Array {
  const carried =
    release === undefined
      ? {}
      : { release: { manifest: toBase64(release.bytes), signature: toBase64(release.signature) } }
  return seal('agent-order', encodeCanonical({ ...order, ...carried }), signer, sha256)
}

/** Verifies before it parses. Whether it is for this device, and newer than what it holds, is the caller's question. */
export function openOrder(envelope: Uint8Array, trusted: TrustedKeys, verify: Verify): Order {
  const { payload } = openEnvelope('agent-order', envelope, trusted, verify)
  const { release, ...order } = parseWith(orderSchema, parseCanonical(payload, orderBytesMax))
  if (release === undefined) return order
  return { ...order, release: { bytes: fromBase64(release.manifest), signature: fromBase64(release.signature) } }
}
