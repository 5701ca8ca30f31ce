// Where the hub keeps the flows of its devices: the seam between who takes them in, who asks, and the disk.

import type { FlowBatch } from '../../shared/flows/batch.ts'
import type { Link } from '../../shared/flows/chain.ts'
import type { LedgerEntry } from '../../shared/flows/query.ts'
import type { HealthCode } from '../../shared/health.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import type { LedgerEnd, Missing } from './judge.ts'

export interface LedgerFault {
  readonly code: HealthCode
  /** Milliseconds since the Unix epoch. */
  readonly since: number
  readonly detail: string
}

/** What is known of the record of one device. */
export interface LedgerState extends LedgerEnd {
  readonly node: NodeId
  /** As they were when it was last heard. */
  readonly name: Name
  readonly network: Name
  /** Batches that the device signed there have ever been. */
  readonly told: number
  /** When it was last heard, milliseconds since the Unix epoch. */
  readonly at: number
  readonly fault?: LedgerFault | undefined
}

export interface TakenWindow {
  readonly state: LedgerState
  readonly links: readonly (Link & { readonly parsed: FlowBatch })[]
  readonly missing?: Missing | undefined
}

export interface FlowSelection {
  /** Only those that came in later than the one of that number, which rises as they come in. */
  readonly afterId: number
  /** Only of batches that end at that time or later, by the device's clock, milliseconds since the Unix epoch. */
  readonly sinceMs: number
  /** Only before that one: the newest page ended there. */
  readonly before?: { readonly at: number; readonly id: number } | undefined
  readonly node?: NodeId | undefined
  /** Only batches with something that was dropped, or that say that something is missing. */
  readonly denied: boolean
}

export interface StoredBatch extends LedgerEntry {
  readonly id: number
  readonly node: NodeId
}

/** Batches that the hub never had. */
export interface StoredMissing extends Missing {
  readonly node: NodeId
  /** When that was noticed, milliseconds since the Unix epoch. */
  readonly at: number
}

export interface FlowFigures {
  readonly batches: number
  /** As they are stored. */
  readonly bytes: number
}

export interface FlowStore {
  ledgers(): readonly LedgerState[]
  /** One transaction. Throws where the disk takes no writes; then nothing changed. What is there already stays as it is. */
  take(window: TakenWindow): void
  putState(state: LedgerState): void
  has(node: NodeId, seq: number, hash: Uint8Array): boolean
  /** The newest first. Nothing else may be asked meanwhile. */
  newest(selection: FlowSelection): Iterable<StoredBatch>
  missing(sinceMs: number, node?: NodeId): readonly StoredMissing[]
  /** Number of the one that came in last; 0 where there is none. */
  newestId(): number
  figures(): FlowFigures
  close(): void
}
