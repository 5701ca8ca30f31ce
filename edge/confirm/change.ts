// What a change speaks of, seen from one node: a revision, or another version of the program. Pure. What it does not speak of
// is not its doing: a hub that falls silent right after some other node joined has a trouble of its own.

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

/** What a change may have broken, and who is to be there under it. */
export interface Scope {
  /** The records that are followed under it. */
  readonly records: ParsedRecords
  /** It changes more on this host than who its peers are. */
  readonly host: boolean
  /** It changes how this host sends what it sends: addresses, routes, sizes. */
  readonly ways: boolean
  /** It changes a thing about that very node. */
  readonly node: (node: NodeId) => boolean
  /** Both before and under it that node is a peer, the same one. */
  readonly stays: (node: NodeId) => boolean
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

function touchesWays(change: Change): boolean {
  const { good, next, self } = change
  if (!same(good.network, next.network) || touchesNode(change, self)) return true
  return !same(routesOf(good, change), routesOf(next, change))
}

function touchesNode({ good, next }: Change, node: NodeId): boolean {
  return !same(nodeIn(good, node), nodeIn(next, node))
}

/** Of a revision. */
export function scopeOf(change: Change): Scope {
  const { good, next } = change
  const ways = touchesWays(change)
  return {
    records: next,
    ways,
    host: ways || !same(good.policies, next.policies) || !same(good.services, next.services),
    node: (node) => touchesNode(change, node),
    stays(node) {
      const [was, is] = [nodeIn(good, node), nodeIn(next, node)]
      return was !== undefined && is?.wgKey === was.wgKey
    },
  }
}

/** Of another version of the program: there is nothing that it does not touch. */
export function wholeScope(records: ParsedRecords): Scope {
  const always = (): boolean => true
  return { records, ways: true, host: true, node: always, stays: (node) => nodeIn(records, node) !== undefined }
}
