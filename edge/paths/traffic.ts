// Which peers payload flows with: the interface's counters, which count nothing else, once a second; and only where they
// moved, WireGuard's counters per peer, less what WireGuard itself needs.

import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { ObservedPeer } from '../plan/observed.ts'
import type { WireguardDoor } from './doors.ts'

const LOOK_MS = 1_000
/** A keepalive is an empty packet: header 16, tag 16 (WireGuard paper §5.4.6). One each way within a look. */
const KEEPALIVE_BYTES = 64
/** Initiation 148, response 92, and the first keepalive that confirms them (§5.4.2, §5.4.3). */
const HANDSHAKE_BYTES = 148 + 92 + 32

export interface TrafficOptions {
  readonly wireguard: Pick<WireguardDoor, 'passed' | 'peers'>
  readonly clock: Clock
  readonly log: Log
  /** Bytes through the tunnel that nobody waits for, of one peer, since the start: they are not payload. */
  readonly ownBytes?: ((peer: WgKey) => number) | undefined
  /** Told of every peer at each look where anything passed. */
  readonly onPeer: (peer: ObservedPeer, payload: boolean) => void
}

export interface Traffic {
  start(): void
  stop(): void
}

/** Own bytes that were noted before the kernel counted them: some words that wait for a handshake. */
const CREDIT_BYTES_MAX = 2_048

interface Seen {
  bytes: number
  own: number
  /** Own bytes that no counter has shown yet. */
  credit: number
  handshakeAt: number
}

export function createTraffic({ clock, log, onPeer, ownBytes = () => 0, wireguard }: TrafficOptions): Traffic {
  const seen = new Map<WgKey, Seen>()
  let sum = -1
  let timer: Timer | undefined
  let stopped = true

  /** True if more than WireGuard's own words passed since the last look. */
  const carriesPayload = (peer: ObservedPeer): boolean => {
    const bytes = peer.rxBytes + peer.txBytes
    const before = seen.get(peer.wgKey)
    const own = ownBytes(peer.wgKey)
    const credit = before === undefined ? 0 : Math.min(CREDIT_BYTES_MAX, before.credit + own - before.own)
    const passed = before === undefined ? 0 : bytes - before.bytes
    seen.set(peer.wgKey, {
      bytes,
      own,
      credit: Math.max(0, credit - Math.max(0, passed)),
      handshakeAt: peer.handshakeAt,
    })
    if (before === undefined || passed < 0) return false
    const upkeep = KEEPALIVE_BYTES + (before.handshakeAt === peer.handshakeAt ? 0 : HANDSHAKE_BYTES)
    return passed > upkeep + credit
  }

  const forgetAllBut = (peers: readonly ObservedPeer[]): void => {
    if (seen.size === peers.length) return
    const present = new Set(peers.map(({ wgKey }) => wgKey))
    for (const wgKey of seen.keys()) if (!present.has(wgKey)) seen.delete(wgKey)
  }

  const look = async (): Promise<void> => {
    const counters = wireguard.passed()
    const now = counters === undefined ? -1 : counters.rxBytes + counters.txBytes
    if (now === sum) return
    if (now < 0) {
      sum = now
      return
    }
    const peers = await wireguard.peers()
    // Only now: a look that failed is made up for by the next.
    sum = now
    for (const peer of peers) {
      const payload = carriesPayload(peer)
      if (!stopped) onPeer(peer, payload)
    }
    forgetAllBut(peers)
  }

  const again = async (): Promise<void> => {
    try {
      await look()
    } catch (error) {
      // The interface may just be made anew; the loop says what is wrong with it.
      log.debug('no look at the traffic', { why: describeError(error) })
    }
    if (!stopped) timer = clock.after(LOOK_MS, () => void again())
  }

  return {
    start() {
      stopped = false
      void again()
    },
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}
