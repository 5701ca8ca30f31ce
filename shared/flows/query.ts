// What people ask of a record of flows: since when, of whom, only what was refused.

import type { FlowBatch, FlowEnd, FlowLoss, FlowRecord } from './batch.ts'

export interface LedgerEntry {
  /** From 1, without gaps. */
  readonly seq: number
  readonly batch: FlowBatch
}

/** What is asked. */
export interface FlowSource {
  /** The newest; undefined where there is none. */
  last(): LedgerEntry | undefined
  /** Those behind that number which end at that time or later, newest first. */
  newest(afterSeq: number, sinceMs: number): Iterable<LedgerEntry>
}

export interface FlowQuery {
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number
  /** Only batches behind that number. */
  readonly afterSeq: number
  readonly denied: boolean
  /** Name of a node, pod or service, or an address; at either end. */
  readonly peer?: string | undefined
  readonly limit: number
}

interface OfBatch {
  /** Number of the batch, and what it is of, milliseconds since the Unix epoch. */
  readonly seq: number
  readonly from: number
  readonly to: number
}

export interface ShownFlow extends OfBatch, Omit<FlowRecord, 'source' | 'destination'> {
  readonly source: FlowEnd
  readonly destination: FlowEnd
  /** Revision of intent that was in force. */
  readonly revision: string
}

export interface ShownLoss extends OfBatch, FlowLoss {}

export interface FlowsAnswer {
  /** The oldest first. */
  readonly items: readonly ShownFlow[]
  readonly lostBefore: readonly ShownLoss[]
  /** The newest batch there is; 0 where there is none. */
  readonly newest: number
  /** Older ones were left out, because there are more than were asked for. */
  readonly more: boolean
}

/** `peer`: name of a node, pod or service, or an address. */
function isAbout({ address, name, node }: FlowEnd, peer: string): boolean {
  return name === peer || node === peer || address === peer
}

/** As `isAbout` of either end, or of who asked from outside, and for what. */
export function concerns(
  { destination, outside, source }: Pick<ShownFlow, 'destination' | 'outside' | 'source'>,
  peer: string,
): boolean {
  if (isAbout(source, peer) || isAbout(destination, peer)) return true
  return outside !== undefined && (outside.address === peer || outside.service === peer)
}

/** Those of one batch that were asked for. */
export function shownOf(
  { batch, seq }: LedgerEntry,
  { denied, peer }: Pick<FlowQuery, 'denied' | 'peer'>,
): readonly ShownFlow[] {
  const { ends, from, records, revision, to } = batch
  const byAddress = new Map(ends.map((end) => [end.address, end]))
  return records.flatMap((record) => {
    const source = byAddress.get(record.source) ?? { address: record.source }
    const destination = byAddress.get(record.destination) ?? { address: record.destination }
    if (denied && record.verdict === 'accept') return []
    const shown = { seq, from, to, revision, ...record, source, destination }
    return peer === undefined || concerns(shown, peer) ? [shown] : []
  })
}

export function queryFlows(ledger: FlowSource, query: FlowQuery): FlowsAnswer {
  const items: ShownFlow[][] = []
  const lostBefore: ShownLoss[] = []
  let left = query.limit
  let more = false
  for (const entry of ledger.newest(query.afterSeq, query.sinceMs)) {
    const { batch, seq } = entry
    const shown = shownOf(entry, query)
    lostBefore.unshift(...batch.lostBefore.map((loss) => ({ seq, from: batch.from, to: batch.to, ...loss })))
    items.push(shown.slice(-left))
    left -= shown.length
    more = left < 0
    if (left <= 0) break
  }
  return { items: items.toReversed().flat(), lostBefore, newest: ledger.last()?.seq ?? 0, more }
}
