// Notices at once that a peer which rests is wanted. While a peer rests, WireGuard on this host is pointed at a socket of ours
// on loopback: with no session left, all that can come there is the first message of a handshake. It is kept, and goes
// out by every way that opens, so that the packet behind it waits for a round trip and not for WireGuard's next try in 5 s.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { Loopback, OpenLoopback } from '../relay/tls-wire.ts'
import { isFor, isInitiation, mac1Key } from './initiation.ts'

export interface WakerOptions {
  /** Absent where this host has no such door: then nobody rests there. */
  readonly open: OpenLoopback | undefined
  readonly clock: Clock
  readonly log: Log
  readonly onWanted: (peer: WgKey) => void
}

export interface Waker {
  start(): Promise<void>
  /** Where WireGuard of peers that rest is pointed; undefined while it is not open. */
  endpoint(): Endpoint | undefined
  /** WireGuard is pointed here for the peer, or no longer. */
  expect(peer: WgKey, expected: boolean): void
  /** What WireGuard wants to say to the peer. */
  held(peer: WgKey): Uint8Array | undefined
  stop(): void
}

/** WireGuard makes a new one after 5 s (REKEY_TIMEOUT); the peer takes none that is older than one it had. */
const HELD_MS = 5_000

interface Expected {
  readonly key: Uint8Array
  bytes: Uint8Array | undefined
  at: number
}

export function createWaker({ clock, log, onWanted, open }: WakerOptions): Waker {
  const expected = new Map<WgKey, Expected>()
  let loopback: Loopback | undefined

  const receive = (bytes: Uint8Array): void => {
    if (!isInitiation(bytes)) return
    for (const [peer, one] of expected) {
      if (!isFor(one.key, bytes)) continue
      one.bytes = bytes.slice()
      one.at = clock.monotonic()
      return onWanted(peer)
    }
  }

  return {
    async start() {
      try {
        loopback = await open?.(receive)
      } catch (error) {
        log.warn('no socket to wake peers by: none is left to rest', { why: describeError(error) })
      }
    },
    endpoint: () => loopback?.endpoint,
    expect(peer, wanted) {
      if (!wanted) expected.delete(peer)
      else if (!expected.has(peer)) expected.set(peer, { key: mac1Key(peer), bytes: undefined, at: 0 })
    },
    held(peer) {
      const one = expected.get(peer)
      return one !== undefined && clock.monotonic() - one.at < HELD_MS ? one.bytes : undefined
    },
    stop() {
      loopback?.close()
      loopback = undefined
      expected.clear()
    },
  }
}
