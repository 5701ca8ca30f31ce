// What takes flows out of the hub: the seam between who takes them in and whatever they go to.

import type { FlowBatch } from '../../shared/flows/batch.ts'
import type { Reporter } from './flow-log.ts'

export interface ExportFigures {
  /** Log records since the hub started: that were to go, and that did; the rest waits, or was dropped. */
  readonly offered: number
  readonly delivered: number
  /** Because the collector did not take them, or there was no room to wait for it. */
  readonly dropped: number
  /** The last try failed. */
  readonly failing: boolean
}

export interface FlowExport {
  /** Never waits and never throws. */
  note(reporter: Reporter, seq: number, batch: FlowBatch): void
  figures(): ExportFigures
  /** Gives what waits a moment. */
  stop(): Promise<void>
}
