// What the kernel holds now, as the drivers read it. Only what is ours: the interface, its routes, the own table.

import type { Address, Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { Enforcement } from './enforcement.ts'
import type { ExitSetup } from './led-out.ts'

export interface ObservedPeer {
  readonly wgKey: WgKey
  readonly allowedIps: readonly Cidr[]
  readonly endpoint?: Endpoint
  readonly keepaliveS: number
  /** Milliseconds since the Unix epoch; 0 before the first handshake. */
  readonly handshakeAt: number
  readonly rxBytes: number
  readonly txBytes: number
}

export interface ObservedLink {
  readonly up: boolean
  readonly mtu: number
  /** Addresses with their length, sorted; link-local ones left out. */
  readonly addresses: readonly Cidr[]
}

export interface ObservedDevice {
  readonly listenPort: number
  /** Public half of the key that is set; absent where none is. */
  readonly wgKey?: WgKey
  readonly peers: readonly ObservedPeer[]
}

export interface ObservedRoute {
  readonly destination: Cidr
  readonly metric: number
  readonly mtu?: number
  readonly source?: Address
}

/** An address of another interface of this host: to avoid conflicts and to find LAN candidates. */
export interface LocalAddress {
  readonly interface: string
  /** The address itself. */
  readonly address: Address
  /** The block that is on the link with it. */
  readonly cidr: Cidr
  /** True for interfaces that reach a physical network: not loopback, overlay, container or own. */
  readonly physical: boolean
  /** Set where there is one other end and no broadcast: a modem, a serial line. */
  readonly pointToPoint?: true
}

export interface Observed {
  readonly link?: ObservedLink
  readonly device?: ObservedDevice
  /** Routes through the own interface, sorted. */
  readonly routes: readonly ObservedRoute[]
  /** Families that forward now. */
  readonly forwarding: readonly (4 | 6)[]
  /** What is known to be enforced; absent where it is missing or was changed by others. */
  readonly policy?: Enforcement
  /** The ruleset text that the own table is known to equal; absent where it is missing or was changed by others. */
  readonly ruleset?: string
  /** The same of the table of services; empty where there is none. */
  readonly services?: string
  /** What leads this host out by others; absent where nothing does. */
  readonly exit?: ExitSetup | 'changed'
  /** Virtual addresses that flows were opened to here, with the seconds since the last one; absent where there are none. */
  readonly used?: ReadonlyMap<Address, number>
  readonly local: readonly LocalAddress[]
  /** Networks that the mesh side is attached to, where that is in a network namespace of its own. */
  readonly inside?: readonly LocalAddress[]
  /** Set where the host has IPv6 switched off. */
  readonly noIpv6?: true
}
