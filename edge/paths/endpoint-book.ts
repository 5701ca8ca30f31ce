// What the loop tells of its peers, and the endpoints it is to set.

import type { Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Near } from '../lan/near-book.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { PeerEntry } from '../report/peers.ts'
import type { HeldFact } from '../store/store.ts'

export interface EndpointInput {
  readonly entries: readonly PeerEntry[]
  readonly facts: ReadonlyMap<NodeId, HeldFact>
  /** Who was just heard on this LAN. */
  readonly near?: ReadonlyMap<NodeId, Near>
  readonly local: readonly LocalAddress[]
  readonly mesh: readonly Cidr[]
  /** Changes whenever any of the above but counters and handshakes changes. */
  readonly key: string
}

export interface EndpointBook {
  /** A peer without an entry keeps the endpoint that WireGuard has. */
  readonly chosen: ReadonlyMap<NodeId, Endpoint>
  /** No NAT has to be held open for the peer: it finds this node however long they do not talk. */
  isQuiet(node: NodeId): boolean
  /** Rises when one of them changes. */
  revision(): number
  update(input: EndpointInput): void
}
