// Whole batches of the record, for those who hold policies against them: a page at a time.

import type { LedgerEntry } from '../../shared/flows/query.ts'
import { flowBatchesPageMax, flowBatchesPageRecords } from '../../shared/suggest-limits.ts'
import type { FlowLedger } from './ledger.ts'

export interface BatchesQuery {
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number
  /** Only batches before that number; absent: from the newest on. */
  readonly beforeSeq?: number | undefined
}

export interface BatchesAnswer {
  /** The newest first. Empty: there are no more. */
  readonly entries: readonly LedgerEntry[]
}

export function queryBatches(ledger: Pick<FlowLedger, 'newest'>, { beforeSeq, sinceMs }: BatchesQuery): BatchesAnswer {
  const entries: LedgerEntry[] = []
  let records = 0
  for (const entry of ledger.newest(0, sinceMs, beforeSeq)) {
    entries.push(entry)
    records += entry.batch.records.length
    if (records >= flowBatchesPageRecords || entries.length >= flowBatchesPageMax) break
  }
  return { entries }
}
