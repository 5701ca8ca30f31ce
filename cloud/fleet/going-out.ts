// What the status of an Exit says: who leads out, who goes out by whom as the devices report it, and who is blocked. Pure.

import { selects } from '../../shared/intent/field.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import type { FleetNode } from '../hub.ts'
import type { ResourceCondition } from '../resource-condition.ts'
import { names } from './names.ts'
import type { Candidate } from './serving.ts'

type Draft = Pick<ResourceCondition, 'type' | 'status' | 'reason' | 'message'>
type Device = Pick<FleetNode, 'name' | 'health' | 'report'>

/** The internet by family, as devices report who leads them there. */
const EVERYTHING: ReadonlySet<string> = new Set(['0.0.0.0/0', '::/0'])

interface GoingOut {
  /** How many devices go by each, by name. */
  readonly by: ReadonlyMap<string, number>
  readonly blocked: readonly string[]
  /** By their own uplink, because nobody who leads out answers. */
  readonly open: readonly string[]
  /** By themselves, because they lead out or relay. */
  readonly apart: readonly string[]
}

function goingOut(selected: ReadonlySet<string>, fleet: readonly Device[]): GoingOut {
  const by = new Map<string, number>()
  const lists = { blocked: [] as string[], open: [] as string[], apart: [] as string[] }
  for (const { health, name, report } of fleet) {
    if (!selected.has(name)) continue
    const has = (wanted: string): boolean => health.some(({ code }) => code === wanted)
    if (has('exit-not-taken')) lists.apart.push(name)
    else if (has('exit-closed')) lists.blocked.push(name)
    else if (has('exit-open')) lists.open.push(name)
    else {
      const used = (report?.routes ?? []).flatMap((one) => (EVERYTHING.has(one.block) ? (one.used ?? []) : []))
      for (const one of new Set<string>(used)) by.set(one, (by.get(one) ?? 0) + 1)
    }
  }
  return { by, blocked: lists.blocked.sort(), open: lists.open.sort(), apart: lists.apart.sort() }
}

/** `members` and `fleet`: of the network of the exit. Who has not reported, or is older than that, is not counted. */
export function wentOut(exit: Resource<'Exit'>, members: readonly Candidate[], fleet: readonly Device[]): Draft {
  const leaders = members.filter(({ labels }) => selects(exit.spec.via, labels))
  if (leaders.length === 0) {
    return { type: 'Ready', status: 'False', reason: 'NobodyLeadsOut', message: 'via selects no member' }
  }
  const away = leaders.filter(({ online }) => !online).map(({ name }) => name)
  const selected = new Set<string>(
    members.filter(({ labels }) => selects(exit.spec.nodes, labels)).map(({ name }) => name),
  )
  const { apart, blocked, by, open } = goingOut(selected, fleet)
  const used = [...by].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${count} by ${name}`)
  const parts = [
    `${leaders.length - away.length} of ${leaders.length} that lead out are connected`,
    ...(away.length === 0 ? [] : [`offline: ${names([...away].sort())}`]),
    ...(used.length === 0 ? [] : [`devices go out: ${used.join(', ')}`]),
    ...(blocked.length === 0 ? [] : [`blocked, because nobody who leads out answers them: ${names(blocked)}`]),
    ...(open.length === 0 ? [] : [`by their own uplink, because nobody who leads out answers them: ${names(open)}`]),
    ...(apart.length === 0 ? [] : [`by themselves, because they lead out or relay: ${names(apart)}`]),
  ]
  const message = parts.join('; ')
  if (blocked.length > 0) return { type: 'Ready', status: 'False', reason: 'Blocked', message }
  if (open.length > 0) return { type: 'Ready', status: 'False', reason: 'Open', message }
  const isDark = away.length === leaders.length
  const reason = isDark ? 'LeadersOffline' : away.length === 0 ? 'LeadersOnline' : 'SomeOffline'
  return { type: 'Ready', status: isDark ? 'Unknown' : 'True', reason, message }
}
