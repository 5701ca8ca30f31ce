// Whose traffic a relay may carry, by the network's relayPolicy. Nodes choose their relays by it and relays hold to it, so
// that data stays where it belongs even if one of the two has older intent or bad intentions. Pure.

import { selects } from '../../shared/intent/field.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import type { NodeBody } from '../../shared/record/record.ts'

type Labelled = Pick<NodeBody, 'labels'>

/** True if every rule that speaks of the node lets the relay carry its traffic. */
export function mayCarry(rules: NetworkSpec['relayPolicy'], node: Labelled, relay: Labelled): boolean {
  return rules
    .filter(({ nodes }) => nodes === undefined || selects(nodes, node.labels))
    .every(({ relays }) => selects(relays, relay.labels))
}
