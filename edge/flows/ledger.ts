// Where batches of flows are kept: the seam between those who summarise, those who ask, and the disk.

import type { Clock, Log, Sha256, Signer, Verify } from '../../shared/effects.ts'
import type { FlowBatch } from '../../shared/flows/batch.ts'
import type { Checkpoint, Link } from '../../shared/flows/chain.ts'
import type { FlowSource } from '../../shared/flows/query.ts'
import type { NetworkId, NodeId } from '../../shared/ids.ts'

/** The record as it goes to the hub: links as they are, nothing of them read. */
export interface FlowChain {
  checkpoint(): Checkpoint
  /** Hash of the batch of that number; undefined where it is not kept. */
  hashOf(seq: number): Uint8Array | undefined
  /** From that number on, in order. Nothing else may be asked of the record meanwhile. */
  from(seq: number): Iterable<Link>
  /** The newest batch that says that the record before was not whole; undefined where none does. */
  newestDamaged(): Omit<Link, 'batch'> | undefined
  /** What is on record is on the disk, so that no power cut takes it back. Throws where the disk takes no writes. */
  secure(): void
}

export interface FlowLedger extends FlowSource, FlowChain {
  /** One transaction. Throws where the disk takes no writes; then nothing changed. */
  append(batch: FlowBatch): void
  /** Those before that number which end at that time or later, newest first: bytes as they are, nothing of them read. */
  encoded(sinceMs: number, beforeSeq: number): Iterable<Pick<Link, 'seq' | 'batch'>>
  /** Looks at every link: what is wrong, or undefined. */
  fault(): string | undefined
  close(): void
}

export interface OpenedLedger {
  readonly ledger: FlowLedger
  /** Set where the one before was not whole and was set aside: what was wrong, and where it is. */
  readonly setAside?: string
}

export interface LedgerOptions {
  readonly network: NetworkId
  readonly node: NodeId
  readonly signer: Signer
  /** Keys that this device has, or had. */
  readonly keys: () => readonly Uint8Array[]
  readonly sha256: Sha256
  readonly verify: Verify
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
  /** For tests of a small disk. */
  readonly bytesMax?: number
  /** Leaves one that is not whole where it is, and throws: for those who only look. */
  readonly look?: true
}
