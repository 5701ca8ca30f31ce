// The seams of a TLS relay and of its clients: one connection as both ends see it, and a door to WireGuard on this host.

import type { Endpoint } from '../../shared/address/endpoint.ts'

/** A finished connection: TLS 1.3, and WebSocket inside. */
export interface TlsWire {
  /** What both ends export from this connection and nobody else can (RFC 8446 §7.5). */
  readonly exported: Uint8Array
  /** Address of the other end. */
  readonly host: string
  /** Whole frames. Those of one moment travel together. */
  send(frame: Uint8Array): void
  /** Bytes that the network has not taken yet. */
  waiting(): number
  /** The other end answers by itself; every sign of life is told by `onAlive`. */
  ping(): void
  close(): void
}

export interface TlsWireEvents {
  readonly onMessage: (message: Uint8Array) => void
  readonly onAlive: () => void
  /** Once, and nothing after it. */
  readonly onClosed: (why: string) => void
}

/** A UDP socket on loopback that stands for one peer: WireGuard is pointed at it. */
export interface Loopback {
  readonly endpoint: Endpoint
  /** To WireGuard's port. */
  send(bytes: Uint8Array): void
  close(): void
}

/** `onPacket`: what WireGuard, or a frame that shares its port, sent there. */
export type OpenLoopback = (onPacket: (bytes: Uint8Array) => void) => Promise<Loopback>
