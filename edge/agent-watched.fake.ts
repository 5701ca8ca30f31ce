// An agent of the rig that watches new revisions, and a probe whose answers the test decides.

import { online, type Rig, type RigOptions } from './agent-rig.fake.ts'
import type { ConfirmDoors } from './confirm/doors.ts'

export interface Watched {
  readonly rig: Rig
  readonly confirm: ConfirmDoors
  /** Probes that answer. */
  readonly answering: Set<string>
}

export const PLC = 'tcp:10.0.0.5:502'

/** An agent whose probe answers; `options` for the agent that starts. */
export async function watched(options: Partial<RigOptions> = {}): Promise<Watched> {
  const answering = new Set([PLC])
  const confirm: ConfirmDoors = { watchMs: 30_000, probes: [PLC], ask: async (probe) => answering.has(probe) }
  const rig = await online({ ...options, extra: { confirm } })
  return { rig, confirm, answering }
}

/** `held/applied/last good`, and what is open. */
export function shown({ agent }: Rig): string {
  const { applied, held, lastGood, quarantine, trial } = agent.status().revision
  const open = trial === undefined ? '' : ' trial'
  const told = quarantine === undefined ? '' : ` ${quarantine.certain ? 'quarantined' : 'returned'} ${quarantine.check}`
  return `${held.revision}/${applied.revision}/${lastGood.revision}${open}${told}`
}
