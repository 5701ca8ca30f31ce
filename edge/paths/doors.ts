// What the path engine needs of the host. The kernel's side is made by main.ts, as every driver.

import type { Address } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { Nat64 } from '../nat64/nat64.ts'
import type { ObservedPeer } from '../plan/observed.ts'
import type { DialTlsRelay } from '../relay/tls-link.ts'
import type { OpenLoopback } from '../relay/tls-wire.ts'
import type { PathTalk } from './path-talk.ts'

/** WireGuard between two turns of the loop: quick looks and quick turns of a peer's endpoint. */
export interface WireguardDoor {
  /** Bytes that came and went through the interface, payload only; undefined where there is no interface. */
  passed(): { readonly rxBytes: number; readonly txBytes: number } | undefined
  peers(): Promise<readonly ObservedPeer[]>
  /** For a moment, what still comes in from `leaves` seems to come from `endpoint`, so that WireGuard does not roam back. */
  cover(leaves: Endpoint, endpoint: Endpoint): Promise<void>
  /** Points peers at endpoints, all in one go. */
  point(endpoints: ReadonlyMap<WgKey, Endpoint>): Promise<void>
  /** Takes the peer out and sets it again as it is: what WireGuard remembers of its handshakes is gone. */
  renew(peer: WgKey): Promise<void>
}

/** Datagrams from and to WireGuard's own port, beside its traffic. */
export interface FrameSocket {
  /** Binds and installs the receiver. True if the host shares WireGuard's port with us. */
  open(onMessage: (bytes: Uint8Array, from: Endpoint) => void): Promise<boolean>
  /** A low `ttl` dies on the way. What can't be sent is lost, as any datagram may be. */
  send(bytes: Uint8Array, to: Endpoint, ttl?: number): void
  close(): Promise<void>
}

/** Doors to relays by TLS. */
export interface TlsDoors {
  readonly dial: DialTlsRelay
  readonly loopback: OpenLoopback
}

export interface PathDoors {
  readonly talk: PathTalk
  readonly socket: FrameSocket
  readonly wireguard: WireguardDoor
  /** Absent where this host goes by UDP or not at all. */
  readonly tls?: TlsDoors | undefined
  /** Between this host and IPv4; the doors go through it already. */
  readonly nat64?: Pick<Nat64, 'listen' | 'out' | 'prefix'> | undefined
  readonly metered: boolean
  /** Sends one packet through the tunnel to a mesh address. */
  readonly nudge: (address: Address) => void
}
