// The seam between the planner and the kernel: read everything, apply operations, clean up.

import type { Amount } from '../../shared/flows/batch.ts'
import type { FlowReader } from '../flows/counters.ts'
import type { Observed } from '../plan/observed.ts'
import type { Op } from '../plan/op.ts'

export interface Failure {
  readonly op: Op
  readonly error: unknown
}

/** What an apply reached; it never throws for one operation that failed. */
export interface Reached {
  readonly done: readonly Op[]
  readonly failed: readonly Failure[]
}

/** `way-out`: besides, this host may lead out again where it did not before. */
export type KernelWord = 'changed' | 'way-out'

/** What this host leads out to the internet for others, of one family of addresses, since its table was laid. */
export interface LedOut {
  readonly family: 4 | 6
  /** Addresses of nodes that were led out within the last five minutes. */
  readonly nodes: number
  readonly out: Amount
  readonly back: Amount
}

export interface Driver {
  /** The kernel as it is now. Throws only where the host can't be read at all. */
  read(): Promise<Observed>
  /** Executes in order; goes on behind a failure where later operations don't depend on it. */
  apply(ops: readonly Op[]): Promise<Reached>
  /** Removes every trace from the kernel. */
  cleanup(): Promise<void>
  /** Calls `wake` when the kernel says that something of ours may have changed. Returns how to stop. */
  watch(wake: (word: KernelWord) => void): () => void
  /** What the kernel counts of the mesh's flows; absent where nobody counts. */
  readonly flows?: FlowReader
  /** Empty where it leads nobody out; asks the kernel each time. */
  ledOut?(): Promise<readonly LedOut[]>
}
