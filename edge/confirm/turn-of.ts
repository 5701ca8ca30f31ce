// Whether a canary lets this node follow a set.

import { turnsOf } from '../../shared/canary/goes-first.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Readable } from '../trust/accept.ts'

/** `lastGood`: what is followed while others go first. */
export function createTurnOf(self: NodeId, lastGood: () => Readable | undefined): (set: Readable) => boolean {
  let known: { readonly set: Readable; readonly turn: boolean } | undefined
  const isMember = ({ parsed }: Readable): boolean => parsed.records.nodes.some(({ nodeId }) => nodeId === self)
  return (set) => {
    if (known?.set !== set) {
      const { canaries, nodes } = set.parsed.records
      // Who is out of the set has nothing to wait for.
      known = { set, turn: !isMember(set) || turnsOf(canaries, nodes)(self) }
    }
    if (known.turn) return true
    // Nor has who is let in again: until then no peer can be asked for anything, and nothing works that could be lost.
    const good = lastGood()
    return good !== undefined && !isMember(good)
  }
}
