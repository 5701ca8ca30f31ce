// How this node looks from outside, asked of the relays: each answers STUN at two ports, so one relay is enough to tell a
// NAT that maps by destination, and its answer says that it can be reached, and how far it is.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Clock, Timer } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Mapping } from './reflexive.ts'
import type { StunClient } from './stun.ts'

/** How this node looks from outside, and what it reaches there. */
export interface Outside extends Mapping {
  /** Relays that answer, the nearest first. */
  readonly relays: readonly NodeId[]
  /** A port of the router outside that leads here; its own word. */
  readonly portMapped?: Endpoint
}

/** How a relay is reached from here; `silent`: not at all. */
export interface RelaySight {
  readonly relay: NodeId
  readonly by: 'udp' | 'tls' | 'silent'
  readonly rttMs?: number
}

/** Where a relay answers STUN. */
export interface StunPlace {
  readonly relay: NodeId
  readonly endpoint: Endpoint
}

export interface OutlookOptions {
  readonly stun: StunClient
  readonly send: (bytes: Uint8Array, to: Endpoint) => void
  readonly clock: Clock
  /** Upkeep has to be spared. */
  readonly isSparing?: (() => boolean) | undefined
  /** A place saw this node come from `seenAs`. */
  readonly onSeen: (place: Endpoint, seenAs: Endpoint) => void
  /** Which relays answer, whether any does, or how far they are, changed. */
  readonly onChange: () => void
}

export interface Outlook {
  /** Looks at once if they are others than before. */
  setPlaces(places: readonly StunPlace[]): void
  /** Links changed: what was seen is history. */
  lookAgain(): void
  /** True if the bytes answered a question of ours. */
  receive(bytes: Uint8Array, from: Endpoint): boolean
  /** Relays that answer, the nearest first. */
  relays(): readonly NodeId[]
  /** To a relay, when it was asked last; undefined where it did not answer. */
  rttMsOf(relay: NodeId): number | undefined
  /** Asks right now, and has not concluded yet. */
  isLooking(): boolean
  /** Asked for more than a second, and nobody answered. */
  isBlocked(): boolean
  stop(): void
}

/** A NAT that restarts in silence is noticed within this; eight small packets a time. */
const LOOK_MS = 30 * 60_000
/** Where the day's budget of upkeep would not last. */
const SPARING_LOOK_MS = 2 * 3_600_000
/** RTO of RFC 8489 §6.2.1 and its doubling: 0, 0.5, 1.5, 3.5 s. */
const REPEAT_MS = 500
const TRIES = 4
/**
 * When the third try goes out, two have been silent for a second and more: peers wait, so TLS is gone to. An answer that
 * comes later takes it back.
 */
const BLOCKED_TRIES = 3
/** First pause before those that were silent are asked again, doubled each time: a relay that restarts is missed by no more. */
const SILENT_MS = 5_000
/** Relays asked: two are used, and more tell nothing new. */
const PLACES_MAX = 8

/** Distance in steps that double, so that a wavering round trip changes no order. */
function step(rttMs: number): number {
  return Math.ceil(Math.log2(Math.max(1, rttMs)))
}

export function createOutlook(options: OutlookOptions): Outlook {
  const { clock, onChange, onSeen, send, stun } = options
  /** Round trips in milliseconds. */
  const distances = new Map<NodeId, number>()
  const open = new Set<Endpoint>()
  let places: readonly StunPlace[] = []
  let key = ''
  let tries = 0
  let timer: Timer | undefined
  let order = ''
  let looking = false
  /** Relays that did not answer the last look, and the pause before they are asked again. */
  let silence = { relays: '', pauseMs: SILENT_MS }
  /** Until somebody answers, also while it is looked again. */
  let blocked = false

  const relays = (): readonly NodeId[] =>
    [...distances].sort((a, b) => step(a[1]) - step(b[1]) || compareText(a[0], b[0])).map(([relay]) => relay)

  const tellOrder = (): void => {
    const now = blocked ? 'blocked' : relays().join()
    if (now === order) return
    order = now
    onChange()
  }

  const judge = (): void => {
    blocked = places.length > 0 && distances.size === 0 && (blocked || tries >= BLOCKED_TRIES)
    tellOrder()
  }

  /** One that never answers ends up with the looks at all of them. */
  const lookLater = (silent: ReadonlySet<NodeId>): void => {
    const sparing = options.isSparing?.() === true
    const silentRelays = [...silent].join()
    if (silentRelays !== silence.relays) silence = { relays: silentRelays, pauseMs: SILENT_MS }
    const { pauseMs } = silence
    if (silent.size === 0 || sparing || pauseMs >= LOOK_MS) {
      timer = clock.after(sparing ? SPARING_LOOK_MS : LOOK_MS, () => look(places))
      return
    }
    silence.pauseMs = 2 * pauseMs
    timer = clock.after(pauseMs, () => look(places.filter(({ relay }) => silent.has(relay))))
  }

  /** Those that stayed silent through all tries can't be reached. */
  const conclude = (): void => {
    const silent = new Set(places.filter(({ endpoint }) => open.has(endpoint)).map(({ relay }) => relay))
    for (const { endpoint, relay } of places) if (!open.has(endpoint)) silent.delete(relay)
    for (const relay of silent) distances.delete(relay)
    looking = false
    judge()
    lookLater(silent)
  }

  const ask = (): void => {
    if (open.size === 0 || tries === TRIES) return conclude()
    for (const endpoint of open) send(stun.ask(endpoint), endpoint)
    timer = clock.after(REPEAT_MS * 2 ** tries, ask)
    tries += 1
    judge()
    return undefined
  }

  const look = (asked: readonly StunPlace[]): void => {
    timer?.cancel()
    tries = 0
    looking = asked.length > 0
    open.clear()
    for (const { endpoint } of asked) open.add(endpoint)
    if (asked.length > 0) ask()
  }

  const lookAnew = (): void => {
    silence = { relays: '', pauseMs: SILENT_MS }
    look(places)
  }

  return {
    setPlaces(next) {
      const text = next.map(({ endpoint, relay }) => `${relay} ${endpoint}`).join()
      if (text === key) return
      key = text
      places = next.slice(0, PLACES_MAX)
      const present = new Set(places.map(({ relay }) => relay))
      for (const relay of distances.keys()) if (!present.has(relay)) distances.delete(relay)
      judge()
      lookAnew()
    },
    lookAgain: lookAnew,
    receive(bytes, from) {
      const heard = stun.receive(bytes, from)
      const place = heard === undefined ? undefined : places.find(({ endpoint }) => endpoint === heard.server)
      if (heard === undefined || place === undefined) return heard !== undefined
      open.delete(place.endpoint)
      distances.set(place.relay, heard.rttMs)
      onSeen(place.endpoint, heard.seenAs)
      judge()
      return true
    },
    relays,
    rttMsOf: (relay) => distances.get(relay),
    isBlocked: () => blocked,
    isLooking: () => looking,
    stop: () => timer?.cancel(),
  }
}
