// The TLS part of a relay: who is connected, which peers each of them talks to, and where a datagram goes on. To the other end's
// own connection where it has one, else to the UDP sessions of the same relay; the two ends need not know of each other's way.
//
// Nothing waits here. What a connection can't take is dropped, as a link does: queues would only make WireGuard slow.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import {
  relayBindsPerSecondMax,
  relayBindsPerSourceMax,
  relaySessionsPerNodeMax,
  relaySourcesMax,
  relayTlsWaitingBytesMax,
} from '../../shared/limits.ts'
import type { Capability } from '../../shared/wire/capability.ts'
import { createRate } from '../echo/rate.ts'
import { type AdmissionOptions, admit, isForbidden, judge } from './admission.ts'
import { createByteBudget } from './byte-budget.ts'
import type { Refusal } from './frames.ts'
import {
  encodeTlsFrame,
  encodeWord,
  joinSignedBytes,
  parseTlsFrames,
  parseTlsWord,
  type TlsWord,
} from './tls-frames.ts'
import type { Loopback, OpenLoopback, TlsWire } from './tls-wire.ts'

export interface TlsRelayOptions extends AdmissionOptions {
  readonly self: NodeId
  readonly clock: Clock
  readonly log: Log
  /** Of each connection, in. */
  readonly sessionBytesPerSecond: number
  /** Of all together. */
  readonly totalBytesPerSecond: number
  /** A datagram for a node that has no channel here: to its UDP session with the sender, if there is one. */
  readonly toUdp: (from: NodeId, to: NodeId, bytes: Uint8Array) => void
  /** The node talks to the peer by TLS from now on. */
  readonly onChannel: (node: NodeId, peer: NodeId) => void
  /** WireGuard of this very host; undefined where it runs none. */
  readonly local?: OpenLoopback | undefined
  /** The node came, or went, as a peer of this host's WireGuard. */
  readonly onLocal?: ((node: NodeId) => void) | undefined
}

export interface TlsRelayMetrics {
  readonly connections: number
  readonly channels: number
  /** Datagrams taken from connections, and lost because the next connection was full or the rate was reached. */
  readonly packets: number
  readonly bytes: number
  readonly dropped: number
  readonly refused: Readonly<Record<string, number>>
}

export interface TlsGuest {
  receive(message: Uint8Array): void
  alive(): void
  closed(): void
  /** True once its JOIN was accepted. */
  joined(): boolean
}

export interface TlsRelay {
  accept(wire: TlsWire): TlsGuest
  /** Into the channel that `to` has for `from`; false where there is none. */
  deliver(from: NodeId, to: NodeId, bytes: Uint8Array): boolean
  /** `peer` waits for the node by another way: the node is told, if it is here and does not know. */
  call(node: NodeId, peer: NodeId): void
  /** Connections that fell silent, or whose node no longer belongs, are ended. */
  sweep(): void
  /** By node: where its datagrams come from on this host. */
  local(): ReadonlyMap<NodeId, Endpoint>
  metrics(): TlsRelayMetrics
  close(): void
}

/** A client speaks every 25 s; three silences and some. */
const SILENCE_MS = 90_000
/** No path carries more in one packet. */
const DATAGRAM_BYTES_MAX = 9_000
const ALL = 'all'
const ALL_RATE = { perSecond: relayBindsPerSecondMax, burst: relayBindsPerSecondMax, sourcesMax: 1 }
const SOURCE_RATE = { perSecond: relayBindsPerSourceMax, burst: relayBindsPerSourceMax, sourcesMax: relaySourcesMax }

interface Guest {
  readonly wire: TlsWire
  node: NodeId | undefined
  capability: Capability | undefined
  heardAt: number
  readonly peers: Map<number, NodeId>
  readonly channels: Map<NodeId, number>
  loopback: Loopback | 'opening' | undefined
}

export function createTlsRelay(options: TlsRelayOptions): TlsRelay {
  const { clock, log, self } = options
  const guests = new Set<Guest>()
  const byNode = new Map<NodeId, Guest>()
  const refused = new Map<string, number>()
  const counts = { packets: 0, bytes: 0, dropped: 0 }
  const total = createByteBudget(clock, options.totalBytesPerSecond)
  const mayJoin = createRate(clock, ALL_RATE)
  const mayJoinFrom = createRate(clock, SOURCE_RATE)

  const note = (why: string): void => void refused.set(why, (refused.get(why) ?? 0) + 1)

  const say = (guest: Guest, word: Exclude<TlsWord, { readonly kind: 'join' }>): void =>
    guest.wire.send(encodeWord(word))

  const refuse = (guest: Guest, channel: number, why: Refusal): void => {
    note(why)
    say(guest, { kind: 'refused', channel, why })
    // Without a place among the nodes there is nothing to stay for.
    if (channel === 0) guest.wire.close()
  }

  const pass = (guest: Guest, channel: number, bytes: Uint8Array): void => {
    if (guest.wire.waiting() > relayTlsWaitingBytesMax) counts.dropped += 1
    else guest.wire.send(encodeTlsFrame(channel, bytes))
  }

  const deliver: TlsRelay['deliver'] = (from, to, bytes) => {
    const guest = byNode.get(to)
    const channel = guest?.channels.get(from)
    if (guest === undefined || channel === undefined) return false
    pass(guest, channel, bytes)
    return true
  }

  const call: TlsRelay['call'] = (node, peer) => {
    const guest = byNode.get(node)
    if (guest !== undefined && !guest.channels.has(peer)) say(guest, { kind: 'wanted', peer })
  }

  /** To this very host a node may come all the same. */
  const isForbiddenFor = (node: NodeId, peer: NodeId) => peer !== self && isForbidden(options.members(), node, peer)

  const closeChannel = (guest: Guest, channel: number): void => {
    const peer = guest.peers.get(channel)
    if (peer === undefined) return
    guest.peers.delete(channel)
    guest.channels.delete(peer)
    if (peer !== self || guest.loopback === undefined) return
    if (guest.loopback !== 'opening') guest.loopback.close()
    guest.loopback = undefined
    if (guest.node !== undefined) options.onLocal?.(guest.node)
  }

  const onJoin = (guest: Guest, word: Extract<TlsWord, { readonly kind: 'join' }>): void => {
    const { capability, covered, relay, signature } = word
    if (relay !== self) return refuse(guest, 0, 'untrusted')
    if (!mayJoinFrom(guest.wire.host) || !mayJoin(ALL)) return refuse(guest, 0, 'busy')
    const signed = joinSignedBytes(guest.wire.exported, covered)
    const admitted = admit(options, { capability, peer: self, signed, signature })
    if (typeof admitted === 'string') return refuse(guest, 0, admitted)
    const { node } = admitted.capability
    if (guest.node !== undefined && guest.node !== node) return refuse(guest, 0, 'untrusted')
    const before = byNode.get(node)
    guest.node = node
    guest.capability = admitted.capability
    byNode.set(node, guest)
    // It came back before its old connection was found dead.
    if (before !== undefined && before !== guest) before.wire.close()
    say(guest, { kind: 'joined' })
  }

  const openLocal = async (guest: Guest, node: NodeId, open: OpenLoopback): Promise<void> => {
    guest.loopback = 'opening'
    try {
      const loopback = await open((bytes) => void deliver(self, node, bytes))
      if (guest.loopback !== 'opening') return loopback.close()
      guest.loopback = loopback
      options.onLocal?.(node)
    } catch (error) {
      guest.loopback = undefined
      log.warn('a node can’t be led to this host’s WireGuard', { node, why: describeError(error) })
    }
  }

  const onOpen = (guest: Guest, node: NodeId, channel: number, peer: NodeId): void => {
    if (peer === node || (peer === self && options.local === undefined)) return refuse(guest, channel, 'failed')
    const held = guest.channels.get(peer)
    if (held !== undefined) closeChannel(guest, held)
    closeChannel(guest, channel)
    if (guest.peers.size >= relaySessionsPerNodeMax) return refuse(guest, channel, 'too-many')
    if (isForbiddenFor(node, peer)) return refuse(guest, channel, 'forbidden')
    guest.peers.set(channel, peer)
    guest.channels.set(peer, channel)
    say(guest, { kind: 'opened', channel })
    if (peer === self) {
      if (options.local !== undefined) void openLocal(guest, node, options.local)
      return
    }
    options.onChannel(node, peer)
    call(peer, node)
  }

  const onWord = (guest: Guest, payload: Uint8Array): void => {
    const word = parseTlsWord(payload)
    if (word?.kind === 'join') return onJoin(guest, word)
    if (guest.node === undefined || (word?.kind !== 'open' && word?.kind !== 'close')) {
      note('silence-junk')
      return guest.wire.close()
    }
    if (word.kind === 'open') onOpen(guest, guest.node, word.channel, word.peer)
    else closeChannel(guest, word.channel)
  }

  const onDatagram = (guest: Guest, node: NodeId, channel: number, bytes: Uint8Array): void => {
    const peer = guest.peers.get(channel)
    if (peer === undefined || bytes.length > DATAGRAM_BYTES_MAX) return void (counts.dropped += 1)
    counts.packets += 1
    counts.bytes += bytes.length
    if (peer !== self) {
      if (!deliver(node, peer, bytes)) options.toUdp(node, peer, bytes)
    } else if (guest.loopback !== undefined && guest.loopback !== 'opening') guest.loopback.send(bytes)
  }

  const forget = (guest: Guest): void => {
    if (!guests.delete(guest)) return
    for (const channel of guest.peers.keys()) closeChannel(guest, channel)
    if (guest.node !== undefined && byNode.get(guest.node) === guest) byNode.delete(guest.node)
  }

  /** Channels that newer rules no longer let it carry. */
  const closeForbidden = (guest: Guest, node: NodeId): void => {
    for (const [channel, peer] of guest.peers) {
      if (!isForbiddenFor(node, peer)) continue
      closeChannel(guest, channel)
      refuse(guest, channel, 'forbidden')
    }
  }

  return {
    accept(wire) {
      const budget = createByteBudget(clock, options.sessionBytesPerSecond)
      const guest: Guest = {
        wire,
        node: undefined,
        capability: undefined,
        heardAt: clock.monotonic(),
        peers: new Map(),
        channels: new Map(),
        loopback: undefined,
      }
      guests.add(guest)
      return {
        receive(message) {
          const frames = guests.has(guest) ? parseTlsFrames(message) : []
          if (frames === undefined) {
            note('silence-junk')
            return wire.close()
          }
          guest.heardAt = clock.monotonic()
          const fits = budget(message.length) && total(message.length)
          for (const { channel, payload } of frames) {
            if (channel === 0) onWord(guest, payload)
            else if (guest.node === undefined) return wire.close()
            else if (fits) onDatagram(guest, guest.node, channel, payload)
            else counts.dropped += 1
          }
        },
        alive: () => void (guest.heardAt = clock.monotonic()),
        closed: () => forget(guest),
        joined: () => guest.node !== undefined,
      }
    },
    deliver,
    call,
    sweep() {
      const now = clock.monotonic()
      for (const guest of guests) {
        const why = guest.capability === undefined ? undefined : judge(options, guest.capability)
        if (why !== undefined) refuse(guest, 0, why)
        else if (now - guest.heardAt > SILENCE_MS) guest.wire.close()
        else if (guest.node !== undefined) closeForbidden(guest, guest.node)
      }
    },
    local: () =>
      new Map(
        [...byNode].flatMap(([node, { loopback }]) =>
          loopback === undefined || loopback === 'opening' ? [] : [[node, loopback.endpoint] as const],
        ),
      ),
    metrics: () => ({
      connections: guests.size,
      channels: [...guests].reduce((sum, { peers }) => sum + peers.size, 0),
      ...counts,
      refused: Object.fromEntries(refused),
    }),
    close() {
      for (const guest of guests) guest.wire.close()
    },
  }
}
