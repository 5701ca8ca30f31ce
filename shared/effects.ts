// The doors to the world that the rest is given from outside: time, randomness, words for the log, and the message bus.
// Production hands in shared/host; tests and the simulator hand in their own.

import type { ErrorCode } from './errors.ts'

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall-clock time, milliseconds since the Unix epoch. May jump either way. */
  now(): number
  /** Milliseconds of a clock that never goes backwards; only differences mean anything. */
  monotonic(): number
  /** Runs `run` once after `delayMs`; does not keep the process alive on its own. */
  after(delayMs: number, run: () => void): Timer
}

export interface Entropy {
  /** `length` bytes fit for keys. */
  bytes(length: number): Uint8Array
  /** Uniform in [0, 1); for jitter, never for secrets. */
  fraction(): number
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Fields are printed as key=value; a secret must never be among them. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  child(fields: LogFields): Log
}

/** A publish/subscribe connection with MQTT 3.1.1 semantics: QoS 1, so a message may come twice. */
export interface Bus {
  /** Connects, and keeps reconnecting with back-off until `close`. Subscriptions are made anew at each connect. */
  start(handlers: BusHandlers): void
  /** Resolves when the broker acknowledged; rejects with `unreachable` when the link is down. */
  publish(message: BusMessage): Promise<void>
  /** Tries the connection again now, because something hints that it may work (a link came up). */
  nudge(): void
  /** Milliseconds until the next try; undefined while connected or trying. */
  nextTryInMs(): number | undefined
  close(): Promise<void>
}

export interface BusMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly retain?: boolean
}

/**
 * Why a connection did not come to be: the host's name was not resolved, no way leads there, the host is there and nobody
 * listens, or nothing came back.
 */
export type LinkTrouble = 'name' | 'way' | 'refused' | 'silent'

export interface BusHandlers {
  /** Connected, and the broker confirmed every subscription. */
  onUp(): void
  /**
   * The connection is gone, or a try failed; `reason` is a sentence for people. `code` tells programs what kind:
   * `unauthenticated` (the broker refuses the credentials), `forbidden` (it refuses a subscription), `untrusted` (it
   * could not prove who it is), else `unreachable`. `trouble`: what the system said stood in the way of a try.
   */
  onDown(reason: string, code?: ErrorCode, trouble?: LinkTrouble): void
  onMessage(topic: string, payload: Uint8Array): void
}

/** SHA-256 of `bytes`, 32 bytes. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array

/** True if `signature` (64 bytes) is a valid Ed25519 signature (RFC 8032) of `message` by `publicKey` (32 bytes). */
export type Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

/** An Ed25519 private key behind a function, so that its bytes stay where they are. */
export interface Signer {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

export interface BusOptions {
  /** Topic filters, all QoS 1. */
  readonly filters: readonly string[]
  /** Published by the broker when the connection is lost without a goodbye. */
  readonly will: BusMessage
}

/** Makes a bus to a broker that is already chosen: address, trust, credentials and back-off are inside. */
export type BusFactory = (options: BusOptions) => Bus
