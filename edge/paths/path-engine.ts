// What the path engine is given, and what it offers to the rest of the agent.

import type { Address } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import type { RelayClient } from '../relay/client.ts'
import type { OpenLoopback } from '../relay/tls-wire.ts'
import type { PeerEntry } from '../report/peers.ts'
import type { Thrift } from '../upkeep/thrift.ts'
import type { FrameSocket, WireguardDoor } from './doors.ts'
import type { EndpointBook } from './endpoint-book.ts'
import type { Names } from './names.ts'
import type { Outside, RelaySight, StunPlace } from './outlook.ts'
import type { Pace, PathCandidate, PathView } from './path.ts'
import type { PathSizes } from './path-sizes.ts'
import type { PathTalk } from './path-talk.ts'
import type { RelayScene } from './relays.ts'
import type { WaysOptions } from './ways.ts'

export interface PathEngineOptions {
  /** Of two nodes the one with the lower id decides: ids stay, whatever becomes of keys. */
  readonly self: NodeId
  readonly talk: PathTalk
  readonly socket: FrameSocket
  readonly wireguard: WireguardDoor
  readonly names: Names
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly metered: boolean
  /** How sparing this node has to be with upkeep; not at all where absent. */
  readonly thrift?: () => Thrift
  readonly pace: () => Pace
  readonly relayClient: (send: FrameSocket['send']) => RelayClient
  /** A socket that notices when WireGuard wants to talk with a peer that rests; without it none does. */
  readonly loopback?: OpenLoopback | undefined
  /** Bytes of words through the tunnel that are not payload, of one peer, since the start. */
  readonly ownBytes?: ((peer: WgKey) => number) | undefined
  /** What each path carries; without it nobody measures. */
  readonly sizes?: PathSizes | undefined
  readonly mayAskRelays?: WaysOptions['mayAskRelays']
  readonly tlsClient?: WaysOptions['tlsClient']
  readonly ownTls?: WaysOptions['ownTls']
  /** Undefined while this node is no member. */
  readonly relayScene: () => RelayScene | undefined
  /** Sends one packet through the tunnel, so that the peer's WireGuard follows. */
  readonly nudge: (address: Address) => void
  /** The path of a peer changed. */
  readonly onChange: () => void
  /** A peer says that it has another key; its word is still to be verified. */
  readonly onKey?: ((node: NodeId, statement: Uint8Array) => void) | undefined
  /** Somebody out there answered what was sent to `from`. */
  readonly onHeard?: ((from: Endpoint) => void) | undefined
}

export interface PathEngine extends EndpointBook {
  /** Before the first turn: opens what notices WireGuard's first words. */
  prepare(): Promise<void>
  /** Where WireGuard is to be pointed for these peers until the engine runs; none where nobody can notice. */
  expect(entries: readonly PeerEntry[]): ReadonlyMap<NodeId, Endpoint>
  /** Resolves true if this host shares WireGuard's port with us; else the engine stays still. */
  start(): Promise<boolean>
  stop(): Promise<void>
  view(node: NodeId): PathView | undefined
  /** The way to a peer if it answers, or did when somebody last cared. */
  way(node: NodeId): PathCandidate | undefined
  /** The ways to a peer are watched: a word to it wakes nobody. */
  isAwake(node: NodeId): boolean
  /** Somebody waits for the peer, and it answers by no way. */
  isSilent(node: NodeId): boolean
  /** Payload flows, or did lately: a word to the peer prolongs nothing. */
  isWarm(node: NodeId): boolean
  mapping(): Outside
  /** How the relays of the network are reached from here. */
  relaySights(): readonly RelaySight[]
  /** Where relays answer STUN. */
  stunPlaces(): readonly StunPlace[]
  /** What goes out goes by another uplink now, though no address of this host changed. */
  uplinkChanged(): void
  /** This node has another key: everybody is told by the ways that are open. */
  tellKey(): void
  /** Addresses this node bears outside, whatever the port. */
  outsideHosts(): readonly string[]
  /** The relay behind an endpoint. */
  viaOf(endpoint: Endpoint): NodeId | undefined
}
