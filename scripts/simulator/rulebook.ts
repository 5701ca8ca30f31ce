// What each signed revision, in order, says: the policy text it prescribes for a node, which is all that its kernel may
// enforce, and who belongs to the network.

import { desire } from '../../edge/plan/desire.ts'
import type { WgKey } from '../../shared/ids.ts'
import { parseRecords } from '../../shared/record/parsed.ts'
import type { Signed } from './sim-hub.ts'
import { type SimNode, settings } from './sim-node.ts'

/** `history` grows as the hub signs; each text is worked out once. */
export function createRulebook(history: readonly Signed[]): (node: SimNode) => readonly string[] {
  const known = new Map<SimNode, string[]>()
  return (node) => {
    const texts = known.get(node) ?? []
    known.set(node, texts)
    for (const { records } of history.slice(texts.length)) {
      const { desired } = desire({
        records: parseRecords(records).records,
        self: node.device.nodeId,
        wgKey: node.device.wgKey,
        interface: settings.interface,
        listenPort: settings.listenPort,
        meshPort: settings.meshPort,
        endpoints: new Map(),
        local: node.kernel.observe().local,
      })
      texts.push(desired.ruleset)
    }
    return texts
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
