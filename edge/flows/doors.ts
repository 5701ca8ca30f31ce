// What the record of flows asks of its host, and what it offers to people.

import type { FlowQuery, FlowsAnswer } from '../../shared/flows/query.ts'
import type { FlowTally } from '../../shared/flows/tally.ts'
import type { BatchesAnswer, BatchesQuery } from './batches.ts'
import type { LedgerOptions, OpenedLedger } from './ledger.ts'

export interface FlowDoors {
  readonly open: (options: LedgerOptions) => OpenedLedger
  /** How the hub gets them; absent where they stay on the device. */
  readonly toHub?: {
    readonly deflate: (bytes: Uint8Array) => Uint8Array
    /** Each byte is paid for. */
    readonly metered: boolean
  }
}

export interface FlowFigures {
  /** Since the agent started. */
  readonly tally: FlowTally
  /** That the record has ever had. */
  readonly batches: number
  /** As many of them the hub has, as it said last; undefined where it has not. */
  readonly atHub: number | undefined
}

export interface AgentFlows {
  /** Looks at the kernel first. Throws `unsupported` where no flows are recorded. */
  query(query: FlowQuery): Promise<FlowsAnswer>
  /** Undefined where no flows are recorded. */
  figures(): FlowFigures | undefined
  /** Whole batches, a page at a time; looks at the kernel before the first. */
  batches(query: BatchesQuery): Promise<BatchesAnswer>
  /** What is wrong with the record, link by link; undefined where nothing is. */
  fault(): string | undefined
}
