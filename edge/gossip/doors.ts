// What gossip needs of the host: datagrams and connections through the tunnel, and connections on the LAN, each of a peer that
// the way itself proves.

import type { Address } from '../../shared/address/cidr.ts'
import type { Clock, Entropy, Log, Signer } from '../../shared/effects.ts'
import type { DeviceKey, NetworkId, NodeId } from '../../shared/ids.ts'
import type { Frame } from '../../shared/wire/frames.ts'

/** Where a peer is asked. */
export type Place =
  /** Through the tunnel: WireGuard proves who has the address. */
  | { readonly type: 'mesh'; readonly address: Address }
  /** On the LAN, by TLS with the keys of both devices. */
  | { readonly type: 'lan'; readonly host: Address; readonly node: NodeId }

/** Who came, as the way proves it. */
export type Caller =
  | { readonly type: 'mesh'; readonly address: Address }
  | { readonly type: 'lan'; readonly node: NodeId }

export interface Channel {
  /** Resolves when the next may be sent; rejects once the channel is closed. */
  send(frame: Frame): Promise<void>
  /** Lets what was sent go out first. */
  close(): void
  /** Bytes that passed, both ways. */
  bytes(): number
}

export interface ChannelEvents {
  onFrame(frame: Frame): void
  /** Once, whoever closed it; `why` where it was not meant to be closed. */
  onClosed(why?: string): void
}

/** What the door is told, and whom it asks. */
export interface GossipHost {
  /** Own mesh addresses now. */
  readonly addresses: () => readonly Address[]
  /** The device key of a member. */
  readonly keyOf: (node: NodeId) => DeviceKey | undefined
  /** True for an address on one of the links where beacons are heard. */
  readonly isNextDoor: (address: string) => boolean
  onDatagram(bytes: Uint8Array, from: Address): void
  /** Undefined sends the caller away. */
  onChannel(caller: Caller, channel: Channel): ChannelEvents | undefined
}

/** Datagrams at the mesh port, whoever else uses it. */
export interface MeshDatagrams {
  listen(onDatagram: (bytes: Uint8Array, from: string) => void): void
  send(bytes: Uint8Array, to: string): void
}

/** Who speaks at the door of gossip, and by which datagrams. */
export interface GossipSelf {
  readonly network: NetworkId
  readonly self: NodeId
  readonly signer: Signer
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly datagrams: MeshDatagrams
}

export interface GossipDoor {
  open(host: GossipHost): void
  /** What can't be sent is lost, as any datagram may be. */
  send(bytes: Uint8Array, to: Address): void
  /** Throws `unreachable` or `untrusted`. Events come once the caller had its turn with the channel. */
  dial(place: Place, events: ChannelEvents): Promise<Channel>
  close(): Promise<void>
}
