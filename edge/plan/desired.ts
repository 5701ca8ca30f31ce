// What this device should look like: derived from records, facts and local settings, and from nothing else.

import type { Address, Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Name, NodeId, WgKey } from '../../shared/ids.ts'
import type { Enforcement } from './enforcement.ts'
import type { ExitSetup } from './led-out.ts'

export interface DesiredPeer {
  readonly node: NodeId
  readonly name: Name
  readonly wgKey: WgKey
  /** The key this very device was known by before: what WireGuard holds under that one passes over in one step. */
  readonly replaces?: WgKey
  /** Sorted; the peer's mesh addresses and the subnets that are routed through it. */
  readonly allowedIps: readonly Cidr[]
  /** Absent: leave WireGuard's own choice (roaming) alone. */
  readonly endpoint?: Endpoint
  /** Seconds; 0 is off. */
  readonly keepaliveS: number
}

export interface DesiredRoute {
  readonly destination: Cidr
  readonly metric: number
  /** Where the path to the peer behind it carries less than the interface's MTU. */
  readonly mtu?: number
  /** Own address that this host asks from; absent where it has no choice. */
  readonly source?: Address
}

export interface Desired {
  readonly interface: string
  readonly listenPort: number
  readonly mtu: number
  readonly wgKey: WgKey
  /** Address with the length of the interface's own prefix: /32 and /128. Sorted. */
  readonly addresses: readonly Cidr[]
  /** Sorted by key. */
  readonly peers: readonly DesiredPeer[]
  /** Sorted by destination. All through the interface. */
  readonly routes: readonly DesiredRoute[]
  /** Families this host must forward, because it routes a subnet. */
  readonly forwarding: readonly (4 | 6)[]
  readonly policy: Enforcement
  /** The whole text of the own nft table, deterministic; see nft.ts. */
  readonly ruleset: string
  /** What leads this host out by others; absent where it goes out by itself. */
  readonly exit?: ExitSetup
  /** The whole text of the table of services, deterministic, empty where there are none; see nft-services.ts. */
  readonly services: string
}

/** What the planner leaves out of the network, and why: a condition, never a failure. */
export interface Omission {
  readonly code:
    | 'address-conflict'
    | 'address-overlap'
    | 'not-a-member'
    | 'intent-unsupported'
    | 'not-published'
    | 'exit-not-taken'
  readonly detail: string
  /** They would lead there. Where one of them is heard on the very network, this device has no need of it. */
  readonly routers?: readonly NodeId[]
}
