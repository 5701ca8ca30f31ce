// Facts: what a node knows about itself, signed by its device key. Last writer wins on (boot, seq).

import * as v from 'valibot'
import { parseEndpoint } from '../address/endpoint.ts'
import { fromBase64 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { type DeviceKey, type NodeId, parseNodeId } from '../ids.ts'
import { integer, text } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { candidatesMax, factBytesMax, observedMax } from '../limits.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'
import { openEnvelope, seal, trustedKeys } from '../record/envelope.ts'
import { tolerantList, tolerantPick, unreadFields } from '../wire/tolerant.ts'
import { keyStatementText } from './key-statement.ts'
import { podTable } from './pod-table.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)
const endpoint = text(parseEndpoint, 'endpoint')
const nodeId = text(parseNodeId, 'node-id')

/** A place where the node may be reached. A hint: only a WireGuard handshake proves who answers. */
const candidateKinds = ['lan', 'mapped', 'public', 'portmap'] as const
const candidate = v.object({ kind: v.picklist(candidateKinds), endpoint })
export type Candidate = v.InferOutput<typeof candidate>

const factSchema = v.object({
  node: nodeId,
  /** Counts starts of the agent; persisted before the first announcement. */
  boot: counter,
  seq: counter,
  candidates: tolerantList(candidate, 'kind', candidateKinds, candidatesMax),
  /** Where this node sees its peers come from: how peers behind NATs learn their mapped endpoint. */
  observed: v.pipe(v.array(v.object({ node: nodeId, endpoint })), v.maxLength(observedMax)),
  /** Relays this node can reach, by node id. */
  relays: v.pipe(v.array(nodeId), v.maxLength(16)),
  natType: tolerantPick(['unknown', 'none', 'endpoint-independent', 'symmetric', 'udp-blocked'], 'unknown'),
  /** The node's word on its WireGuard key, until its record says the same. */
  keyStatement: v.optional(keyStatementText),
  /** Pods behind this node, as the cluster's API says. Facts of older agents had other fields for them, which nobody filled. */
  podTable: v.optional(podTable),
  /** It leaves its services and routes: flows that it has go on, and it is to get no new ones. */
  leaving: v.optional(v.boolean()),
  /** Echoes that ask machines behind it are led on: what they say of this node as a router is true. */
  proves: v.optional(v.boolean()),
  /** The node's wall clock, milliseconds since the Unix epoch; for people, never for order. */
  at: counter,
})
export type Fact = v.InferOutput<typeof factSchema>

export function sealFact(fact: Fact, signer: Signer, sha256: Sha256): Uint8Array {
  return seal('fact', encodeCanonical(fact), signer, sha256)
}

/** Verifies with the key of the node that the fact came for, then parses. `unread`: fields that are not known here. */
export function readFact(
  envelope: Uint8Array,
  node: NodeId,
  key: DeviceKey,
  verify: Verify,
  sha256: Sha256,
): { readonly fact: Fact; readonly unread: readonly string[] } {
  const { payload } = openEnvelope('fact', envelope, trustedKeys([fromBase64(key)], sha256), verify)
  const input = parseCanonical(payload, factBytesMax)
  const fact = parseWith(factSchema, input)
  if (fact.node !== node) throw new HoldfastError('untrusted', `a fact about ${fact.node} was signed by ${node}`)
  return { fact, unread: unreadFields(input, fact) }
}

export function openFact(envelope: Uint8Array, node: NodeId, key: DeviceKey, verify: Verify, sha256: Sha256): Fact {
  return readFact(envelope, node, key, verify, sha256).fact
}

/** True if `next` replaces `held`. */
export function isNewerFact(next: Pick<Fact, 'boot' | 'seq'>, held: Pick<Fact, 'boot' | 'seq'> | undefined): boolean {
  return held === undefined || next.boot > held.boot || (next.boot === held.boot && next.seq > held.seq)
}
