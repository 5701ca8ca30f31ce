// The members of the set in force, as a relay asks for them: who they are, and whose traffic it may carry.

import type { NodeId } from '../../shared/ids.ts'
import { mayCarry } from '../../shared/intent/relay-policy.ts'
import { isLocked } from '../../shared/record/lock.ts'
import type { Judge } from '../../shared/record/member.ts'
import type { Held } from '../trust/accept.ts'
import type { LockedHolding } from '../trust/locked.ts'
import type { MemberSet } from './admission.ts'

function memberSetOf({ parsed, version }: Held, judge: Judge, closed: boolean, self: NodeId): MemberSet | undefined {
  if (parsed === undefined) return undefined
  const nodes = new Map(
    parsed.records.nodes.filter((node) => judge(node) === 'admitted').map((node) => [node.nodeId, node]),
  )
  const rules = parsed.records.network?.spec.relayPolicy ?? []
  const relay = nodes.get(self)
  const allows = (id: NodeId): boolean => {
    const node = nodes.get(id)
    // Of a node that this set does not have nobody knows yet where its data may go.
    return node !== undefined && relay !== undefined && mayCarry(rules, node, relay)
  }
  return {
    version,
    closed,
    keyOf: (node) => nodes.get(node)?.deviceKey,
    carries: (a, b) => rules.length === 0 || [a, b].every((node) => node === self || allows(node)),
  }
}

/** Asked at each word that comes; made once for each set. Undefined where none is held that this agent can read. */
export function createMemberSets(
  holding: Pick<LockedHolding, 'held' | 'judge' | 'pin'>,
  self: NodeId,
): () => MemberSet | undefined {
  let madeOf: Held | undefined
  let madeBy: Judge | undefined
  let made: MemberSet | undefined
  return () => {
    const held = holding.held()
    const judge = holding.judge()
    if (held !== madeOf || judge !== madeBy) {
      madeOf = held
      madeBy = judge
      made = held === undefined ? undefined : memberSetOf(held, judge, isLocked(holding.pin.lock()), self)
    }
    return made
  }
}
