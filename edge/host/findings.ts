// What the doors of this host find out while the agent runs: conditions that begin, and end.

import type { Clock } from '../../shared/effects.ts'
import type { Condition, HealthCode } from '../../shared/health.ts'

export interface HostFindings {
  /** Begins the condition, keeping its start where it lasts already; or ends it. */
  set(code: HealthCode, holds: boolean, detail?: string): void
  list(): readonly Condition[]
}

export function createFindings(clock: Clock): HostFindings {
  const held = new Map<HealthCode, Condition>()
  return {
    set(code, holds, detail) {
      if (!holds) held.delete(code)
      else if (!held.has(code))
        held.set(code, { code, since: clock.now(), ...(detail === undefined ? {} : { detail }) })
    },
    list: () => [...held.values()],
  }
}
