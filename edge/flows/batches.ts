// Whole batches of the record, for those who hold policies against them: a page at a time, and as they are stored, so that
// whoever asks for a month of them costs the agent copies and no more.

import { fromUtf8 } from '../../shared/bytes.ts'
import { flowBatchesPageBytes, flowBatchesPageMax } from '../../shared/suggest-limits.ts'
import type { FlowLedger } from './ledger.ts'

export interface BatchesQuery {
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number
  /** Only batches before that number; absent: from the newest on. */
  readonly beforeSeq?: number | undefined
}

export interface BatchesAnswer {
  /** The newest first; a batch is its canonical text. Empty: there are no more. */
  readonly entries: readonly { readonly seq: number; readonly batch: string }[]
}

export function queryBatches(ledger: Pick<FlowLedger, 'encoded'>, query: BatchesQuery): BatchesAnswer {
  const entries: { readonly seq: number; readonly batch: string }[] = []
  let bytes = 0
  for (const { batch, seq } of ledger.encoded(query.sinceMs, query.beforeSeq ?? Number.MAX_SAFE_INTEGER)) {
    entries.push({ seq, batch: fromUtf8(batch) })
    bytes += batch.length
    if (bytes >= flowBatchesPageBytes || entries.length >= flowBatchesPageMax) break
  }
  return { entries }
}
