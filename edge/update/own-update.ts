// The updates of this agent, made of its parts.

import { parseRecords } from '../../shared/record/parsed.ts'
import type { AgentOptions } from '../agent.ts'
import type { Running } from '../agent-link.ts'
import type { Parts } from '../agent-parts.ts'
import type { Looks } from '../confirm/looks.ts'
import { createUpdate, type Update } from './update.ts'

/** Of `confirmS`, in milliseconds. A program is never taken at its word: nobody on site can put it right. */
export function updateWatchMs(confirmMs: number): number {
  return confirmMs === 0 ? 30_000 : confirmMs
}

/** Undefined where no starter could start another version, or nobody looks at what works. */
export function createOwnUpdate(
  { confirm, log, update: doors }: AgentOptions,
  { clock, health, holding, keep }: Parts,
  running: Pick<Running, 'confirm'>,
  looks: Looks | undefined,
): Update | undefined {
  if (doors === undefined || looks === undefined) return undefined
  const watchMs = updateWatchMs(confirm?.watchMs ?? 0)
  // Who holds no intent yet has no peers to lose.
  const none = parseRecords(new Map()).records
  const records = () => holding.followed()?.parsed.records ?? none
  const busy = () => (running.confirm?.view().trial === undefined ? undefined : 'a revision is on trial')
  return createUpdate({ clock, doors, health, keep, log, looks, records, busy, watchMs })
}
