// The members of the set in force, as a relay asks for them.

import type { Holding } from '../trust/holding.ts'
import type { MemberSet } from './admission.ts'

/** Undefined where no set is held that this agent can read. */
export function memberSetOf(holding: Pick<Holding, 'held'>): MemberSet | undefined {
  const held = holding.held()
  if (held?.parsed === undefined) return undefined
  const keys = new Map(held.parsed.records.nodes.map(({ deviceKey, nodeId }) => [nodeId, deviceKey]))
  return { version: held.version, keyOf: (node) => keys.get(node) }
}
