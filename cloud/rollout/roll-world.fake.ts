// Devices of a roll-out in memory, for tests of what is decided about them.

import type { NodeId } from '../../shared/ids.ts'
import { parseName } from '../../shared/ids.ts'
import { agentUpdateSpec } from '../../shared/intent/agent-update.ts'
import { parseWith, type SpecOf } from '../../shared/intent/resource.ts'
import { type DecideInput, decide, type RollMember, type RollState } from './decide.ts'

export const WANTED = '2.0.0'
export const SOAK_MS = 60_000

export function specOf(change: object = {}): SpecOf<'AgentUpdate'> {
  return parseWith(agentUpdateSpec, { version: WANTED, soakS: SOAK_MS / 1_000, ...change })
}

export function memberOf(at: number, change: Partial<RollMember> = {}): RollMember {
  return {
    nodeId: `node${String(at).padStart(12, 'a')}` as NodeId,
    name: parseName(`n${at}`),
    labels: { site: at % 2 === 0 ? 'north' : 'south' },
    online: true,
    version: '1.0.0',
    onTrial: false,
    order: { serial: 0, state: 'none' },
    ...change,
  }
}

export const done = (member: RollMember): RollMember => ({ ...member, version: WANTED })
export const refused = (member: RollMember, { serial }: RollState, detail = 'taken back'): RollMember => ({
  ...member,
  order: { serial, state: 'refused', detail },
})

export interface Run {
  members: RollMember[]
  state: RollState | undefined
  now: number
  spec: SpecOf<'AgentUpdate'>
  generation: number
}

export function runOf(count: number, change: object = {}): Run {
  const members = Array.from({ length: count }, (_, at) => memberOf(at))
  return { members, state: undefined, now: 1_000_000, spec: specOf(change), generation: 1 }
}

export function step(run: Run, passedMs = 0, more: Partial<DecideInput> = {}) {
  run.now += passedMs
  const decided = decide({ ...run, name: 'u', ...more })
  run.state = decided.state
  return decided
}

export function chosen({ state }: Run): readonly string[] {
  return Object.keys(state?.nodes ?? {})
}

export function changeSome(run: Run, which: (id: string) => boolean, to: (member: RollMember) => RollMember): void {
  run.members = run.members.map((one) => (which(one.nodeId) ? to(one) : one))
}
