// What the hub can say in numbers of the flows it takes in.

import type { FlowTally } from '../../shared/flows/tally.ts'
import type { Name } from '../../shared/ids.ts'
import type { ExportFigures } from '../otlp/flow-export.ts'
import type { FlowFigures, LedgerState } from './flow-store.ts'

export interface FleetFlowFigures {
  /** By network, since the hub started. */
  readonly tallies: readonly (readonly [Name, FlowTally])[]
  readonly ledgers: readonly LedgerState[]
  readonly store: FlowFigures
  /** The last write failed. */
  readonly failing: boolean
  /** Undefined where they go nowhere. */
  readonly exported?: ExportFigures | undefined
}
