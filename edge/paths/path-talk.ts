// The conversation between path engines as others see it: what is said, and what a frame turned out to be.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Entropy, Sha256 } from '../../shared/effects.ts'
import type { WgKey } from '../../shared/ids.ts'

/** The functions of cryptography, given from outside. */
export interface TalkCrypto {
  readonly sha256: Sha256
  readonly hkdf: (secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number) => Uint8Array
  readonly seal: (key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array) => Uint8Array
  readonly open: (key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array) => Uint8Array | undefined
}

/** A WireGuard key of this node. */
export interface PathSelf {
  readonly wgKey: WgKey
  /** X25519 (RFC 7748) of it with a peer's. */
  readonly sharedWith: (peer: WgKey) => Uint8Array
}

/** Who this node is, and was. */
export interface PathSelves {
  readonly self: PathSelf
  /** Keys it had before, the youngest first: whoever still asks under one of them is told the word. */
  readonly former: readonly PathSelf[]
  /** This node's signed word on its key; undefined where that is the one of enrolment. */
  readonly statement: Uint8Array | undefined
}

export interface TalkOptions {
  readonly self: PathSelf
  readonly crypto: TalkCrypto
  readonly clock: Clock
  readonly entropy: Entropy
}

/** What a frame turned out to be. */
export type Heard =
  | {
      readonly type: 'ping'
      readonly peer: WgKey
      readonly reply: Uint8Array
      /** The session has proved that it lives; of another, the ping may be an old one, played again from anywhere. */
      readonly known: boolean
    }
  | {
      readonly type: 'pong'
      readonly peer: WgKey
      readonly probe: number
      readonly rttMs: number
      /** Where the peer saw the ping come from. */
      readonly seenAs: Endpoint
    }
  | {
      readonly type: 'call'
      readonly peer: WgKey
      /** Where the peer’s own NAT lets it be seen, as far as it knows. */
      readonly at?: Endpoint
    }
  /** The peer knows this node by a former key. */
  | { readonly type: 'stale'; readonly peer: WgKey; readonly reply: Uint8Array }
  /** The peer has another key; its word is signed, and still to be verified. */
  | { readonly type: 'key'; readonly peer: WgKey; readonly statement: Uint8Array }

export interface PathTalk {
  /** Whom to talk with; everybody else is noise. */
  setPeers(peers: readonly WgKey[]): void
  /** A frame to send to `to`; `size`: bytes of its UDP payload, at least the usual. */
  ping(peer: WgKey, probe: number, to: Endpoint, size?: number): Uint8Array
  /** `at`: where this node is seen from outside. Facts travel through the hub; this goes by the way that works. */
  call(peer: WgKey, at?: Endpoint): Uint8Array
  /** This node goes by another key from now on. */
  become(selves: PathSelves): void
  /** The own word on the key, under the former one; undefined once the peer has answered under the present one. */
  tellKey(peer: WgKey): Uint8Array | undefined
  /** Undefined for what deserves no answer. A pong counts only from where its ping went. */
  receive(bytes: Uint8Array, from: Endpoint): Heard | undefined
}
