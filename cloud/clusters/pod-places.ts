// What nodes of the hub advertise for pods of clusters that are not the hub's own: the blocks that routes of those clusters lead
// to.

import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { AnyResource, Resource } from '../../shared/intent/resource.ts'
import type { Actor } from '../audit.ts'
import type { Hub } from '../hub.ts'
import { contentOf } from '../kubernetes/cluster-intent.ts'
import { clusterOf } from '../kubernetes/derived/derived.ts'
import { type PodPlace, podPlaces, withoutPods, withPods } from '../kubernetes/derived/pods.ts'

export interface AdvertisingOptions {
  readonly hub: Pick<Hub, 'list' | 'put'>
  readonly log: Log
  /** Whether a cluster of that name has an agent. */
  readonly isKnown: (cluster: string) => boolean
  /** In a cluster of its own the hub's controller sees to what nodes advertise. */
  readonly isLeft: boolean
}

const actor: Actor = { name: 'clusters', role: 'admin' }

/** Nodes that are to be others, as they are to be. `before` and `after`: by routes as they were, and as they are. */
function movedNodes(
  nodes: readonly AnyResource[],
  before: ReadonlyMap<string, PodPlace>,
  after: ReadonlyMap<string, PodPlace>,
): readonly AnyResource[] {
  return nodes.flatMap((node) => {
    const wanted = withPods(withoutPods(node, before), after)
    return contentOf(wanted) === contentOf(node) ? [] : [wanted]
  })
}

/** Nodes follow the routes as they are at each `turn`; a node that somebody changed gets back what is missing. */
export function createAdvertising({ hub, isKnown, isLeft, log }: AdvertisingOptions): { turn(): void } {
  const places = (): ReadonlyMap<string, PodPlace> =>
    podPlaces(
      hub
        .list('Route')
        .map(({ resource }) => resource as unknown as Resource<'Route'>)
        .filter((route) => isKnown(clusterOf(route) ?? '')),
    )
  let placed = places()
  return {
    turn() {
      const before = placed
      placed = places()
      if (isLeft) return
      const nodes = hub.list('Node').map(({ resource }) => resource)
      for (const node of movedNodes(nodes, before, placed)) {
        try {
          hub.put(node, actor)
        } catch (error) {
          if (!(error instanceof HoldfastError)) throw error
          log.warn('a node can’t advertise its pods', { node: node.metadata.name, why: describeError(error) })
        }
      }
    },
  }
}
