// What each signed revision, in order, says: the policy it prescribes for a node, which is all that its kernel may
// enforce, and who belongs to the network.

import { desire } from '../../edge/plan/desire.ts'
import type { Enforcement } from '../../edge/plan/enforcement.ts'
import type { WgKey } from '../../shared/ids.ts'
import { type ParsedRecords, parseRecords } from '../../shared/record/parsed.ts'
import type { Signed } from './sim-hub.ts'
import { type SimNode, settings } from './sim-node.ts'

/** The policy of a node that follows revision `good` while it holds `held`; both count from the first that was signed. */
export type Rulebook = (node: SimNode, good: number, held: number) => Enforcement

/** The records of `good`, without whoever is not in `held` as the same device. */
function without(good: ParsedRecords, held: ParsedRecords): ParsedRecords {
  const key = ({ deviceKey, wgKey }: ParsedRecords['nodes'][number]): string => `${deviceKey} ${wgKey}`
  const still = new Set(held.nodes.map(key))
  return { ...good, nodes: good.nodes.filter((node) => still.has(key(node))) }
}

/** `history` grows as the hub signs; each policy is worked out once. */
export function createRulebook(history: readonly Signed[]): Rulebook {
  const parsed: ParsedRecords[] = []
  const policies = new Map<SimNode, Map<string, Enforcement>>()
  const recordsOf = (at: number): ParsedRecords => {
    const records = parsed[at] ?? parseRecords(history[at]?.records ?? new Map()).records
    parsed[at] = records
    return records
  }
  return (node, good, held) => {
    const known = policies.get(node) ?? new Map<string, Enforcement>()
    policies.set(node, known)
    const worked = known.get(`${good} ${held}`)
    if (worked !== undefined) return worked
    const { desired } = desire({
      records: good === held ? recordsOf(held) : without(recordsOf(good), recordsOf(held)),
      self: node.device.nodeId,
      wgKey: node.device.wgKey,
      interface: settings.interface,
      listenPort: settings.listenPort,
      meshPort: settings.meshPort,
      endpoints: new Map(),
      local: node.kernel.observe().local,
    })
    known.set(`${good} ${held}`, desired.policy)
    return desired.policy
  }
}

/** Keys of the nodes of each revision; grows as `history` does. */
export function createRoster(history: readonly Signed[]): () => readonly ReadonlySet<WgKey>[] {
  const known: ReadonlySet<WgKey>[] = []
  return () => {
    for (const { records } of history.slice(known.length)) {
      known.push(new Set(parseRecords(records).records.nodes.map(({ wgKey }) => wgKey)))
    }
    return known
  }
}
