// A binding as others see it: what it needs, what it tells, and what a relay's refusals mean to people.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Entropy, Log, Signer } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Refusal, RelayFrame } from './frames.ts'
import type { Home, Offer } from './home-calls.ts'

export interface RelayClientOptions {
  readonly self: NodeId
  /** The device key. */
  readonly signer: Signer
  /** The capability to show; undefined while there is none. */
  readonly capability: () => Uint8Array | undefined
  /** From the socket that shares WireGuard's port. */
  readonly send: (bytes: Uint8Array, to: Endpoint) => void
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface RelayEvents {
  /** The first word to the session port is out: what follows it there waits for the other end. */
  readonly onProving?: (endpoint: Endpoint) => void
  /** The session's endpoint, to point WireGuard at, and where the relay sees this node. Again where either changed. */
  readonly onBound: (endpoint: Endpoint, observed: Endpoint) => void
  /** The relay does not keep the session any longer, or does not answer. It is asked on. */
  readonly onLost: (why: string) => void
}

export interface BindingOptions extends RelayClientOptions {
  readonly relay: NodeId
  readonly at: Endpoint
  readonly peer: NodeId
  readonly nextCounter: () => number
  /** This node's own session with the relay, if it is bound. */
  readonly home?: () => Home | undefined
  /** What the relay made for the peer's call. */
  readonly offer?: Offer | undefined
  /** The relay says that `peer` waits; with an offer, the session of the two is there already. */
  readonly onWanted?: (peer: NodeId, offer: Offer | undefined) => void
  readonly events: RelayEvents
  readonly onReleased: (binding: Binding) => void
}

export interface Binding {
  readonly relay: NodeId
  readonly at: Endpoint
  readonly peer: NodeId
  /** Where the peer is reached; undefined unless bound. */
  endpoint(): Endpoint | undefined
  /** The same from this end's first word to the session port on: the peer may be heard there before the relay's answer. */
  place(): Endpoint | undefined
  /** Whether frames from `source` are for it: the relay port, or the session port. */
  hears(source: Endpoint): boolean
  /** What stands in the way, in words; undefined if nothing does. */
  trouble(): string | undefined
  receive(frame: RelayFrame): void
  /** Takes a session that the relay made. */
  accept(offer: Offer): void
  /** The same binding where it is with the relay itself, and bound. */
  home(): Home | undefined
  /** Binds again; what is bound stays in use meanwhile. */
  renew(): void
  /** Tells the relay and ends. */
  release(): void
}

/** What each refusal means to people. */
export const refusalWords: Readonly<Record<Refusal, string>> = {
  'unknown-session': 'the relay does not know the session any more',
  moved: 'this node comes from another address now',
  busy: 'the relay has too much to do',
  untrusted: 'the relay does not trust this node’s capability',
  expired: 'this node’s capability is expired',
  removed: 'the relay knows this node as removed from the network',
  replayed: 'the relay took the bind for a repetition',
  'other-family': 'the peer is bound over the other IP version',
  full: 'the relay has no free session',
  'too-many': 'the relay gives this node no more sessions',
  failed: 'the relay’s kernel refused the session',
  forbidden: 'the relay may not carry this traffic by the network’s relayPolicy',
}
