// What a node has on record of some ten seconds of its mesh traffic: who talked with whom, by which rule, and how much. One
// batch is one link of the ledger's chain. Addresses stand once, with what they were at the time; records name them.

import * as v from 'valibot'
import { address, integer, labels } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { flowBatchBytesMax, flowPoliciesNamedMax, flowRecordsMax } from '../limits.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)
const word = v.pipe(v.string(), v.maxLength(255))
const amount = v.strictObject({ packets: counter, bytes: counter })
export type Amount = v.InferOutput<typeof amount>

const direction = v.picklist(['ingress', 'egress'])

/** As of policy. */
const reason = v.variant('kind', [
  v.strictObject({
    kind: v.literal('rule'),
    policy: word,
    tier: v.picklist(['Admin', 'Standard', 'Baseline']),
    direction,
    index: counter,
    name: v.optional(word),
    unread: v.optional(v.literal(true)),
  }),
  v.strictObject({
    kind: v.literal('isolated'),
    direction,
    policies: v.pipe(v.array(word), v.maxLength(flowPoliciesNamedMax)),
  }),
  v.strictObject({ kind: v.literal('default'), direction }),
  /** Decided by the program itself, for no rule speaks of it; `word` is its own. */
  v.strictObject({ kind: v.literal('kernel'), word }),
])
export type FlowReason = v.InferOutput<typeof reason>

const end = v.strictObject({
  address,
  /** Of the node, pod or service; absent for who is unknown. */
  name: v.optional(word),
  /** Of the node that it is, or is behind. */
  node: v.optional(word),
  labels: v.optional(labels),
})
export type FlowEnd = v.InferOutput<typeof end>

/**
 * Who asked from outside the mesh, at a gateway that publishes a service: the source of such a record is the gateway, as which
 * policy judges it. No part of any judgement. A device writes it only for a hub that has said that it knows it.
 */
const outside = v.strictObject({
  /** Absent where there were more of them than one batch tells apart. */
  address: v.optional(address),
  /** Absent where several flows are one record, too. */
  port: v.optional(integer(0, 65_535)),
  /** That was asked for. */
  service: word,
})

const record = v.strictObject({
  /** Who opened it. */
  source: address,
  destination: address,
  /** IANA's number. */
  protocol: integer(0, 255),
  /** Absent where it has none, or where several flows are one record. */
  sourcePort: v.optional(integer(0, 65_535)),
  destinationPort: v.optional(integer(0, 65_535)),
  /** Seen from the node that keeps it. */
  direction,
  verdict: v.picklist(['accept', 'drop']),
  reason,
  /** By who opened it, and back to it. */
  sent: amount,
  back: amount,
  /** How many flows that was, where more than one. */
  flows: v.optional(counter),
  path: v.optional(v.picklist(['lan', 'direct', 'relay', 'tls'])),
  /** The relay. */
  via: v.optional(word),
  outside: v.optional(outside),
})
export type FlowRecord = v.InferOutput<typeof record>

/**
 * What passed or was dropped before this batch and stands in no record. `full`: more flows at once than the kernel remembers ·
 * `crowded`: more records than a batch takes · `restart`: nobody looked · `reset`: somebody cleared the counters, or policy
 * was enforced in another way from then on · `disk`: it took no writes · `damaged`: the ledger before was not whole, and lies
 * beside this one. Without an amount where nobody knows.
 */
const loss = v.strictObject({
  why: v.picklist(['full', 'crowded', 'restart', 'reset', 'disk', 'damaged']),
  amount: v.optional(amount),
})
export type FlowLoss = v.InferOutput<typeof loss>

const batch = v.strictObject({
  /** Milliseconds since the Unix epoch, by this node's clock: what the records are of. */
  from: counter,
  to: counter,
  boot: counter,
  /** Revision of intent that was in force. */
  revision: word,
  /** What counted, the name of that count, and all it had counted in the end: tells the next process what it missed. */
  counts: v.strictObject({ by: v.picklist(['bpf', 'nft']), epoch: word, total: amount }),
  ends: v.pipe(v.array(end), v.maxLength(2 * flowRecordsMax)),
  records: v.pipe(v.array(record), v.maxLength(flowRecordsMax)),
  lostBefore: v.pipe(v.array(loss), v.maxLength(8)),
})
export type FlowBatch = v.InferOutput<typeof batch>

export function encodeBatch(value: FlowBatch): Uint8Array {
  return encodeCanonical(value)
}

export function parseBatch(bytes: Uint8Array): FlowBatch {
  return parseWith(batch, parseCanonical(bytes, flowBatchBytesMax))
}
