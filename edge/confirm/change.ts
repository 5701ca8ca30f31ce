// What a revision speaks of, seen from one node. Pure. What it does not speak of is not its doing: a hub that falls silent
// right after some other node joined has a trouble of its own.

import type { NodeId } from '../../shared/ids.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { LocalAddress } from '../plan/observed.ts'
import { planRoutes } from '../plan/routes.ts'

/** The records that were good, and those on trial. */
export interface Change {
  readonly good: ParsedRecords
  readonly next: ParsedRecords
  readonly self: NodeId
  readonly local: readonly LocalAddress[]
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

export function nodeIn({ nodes }: ParsedRecords, node: NodeId): BodyOf<'node'> | undefined {
  return nodes.find(({ nodeId }) => nodeId === node)
}

/** Routes of this host, through whom they go, and what it routes for others. */
function routesOf(records: ParsedRecords, { local, self }: Change): unknown {
  const me = nodeIn(records, self)
  if (me === undefined) return undefined
  const { forwards, routes, through } = planRoutes(records, me, local)
  return { forwards, routes, through: [...through] }
}

/** True where the revision changes how this host sends what it sends: addresses, routes, sizes. */
export function touchesWays(change: Change): boolean {
  const { good, next, self } = change
  if (!same(good.network, next.network) || touchesNode(change, self)) return true
  return !same(routesOf(good, change), routesOf(next, change))
}

/** True where the revision changes more on this host than who its peers are. */
export function touchesHost(change: Change): boolean {
  const { good, next } = change
  return !same(good.policies, next.policies) || !same(good.services, next.services) || touchesWays(change)
}

/** True where the revision changes a thing about that very node. */
export function touchesNode({ good, next }: Change, node: NodeId): boolean {
  return !same(nodeIn(good, node), nodeIn(next, node))
}
