// How a roll-out of another agent version stands.

import type { Name } from '../../shared/ids.ts'

export interface Failure {
  readonly name: Name
  readonly why: string
}

export interface Standing {
  readonly phase: 'waiting' | 'rolling' | 'paused' | 'halted' | 'complete'
  /** Of the devices that the update selects. */
  readonly selected: number
  readonly chosen: number
  readonly done: number
  readonly failed: readonly Failure[]
  /** Online, and on their way. */
  readonly pending: readonly Name[]
  /** Not there since they were chosen: they follow when they come back. */
  readonly offline: readonly Name[]
  /** Their agents take no orders. */
  readonly unable: readonly Name[]
  /** Waves that are open, of so many. */
  readonly wave: number
  readonly waves: number
  readonly haltedBy?: string
  /** Why no wave is opened now, though it is not halted. */
  readonly heldBy?: string
}

export interface RollStanding extends Standing {
  readonly name: Name
  readonly network: Name
  readonly version: string
}
