// Who was heard on this LAN lately. Hearing a beacon is the one sign that tells a neighbour from a stranger's device behind
// another router that gives out the same addresses.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'
import { nearMax } from '../../shared/limits.ts'

export interface Near {
  /** Where on this LAN the node says it is. */
  readonly endpoints: readonly Endpoint[]
  /** Monotonic milliseconds. */
  readonly heardAt: number
}

export interface NearBook {
  readonly near: ReadonlyMap<NodeId, Near>
  /** Rises when somebody comes, moves or goes. */
  revision(): number
  /** True if the node was not near before, or elsewhere. */
  hear(node: NodeId, endpoints: readonly Endpoint[], now: number): boolean
  /** Forgets whom `keep` does not want. */
  sift(keep: (node: NodeId, near: Near) => boolean): void
}

export function createNearBook(): NearBook {
  const near = new Map<NodeId, Near>()
  let revision = 0
  return {
    near,
    revision: () => revision,
    hear(node, endpoints, now) {
      const known = near.get(node)
      // Last in line again: the one that was silent longest gives way.
      near.delete(node)
      near.set(node, { endpoints, heardAt: now })
      const [oldest] = near.keys()
      if (near.size > nearMax && oldest !== undefined) near.delete(oldest)
      const same = known !== undefined && known.endpoints.join() === endpoints.join()
      if (!same) revision += 1
      return !same
    },
    sift(keep) {
      for (const [node, one] of near) {
        if (keep(node, one)) continue
        near.delete(node)
        revision += 1
      }
    },
  }
}
