// Who belongs to the network by the set in force: their records, their keys, and which of them is this node.

import type { Address } from '../../shared/address/cidr.ts'
import type { DeviceKey, NodeId } from '../../shared/ids.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { Holding } from './holding.ts'

export interface Members {
  /** This node's own record; undefined where the set does not contain it. */
  me(): BodyOf<'node'> | undefined
  keyOf(node: NodeId): DeviceKey | undefined
  all(): readonly BodyOf<'node'>[]
  /** Another member has that address inside the mesh. */
  hasPeerAt(address: Address): boolean
  /** Takes over the set in force. */
  adopt(): void
}

export function createMembers(holding: Pick<Holding, 'inForce'>, self: NodeId): Members {
  const keys = new Map<NodeId, DeviceKey>()
  const peersAt = new Set<Address>()
  let all: readonly BodyOf<'node'>[] = []
  let me: BodyOf<'node'> | undefined
  return {
    me: () => me,
    keyOf: (node) => keys.get(node),
    all: () => all,
    hasPeerAt: (address) => peersAt.has(address),
    adopt() {
      all = holding.inForce()?.parsed.records.nodes ?? []
      keys.clear()
      peersAt.clear()
      for (const { addresses, deviceKey, nodeId } of all) {
        keys.set(nodeId, deviceKey)
        if (nodeId !== self) for (const address of addresses) peersAt.add(address)
      }
      me = all.find((node) => node.nodeId === self)
    },
  }
}
