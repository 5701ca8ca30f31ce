// What this node does for others, as metrics ask the kernel, at most once a second. Throws where the kernel does not tell.

import type { LedOut } from '../drivers/driver.ts'
import type { RelayFigures } from '../relay/open-relay.ts'

export interface AgentFigures {
  /** Of the relay that is open here; undefined where none is. */
  relay(): Promise<RelayFigures | undefined>
  /** Of whom this node leads out; empty where that is nobody. */
  ledOut(): Promise<readonly LedOut[]>
}
