// The day's bytes of upkeep beside their budget: counted where they pass, looked at once a turn, and what follows for how sparing
// this node is.

import type { Clock, Log } from '../../shared/effects.ts'
import type { FrameSocket } from '../paths/doors.ts'
import { isRelayFrame } from '../relay/frames.ts'
import { createLedger, type Ledger, type Spent } from './ledger.ts'
import { type Thrift, thriftOf } from './thrift.ts'

/** What upkeep may cost, and what only the host can count of it. */
export interface UpkeepDoors {
  readonly budgetBytesPerDay?: number | undefined
  /** Bytes of the link to the hub since the start, both ways. */
  readonly hubBytes: () => number
}

export interface UpkeepOptions {
  readonly clock: Clock
  readonly log: Log
  /** Bytes a day; absent where they cost nothing. */
  readonly budgetBytesPerDay?: number | undefined
  /** Bytes of the link to the hub since the start, both ways. */
  readonly hubBytes?: (() => number) | undefined
  /** Bytes of WireGuard's own words since the start, both ways. */
  readonly wireguardBytes: () => number
}

/** As `holdfast status --json` shows it. */
export interface UpkeepStatus {
  /** Of this day, UTC. */
  readonly bytesToday: number
  readonly budgetBytesPerDay?: number
  readonly by: Spent
  /** 0: nothing is spared. 1: looks from outside and reports are. 2: this node rests at one relay only. */
  readonly thrift: Thrift
}

export interface Upkeep extends Pick<Ledger, 'memoryRevision' | 'remember' | 'recall'> {
  /** The same socket, counted. */
  metered(socket: FrameSocket): FrameSocket
  /** Exchanges with peers passed so many bytes; single words pass among WireGuard's own. */
  exchanged(bytes: number): void
  /** Takes in what others counted. True if this node is more or less sparing from now on. */
  look(): boolean
  thrift(): Thrift
  status(): UpkeepStatus
}

/** UDP and IP (RFC 768, 791, 8200). */
function around(endpoint: string): number {
  return endpoint.startsWith('[') ? 48 : 28
}

/** STUN has its cookie at bytes 4 to 7 (RFC 8489 §5). */
function isStun(bytes: Uint8Array): boolean {
  return bytes[4] === 0x21 && bytes[5] === 0x12 && bytes[6] === 0xa4 && bytes[7] === 0x42
}

export function createUpkeep(options: UpkeepOptions): Upkeep {
  const { budgetBytesPerDay: budget, clock, hubBytes = () => 0, log, wireguardBytes } = options
  const ledger = createLedger(clock)
  let thrift: Thrift = 0
  let [hubSeen, wireguardSeen] = [0, 0]

  /** Probes of paths belong to the traffic that wants them. */
  const note = (bytes: Uint8Array, endpoint: string): void => {
    if (isRelayFrame(bytes)) ledger.add('relays', bytes.length + around(endpoint))
    else if (isStun(bytes)) ledger.add('outlook', bytes.length + around(endpoint))
  }

  return {
    metered: (socket) => ({
      open: (onMessage) =>
        socket.open((bytes, from) => {
          note(bytes, from)
          onMessage(bytes, from)
        }),
      send(bytes, to, ttl) {
        note(bytes, to)
        socket.send(bytes, to, ttl)
      },
      close: () => socket.close(),
    }),
    exchanged: (bytes) => ledger.add('gossip', bytes),
    look() {
      const [hub, wireguard] = [hubBytes(), wireguardBytes()]
      ledger.add('hub', Math.max(0, hub - hubSeen))
      ledger.add('wireguard', Math.max(0, wireguard - wireguardSeen))
      hubSeen = hub
      wireguardSeen = wireguard
      const before = thrift
      thrift = thriftOf({ budget, spent: ledger.total(), elapsed: ledger.elapsed() }, before)
      if (thrift !== before) log.info('upkeep', { thrift, bytesToday: ledger.total(), budget })
      return thrift !== before
    },
    thrift: () => thrift,
    status: () => ({
      bytesToday: ledger.total(),
      ...(budget === undefined ? {} : { budgetBytesPerDay: budget }),
      by: ledger.spent(),
      thrift,
    }),
    memoryRevision: () => ledger.memoryRevision(),
    remember: () => ledger.remember(),
    recall: (text) => ledger.recall(text),
  }
}
