// Where this node rests: at its nearest relays it keeps one session with the relay itself, so that peers find it there
// however long nobody talked with it, whatever NAT it is behind, and without the hub.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Binding } from '../relay/bound.ts'
import type { RelayClient } from '../relay/client.ts'

export interface HomesOptions {
  readonly client: Pick<RelayClient, 'settle'>
  /** The peer waits for this node at the relay. */
  readonly onWanted: (peer: NodeId) => void
  readonly onSeenAs: (relay: Endpoint, endpoint: Endpoint) => void
}

export interface HomePlace {
  readonly relay: NodeId
  readonly at: Endpoint
}

export interface Homes {
  /** Settles at these and leaves the others. */
  update(places: readonly HomePlace[]): void
  isBound(relay: NodeId): boolean
}

export function createHomes({ client, onSeenAs, onWanted }: HomesOptions): Homes {
  let held = new Map<NodeId, Binding>()
  return {
    update(places) {
      const next = new Map<NodeId, Binding>()
      for (const { at, relay } of places) {
        const kept = held.get(relay)
        const events = {
          onBound: (_: Endpoint, observed: Endpoint) => onSeenAs(at, observed),
          onLost: () => undefined,
        }
        next.set(relay, kept?.at === at ? kept : client.settle(relay, at, events, onWanted))
      }
      for (const [relay, binding] of held) if (next.get(relay) !== binding) binding.release()
      held = next
    },
    isBound: (relay) => held.get(relay)?.endpoint() !== undefined,
  }
}
