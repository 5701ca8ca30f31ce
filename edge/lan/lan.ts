// Nodes of one LAN find each other by themselves, with nobody else there: each says its own signed fact to its links, at
// once when it changes and then from time to time, and answers whoever is new.
//
// An answer goes to an address that the new node itself signed and that is on a link of ours, once for each of its facts:
// nobody can have us send to a third party, and no beacon brings about more than one.

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, hostOf } from '../../shared/address/endpoint.ts'
import type { Clock, Entropy, Log, Timer } from '../../shared/effects.ts'
import type { Fact } from '../../shared/fact/fact.ts'
import type { NodeId } from '../../shared/ids.ts'
import { sameEnvelope } from '../../shared/record/envelope.ts'
import { createRate } from '../echo/rate.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { HeldFact } from '../store/store.ts'
import type { Beacon, BeaconCodec, BeaconKeys, BeaconKind } from './beacon.ts'
import type { BeaconSocket } from './doors.ts'
import { type BeaconLink, beaconLinks, isFromLink, isOnLinks } from './links.ts'
import { createNearBook, type NearBook } from './near-book.ts'

export interface LanOptions {
  readonly self: NodeId
  /** Links may be paid by the byte. */
  readonly metered: boolean
  readonly codec: BeaconCodec
  readonly socket: BeaconSocket
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  /** Keys that sign the network's heads. */
  readonly keys: () => BeaconKeys
  readonly isMember: (node: NodeId) => boolean
  /** What is held of other nodes. */
  readonly facts: ReadonlyMap<NodeId, HeldFact>
  /** Verifies a fact and takes it if it is newer than what is held. */
  readonly offer: (node: NodeId, envelope: Uint8Array) => Fact | undefined
  /** A node is new here, or said something new. */
  readonly onNews: () => void
  /** What this node holds, for those who are near; absent where it takes no part in gossip. */
  readonly state?: (() => Uint8Array) | undefined
  /** A neighbour tells what it holds. */
  readonly onState?: ((node: NodeId, state: Uint8Array) => void) | undefined
}

export interface Lan extends Pick<NearBook, 'near' | 'revision'> {
  start(): Promise<void>
  stop(): Promise<void>
  /** The addresses that this host has now. */
  follow(local: readonly LocalAddress[]): void
  /** What this node says of itself from now on. */
  say(fact: Uint8Array): void
  /** What this node holds has become more: neighbours hear of it at once. */
  tell(): void
  /** True for an address on one of the links. */
  isNextDoor(address: string): boolean
}

/** After a change, because a switch may just be learning the port and nobody repeats what is lost. */
const BURST_MS = [0, 1_000, 2_000] as const
const BEAT_MS = 30_000
/**
 * Where the uplink is paid by the byte, and may be the very link: who is new speaks first and is answered, so the beat only
 * tells those who forgot. In one day it costs what one hour would without.
 */
const BEAT_METERED_MS = 15 * 60_000
/** So many nodes on one LAN speak more rarely, lest it hears more than ten beacons a second. */
const BEAT_PER_NODE_MS = 100
const JITTER = 0.2
/** Devices that got their power back together don't all shout in one moment. */
const START_JITTER_MS = 100
/** Between two broadcasts, whatever changes. */
const SPACING_MS = 500
/** Beats without a word after which a node is gone. */
const SILENT_BEATS = 3.5
/** A hundred neighbours that answer one node do so within this. */
const ANSWER_MS = 250
const ANSWER_RATE = { perSecond: 50, burst: 200, sourcesMax: 1 }
/** Seals tried: a thousand neighbours that answer at once pass, junk costs at most some milliseconds a second. */
const OPEN_RATE = { perSecond: 300, burst: 2_000, sourcesMax: 1 }
const SOURCE_RATE = { perSecond: 20, burst: 40, sourcesMax: 2_048 }
/** Facts of one node that are verified: it has no reason to change more often. */
const FACT_RATE = { perSecond: 2, burst: 8, sourcesMax: 2_048 }

export function createLan(options: LanOptions): Lan {
  const { clock, codec, entropy, facts, log, self, socket } = options
  const book = createNearBook()
  const mayAnswer = createRate(clock, ANSWER_RATE)
  const mayOpen = createRate(clock, OPEN_RATE)
  const mayOpenFrom = createRate(clock, SOURCE_RATE)
  const mayOffer = createRate(clock, FACT_RATE)
  const waiting = new Set<Timer>()
  let links: readonly BeaconLink[] = []
  let linksText = ''
  let own: Uint8Array | undefined
  let timer: Timer | undefined
  let step = 0
  /** A burst is about to begin: what changes meanwhile goes with it, and does not put it off. */
  let soon = false
  let spokeAt = Number.NEGATIVE_INFINITY
  let running = false

  const beatMs = (): number => Math.max(options.metered ? BEAT_METERED_MS : BEAT_MS, book.near.size * BEAT_PER_NODE_MS)
  const jitter = (): number => 1 - JITTER + 2 * JITTER * entropy.fraction()
  const sealed = (kind: BeaconKind): readonly Uint8Array[] =>
    own === undefined
      ? []
      : codec.seal(options.keys(), {
          kind,
          node: self,
          fact: own,
          ...(options.state === undefined ? {} : { state: options.state() }),
        })

  const forgetSilent = (now: number): void => {
    const silentMs = SILENT_BEATS * beatMs()
    book.sift((node, { heardAt }) => options.isMember(node) && now - heardAt < silentMs)
  }

  const shout = (): void => {
    const now = clock.monotonic()
    spokeAt = now
    soon = false
    forgetSilent(now)
    if (links.length > 0) for (const bytes of sealed('call')) socket.broadcast(bytes)
    step += 1
    timer = clock.after((BURST_MS[step] ?? beatMs()) * jitter(), shout)
  }

  /** Something changed: a new burst. */
  const shoutSoon = (): void => {
    if (!running || own === undefined || soon) return
    soon = true
    step = 0
    timer?.cancel()
    const spacingMs = spokeAt + SPACING_MS - clock.monotonic()
    timer = clock.after(Math.max(spacingMs, START_JITTER_MS * entropy.fraction()), shout)
  }

  const answer = (to: Address): void => {
    if (!mayAnswer('')) return
    const later = clock.after(ANSWER_MS * entropy.fraction(), () => {
      waiting.delete(later)
      for (const bytes of sealed('answer')) socket.send(bytes, to)
    })
    waiting.add(later)
  }

  const onLink = (fact: Fact): readonly Endpoint[] =>
    fact.candidates
      .filter(({ kind }) => kind === 'lan' || kind === 'public')
      .map(({ endpoint }) => endpoint)
      .filter((endpoint) => isOnLinks(links, hostOf(endpoint) as Address))

  /** The fact if it is what the node says now; `news`: we did not know. Old ones, played again, are neither. */
  const factOf = ({ fact, node }: Beacon): { readonly fact: Fact; readonly news: boolean } | undefined => {
    const held = facts.get(node)
    if (held !== undefined && sameEnvelope(held.envelope, fact)) return { fact: held.fact, news: false }
    const news = mayOffer(node) ? options.offer(node, fact) : undefined
    return news === undefined ? undefined : { fact: news, news: true }
  }

  const receive = (bytes: Uint8Array, from: string): void => {
    if (!running || !isFromLink(links, from) || !mayOpenFrom(from) || !mayOpen('')) return
    const beacon = codec.open(options.keys(), bytes)
    if (beacon === undefined || beacon.node === self || !options.isMember(beacon.node)) return
    const known = factOf(beacon)
    if (known === undefined) return
    const endpoints = onLink(known.fact)
    const [first] = endpoints
    const moved = first !== undefined && book.hear(beacon.node, endpoints, clock.monotonic())
    if (beacon.state !== undefined) options.onState?.(beacon.node, beacon.state)
    if (!known.news && !moved) return
    log.debug('heard on the LAN', { node: beacon.node, endpoint: first, kind: beacon.kind })
    if (beacon.kind === 'call' && first !== undefined) answer(hostOf(first) as Address)
    options.onNews()
  }

  return {
    near: book.near,
    revision: () => book.revision(),
    async start() {
      running = await socket.open(receive)
      if (!running) return
      socket.setLinks(links)
      shoutSoon()
    },
    async stop() {
      running = false
      soon = false
      timer?.cancel()
      for (const one of waiting) one.cancel()
      waiting.clear()
      await socket.close()
    },
    follow(local) {
      const next = beaconLinks(local)
      const text = JSON.stringify(next)
      if (text === linksText) return
      links = next
      linksText = text
      // Whoever was heard on a link that is gone, or under a block that is another one now, has to be heard again.
      book.sift((_, { endpoints }) => endpoints.every((endpoint) => isOnLinks(links, hostOf(endpoint) as Address)))
      if (!running) return
      socket.setLinks(links)
      shoutSoon()
    },
    say(fact) {
      if (sameEnvelope(own, fact)) return
      own = fact
      shoutSoon()
    },
    tell: shoutSoon,
    isNextDoor: (address) => isFromLink(links, address),
  }
}
