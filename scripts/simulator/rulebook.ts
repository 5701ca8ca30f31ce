// The policy text that each signed revision, in order, prescribes for a node: what its kernel may enforce, nothing else.

import { desire } from '../../edge/plan/desire.ts'
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
