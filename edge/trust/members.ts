// Who belongs to the network by the set in force: their records, their keys, and which of them is this node.

import type { DeviceKey, NodeId } from '../../shared/ids.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { Holding } from './holding.ts'

export interface Members {
  /** This node's own record; undefined where the set does not contain it. */
  me(): BodyOf<'node'> | undefined
  keyOf(node: NodeId): DeviceKey | undefined
  all(): readonly BodyOf<'node'>[]
  /** Takes over the set in force. */
  adopt(): void
}

export function createMembers(holding: Pick<Holding, 'inForce'>, self: NodeId): Members {
  const keys = new Map<NodeId, DeviceKey>()
  let all: readonly BodyOf<'node'>[] = []
  let me: BodyOf<'node'> | undefined
  return {
    me: () => me,
    keyOf: (node) => keys.get(node),
    all: () => all,
    adopt() {
      all = holding.inForce()?.parsed.records.nodes ?? []
      keys.clear()
      for (const node of all) keys.set(node.nodeId, node.deviceKey)
      me = all.find((node) => node.nodeId === self)
    },
  }
}
