// Who follows newer intent first while there is a canary. Pure, and the same on the hub and on every node: from the newest
// set alone each node knows whether it is its turn.

import type { Name, NodeId } from '../ids.ts'
import { type Labels, selects } from '../intent/field.ts'
import type { SpecOf } from '../intent/resource.ts'

export interface Candidate {
  readonly nodeId: NodeId
  readonly labels: Labels
}

export interface Canary {
  readonly name: Name
  readonly spec: Pick<SpecOf<'Canary'>, 'nodes' | 'percent'>
}

/** FNV-1a, 32 bits: spreads ids evenly, so that each canary begins with other nodes. Not for secrets. */
export function spread(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}

/** Nodes that the canary names. */
export function chosenBy({ name, spec }: Canary, nodes: readonly Candidate[]): ReadonlySet<NodeId> {
  const eligible = nodes.filter(({ labels }) => spec.nodes === undefined || selects(spec.nodes, labels))
  const count = spec.percent === undefined ? eligible.length : Math.ceil((eligible.length * spec.percent) / 100)
  const ranked = eligible
    .map(({ nodeId }) => ({ nodeId, rank: spread(`${name} ${nodeId}`) }))
    .sort((a, b) => a.rank - b.rank || (a.nodeId < b.nodeId ? -1 : 1))
  return new Set(ranked.slice(0, count).map(({ nodeId }) => nodeId))
}

/** Whether a node follows the newest intent: without a canary every one does. */
export function turnsOf(canaries: readonly Canary[], nodes: readonly Candidate[]): (node: NodeId) => boolean {
  if (canaries.length === 0) return () => true
  const chosen = canaries.map((canary) => chosenBy(canary, nodes))
  return (node) => chosen.some((nodes_) => nodes_.has(node))
}
