// A node's connection to one TLS relay: made, proven, kept, lost and made again, with a channel for each peer that is wanted.

import { fromBase64 } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log, Signer, Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { DeviceTarget } from '../../shared/host/pinned-device.ts'
import type { DeviceKey, NodeId } from '../../shared/ids.ts'
import { relayTlsProofMsMax, relayTlsWaitingBytesMax } from '../../shared/limits.ts'
import { encodeJoin, encodeTlsFrame, encodeWord, joinSignedBytes, parseTlsFrames, parseTlsWord } from './tls-frames.ts'
import type { TlsWire, TlsWireEvents } from './tls-wire.ts'

/** Where a relay is found by TLS, and how it is known. */
export interface TlsPlace {
  readonly relay: NodeId
  readonly host: string
  readonly port: number
  readonly deviceKey: DeviceKey
}

export type DialTlsRelay = (target: DeviceTarget, events: TlsWireEvents) => Promise<TlsWire>

export interface TlsLinkOptions {
  /** The device key. */
  readonly signer: Signer
  /** The capability to show; undefined while there is none. */
  readonly capability: () => Uint8Array | undefined
  readonly dial: DialTlsRelay
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface TlsLinkEvents {
  /** It is joined, or lost, or a channel is open, or no longer. */
  readonly onChange: () => void
  /** The peer waits at the relay for this node. */
  readonly onWanted: (peer: NodeId) => void
  readonly onPacket: (peer: NodeId, bytes: Uint8Array) => void
}

export interface TlsLink {
  readonly place: TlsPlace
  isJoined(): boolean
  /** From the dialling to JOINED, milliseconds; some round trips. Undefined while it is not joined. */
  joinMs(): number | undefined
  /** Tries in vain since it was last joined. */
  failures(): number
  isOpen(peer: NodeId): boolean
  /** A channel for each of them, and for nobody else. */
  setPeers(peers: ReadonlySet<NodeId>): void
  /** Lost where there is no open channel, or the connection is full. */
  send(peer: NodeId, bytes: Uint8Array): void
  /** The relay goes by this key: asked for at the next dial. */
  expect(deviceKey: DeviceKey): void
  /** Own links changed: the connection is made anew from where this node is now. */
  renew(): void
  close(): void
}

/** NATs and firewalls forget TCP connections after minutes at the earliest, bad ones after 30 s. */
const KEEPALIVE_MS = 25_000
const JITTER = 0.1
/** Without a sign of life for so long after it was asked for one, the connection is dead. */
const ANSWER_MS = 10_000
const PAUSE_MS_MIN = 500
const PAUSE_MS_MAX = 60_000
/** A connection that lasted shorter is one more failure: two devices with one key must not chase each other quickly. */
const STABLE_MS = 30_000
const CAPABILITY_MS = 500
const CHANNEL_MAX = 0xffff

interface Channel {
  readonly number: number
  state: 'asked' | 'open' | 'refused'
}

/** Channels by peer and by number. */
function createChannels() {
  const byPeer = new Map<NodeId, Channel>()
  const byNumber = new Map<number, NodeId>()
  let last = 0
  const freeNumber = (): number => {
    do last = (last % CHANNEL_MAX) + 1
    while (byNumber.has(last))
    return last
  }
  return {
    all: (): Iterable<[NodeId, Channel]> => byPeer,
    of: (peer: NodeId): Channel | undefined => byPeer.get(peer),
    peerAt: (number: number): NodeId | undefined => byNumber.get(number),
    /** The channel of the peer, asked for from now on. */
    ask(peer: NodeId): Channel {
      const channel: Channel = { number: byPeer.get(peer)?.number ?? freeNumber(), state: 'asked' }
      byPeer.set(peer, channel)
      byNumber.set(channel.number, peer)
      return channel
    },
    remove(peer: NodeId, { number }: Channel): void {
      byPeer.delete(peer)
      byNumber.delete(number)
    },
    clear(): void {
      byPeer.clear()
      byNumber.clear()
    },
  }
}

export function createTlsLink(options: TlsLinkOptions & TlsLinkEvents, place: TlsPlace): TlsLink {
  const { capability, clock, entropy, log, onChange, signer } = options
  let expected = place.deviceKey
  let wanted: ReadonlySet<NodeId> = new Set()
  const channels = createChannels()
  let wire: TlsWire | undefined
  let joinedAt: number | undefined
  let joinMs = 0
  let dialledAt = 0
  let heardAt = 0
  let shown: Uint8Array | undefined
  let failures = 0
  /** Rises with each connection; what an earlier one says is history. */
  let life = 0
  let timer: Timer | undefined

  const after = (ms: number, run: () => void): void => {
    timer?.cancel()
    timer = clock.after(ms, run)
  }

  const pause = (why: string): void => {
    life += 1
    const lasted = joinedAt === undefined ? 0 : clock.monotonic() - joinedAt
    wire = undefined
    joinedAt = undefined
    channels.clear()
    if (lasted >= STABLE_MS) failures = 0
    const ceilingMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** failures)
    failures += 1
    log.debug('no connection to a TLS relay', { relay: place.relay, why })
    after(PAUSE_MS_MIN / 2 + entropy.fraction() * ceilingMs, dial)
    if (lasted > 0) onChange()
  }

  /** Ends the connection that is there, and tries again later. */
  const drop = (why: string): void => {
    const one = wire
    pause(why)
    one?.close()
  }

  const openChannel = (peer: NodeId): void => {
    const { number } = channels.ask(peer)
    wire?.send(encodeWord({ kind: 'open', channel: number, peer }))
  }

  /** What is wanted and new is asked for. */
  const settle = (): void => {
    if (joinedAt === undefined) return
    for (const [peer, channel] of channels.all()) {
      if (wanted.has(peer)) continue
      channels.remove(peer, channel)
      wire?.send(encodeWord({ kind: 'close', channel: channel.number }))
    }
    for (const peer of wanted) if (channels.of(peer) === undefined) openChannel(peer)
  }

  const join = (to: TlsWire): void => {
    shown = capability()
    if (shown === undefined) return
    to.send(encodeJoin(place.relay, shown, (covered) => signer.sign(joinSignedBytes(to.exported, covered))))
  }

  const keepAlive = (): void => {
    const askedAt = clock.monotonic()
    if (capability() !== shown && wire !== undefined) join(wire)
    wire?.ping()
    // The relay may have more room by now.
    for (const [peer, { state }] of channels.all()) if (state === 'refused') openChannel(peer)
    after(ANSWER_MS, () => {
      if (heardAt < askedAt) drop('it fell silent')
      else planKeepalive()
    })
  }
  const planKeepalive = (): void =>
    after(KEEPALIVE_MS * (1 + JITTER * (2 * entropy.fraction() - 1)) - ANSWER_MS, keepAlive)

  const onJoined = (): void => {
    if (joinedAt !== undefined) return
    joinedAt = clock.monotonic()
    joinMs = joinedAt - dialledAt
    planKeepalive()
    settle()
    log.info('connected to a TLS relay', { relay: place.relay, host: place.host, port: place.port })
    onChange()
  }

  const onWord = (payload: Uint8Array): void => {
    const word = parseTlsWord(payload)
    if (word?.kind === 'joined') return onJoined()
    if (word?.kind === 'wanted') return options.onWanted(word.peer)
    if (word?.kind === 'refused' && word.channel === 0) return drop(`the relay refuses: ${word.why}`)
    if (word?.kind !== 'opened' && word?.kind !== 'refused') return
    const peer = channels.peerAt(word.channel)
    const channel = peer === undefined ? undefined : channels.of(peer)
    if (channel === undefined) return
    channel.state = word.kind === 'opened' ? 'open' : 'refused'
    if (word.kind === 'refused') log.debug('a TLS relay refuses a channel', { relay: place.relay, why: word.why })
    onChange()
  }

  const onMessage = (message: Uint8Array): void => {
    heardAt = clock.monotonic()
    for (const { channel, payload } of parseTlsFrames(message) ?? []) {
      if (channel === 0) onWord(payload)
      else {
        const peer = channels.peerAt(channel)
        if (peer !== undefined) options.onPacket(peer, payload)
      }
    }
  }

  async function connect(mine: number): Promise<void> {
    const isMine = (): boolean => mine === life
    const target = { ...place, deviceKey: fromBase64(expected), timeoutMs: relayTlsProofMsMax }
    try {
      const made = await options.dial(target, {
        onMessage: (message) => isMine() && onMessage(message),
        onAlive: () => isMine() && (heardAt = clock.monotonic()),
        onClosed: (why) => isMine() && pause(why),
      })
      if (!isMine()) return made.close()
      wire = made
      join(made)
      after(relayTlsProofMsMax, () => drop('the relay does not answer'))
    } catch (error) {
      if (isMine()) pause(describeError(error))
    }
  }

  function dial(): void {
    if (capability() === undefined) return after(CAPABILITY_MS, dial)
    timer?.cancel()
    life += 1
    dialledAt = clock.monotonic()
    void connect(life)
    return undefined
  }
  dial()

  return {
    place,
    isJoined: () => joinedAt !== undefined,
    joinMs: () => (joinedAt === undefined ? undefined : joinMs),
    failures: () => (joinedAt === undefined ? failures : 0),
    isOpen: (peer) => channels.of(peer)?.state === 'open',
    setPeers(peers) {
      wanted = peers
      settle()
    },
    send(peer, bytes) {
      const channel = channels.of(peer)
      if (wire === undefined || channel?.state !== 'open' || wire.waiting() > relayTlsWaitingBytesMax) return
      wire.send(encodeTlsFrame(channel.number, bytes))
    },
    expect: (deviceKey) => void (expected = deviceKey),
    renew() {
      const one = wire
      failures = 0
      pause('own links changed')
      one?.close()
      dial()
    },
    close() {
      timer?.cancel()
      life += 1
      joinedAt = undefined
      channels.clear()
      wire?.close()
      wire = undefined
    },
  }
}
