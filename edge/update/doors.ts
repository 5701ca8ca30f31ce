// What an update asks of the host: the slots beside which it is kept, and an end of this process.

import type { Build } from './case.ts'
import type { OrderDoors } from './order-doors.ts'
import type { Slot } from './slot.ts'
import type { Kept, Step } from './steps.ts'

export interface UpdateDoors {
  /** Directory of the slots, and what was started from there. */
  readonly home: string
  readonly runs: Build
  /** Throws where it can't be read. */
  read(): Kept
  /** What lies in a slot, by its own list; undefined where that is not whole. */
  build(slot: Slot): Build | undefined
  /** Survives a power cut once it returns. Throws `failed`. */
  carryOut(step: Step): void
  /** Carries out what the hub orders to run; absent where this device goes its own way. */
  readonly orders?: OrderDoors | undefined
  /** Ends this process, so that the starter starts what is pointed at. */
  restart(): void
}
