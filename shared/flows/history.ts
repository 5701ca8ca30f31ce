// How flows between two ends have fared so far: spans of time in which the same rule said the same of them, the newest first.

import type { Address } from '../address/cidr.ts'
import { encodeCanonicalText } from '../record/canonical.ts'
import type { FlowBatch, FlowEnd, FlowReason, FlowRecord } from './batch.ts'

export interface Span {
  readonly verdict: FlowRecord['verdict']
  readonly reason: FlowReason
  /** Milliseconds since the Unix epoch: of the first and the last batch in a row that say so. */
  readonly firstMs: number
  readonly lastMs: number
  /** Revisions of intent that were in force then. */
  readonly firstRevision: string
  readonly lastRevision: string
  /** At most. */
  readonly flows: number
  readonly packets: number
}

export interface Asked {
  readonly isSource: (end: FlowEnd) => boolean
  readonly isDestination: (end: FlowEnd) => boolean
  /** IANA's numbers. */
  readonly protocols: readonly number[]
  /** Absent where the protocol has none. */
  readonly port?: number | undefined
}

export interface History {
  /** The newest first. */
  readonly spans: readonly Span[]
  /** When each policy was first seen to decide anything here, milliseconds since the Unix epoch. */
  readonly decidingSinceMs: ReadonlyMap<string, number>
  /** Flows between the two of which several ports are one record: what is asked may be among them. */
  readonly unknownPorts: number
  /** Where the record begins; undefined where there is none. */
  readonly fromMs: number | undefined
}

export interface Historian {
  /** The newest first. */
  add(batch: FlowBatch): void
  done(): History
}

function namesIn(reason: FlowReason): readonly string[] {
  if (reason.kind === 'rule') return [reason.policy]
  return reason.kind === 'isolated' ? reason.policies : []
}

export function createHistorian(asked: Asked): Historian {
  const spans: Span[] = []
  const decidingSinceMs = new Map<string, number>()
  let fromMs: number | undefined
  let unknownPorts = 0
  const note = ({ back, flows = 1, reason, sent, verdict }: FlowRecord, { from, revision, to }: FlowBatch): void => {
    const last = spans.at(-1)
    const same =
      last?.verdict === verdict && encodeCanonicalText(last.reason) === encodeCanonicalText(reason) ? last : undefined
    const span = {
      verdict,
      reason,
      firstMs: from,
      lastMs: same?.lastMs ?? to,
      firstRevision: revision,
      lastRevision: same?.lastRevision ?? revision,
      flows: (same?.flows ?? 0) + flows,
      packets: (same?.packets ?? 0) + sent.packets + back.packets,
    }
    if (same === undefined) spans.push(span)
    else spans[spans.length - 1] = span
  }
  return {
    add(batch) {
      fromMs = batch.from
      const ends = new Map(batch.ends.map((end) => [end.address, end]))
      const endOf = (address: Address): FlowEnd => ends.get(address) ?? { address }
      for (const record of batch.records) {
        for (const name of namesIn(record.reason)) decidingSinceMs.set(name, batch.from)
        if (!asked.protocols.includes(record.protocol)) continue
        if (!asked.isSource(endOf(record.source)) || !asked.isDestination(endOf(record.destination))) continue
        if (record.destinationPort === asked.port) note(record, batch)
        else if (record.destinationPort === undefined) unknownPorts += record.flows ?? 1
      }
    },
    done: () => ({ spans, decidingSinceMs, unknownPorts, fromMs }),
  }
}
