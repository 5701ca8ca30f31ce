// How the network stands as a whole, as this node has heard of it.

import type { LockStatus } from './lock-health.ts'
import type { RenumberingStatus } from './renumbering.ts'

export interface NetworkStanding {
  /** The membership lock this node trusts; absent where there is none. */
  readonly membershipLock?: LockStatus | undefined
  /** It is on its way to other addresses; absent where it keeps them. */
  readonly renumbering?: RenumberingStatus | undefined
}
