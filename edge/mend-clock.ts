// A clock that is behind the last known time is raised, where that is allowed.

import type { AgentOptions } from './agent.ts'
import type { Parts } from './agent-parts.ts'

/** A clock that lags less is a time server's business. */
const CLOCK_SLACK_MS = 2_000

/** Before WireGuard comes up: it refuses handshakes whose time went backwards. */
export async function mendClock(options: AgentOptions, { clock, health, time }: Parts): Promise<void> {
  const floor = time.floor()
  if (clock.now() >= floor - CLOCK_SLACK_MS) return
  const told = await options.raiseClock?.(floor)
  const detail = `known to have passed: ${new Date(floor).toISOString()}`
  if (told !== undefined) health.raise(told.code, told.detail)
  else if (clock.now() < floor - CLOCK_SLACK_MS) health.raise('clock-behind', detail)
}
