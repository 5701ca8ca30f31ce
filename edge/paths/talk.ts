// The authenticated conversation between the path engines of two nodes. Keys follow from the nodes' WireGuard keys, so who
// can talk here is who can build the tunnel, and nobody has to hand out anything.
//
// A frame of an unknown session proves who sent it, and not when: it may be an old one, played again. So all it brings
// about is an answer of its own size; a session is known once it has answered a probe of ours.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { concat, fromBase64, sameBytes, toHex, utf8 } from '../../shared/bytes.ts'
import type { Clock, Entropy, Sha256 } from '../../shared/effects.ts'
import type { WgKey } from '../../shared/ids.ts'
import { pathCandidatesMax, pathFlightsMax, pathsAskedMax } from '../../shared/limits.ts'
import { createRate } from '../echo/rate.ts'
import {
  bodyBytes,
  encodeHeader,
  encodeProbe,
  type FrameKind,
  nonceOf,
  type OpenedHeader,
  parseHeader,
  parseProbe,
  randomBytes,
  sessionBytes,
  tagBytes,
} from './frame.ts'
import { createReplayWindow, type ReplayWindow } from './replay.ts'
import { decodeEndpoint, encodeEndpoint } from './wire-endpoint.ts'

/** The functions of cryptography, given from outside. */
export interface TalkCrypto {
  readonly sha256: Sha256
  /** X25519 (RFC 7748) of the own WireGuard key with a peer's. */
  readonly sharedWith: (peer: WgKey) => Uint8Array
  readonly hkdf: (secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number) => Uint8Array
  readonly seal: (key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array) => Uint8Array
  readonly open: (key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array) => Uint8Array | undefined
}

export interface TalkOptions {
  readonly self: WgKey
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

export interface PathTalk {
  /** Whom to talk with; everybody else is noise. */
  setPeers(peers: readonly WgKey[]): void
  /** A frame to send to `to`; `size`: bytes of its UDP payload, at least the usual. */
  ping(peer: WgKey, probe: number, to: Endpoint, size?: number): Uint8Array
  /** `at`: where this node is seen from outside. Facts travel through the hub; this goes by the way that works. */
  call(peer: WgKey, at?: Endpoint): Uint8Array
  /** Undefined for what deserves no answer. A pong counts only from where its ping went. */
  receive(bytes: Uint8Array, from: Endpoint): Heard | undefined
}

/** Bytes around the body of a frame. */
const AROUND_BYTES = 48
/** Probes of one peer whose answers are awaited; the oldest gives way. */
const FLIGHTS_MAX = pathFlightsMax * (pathCandidatesMax + pathsAskedMax)
/**
 * What answers later says nothing of the path: a relay keeps a packet until the other end has bound. Two hops over a
 * satellite take half of it.
 */
const FLIGHT_MS_MAX = 3_000
/** Frames of unknown sessions answered per peer: a peer that restarted probes some dozen candidates at once. */
const STRANGER_RATE = { perSecond: 20, burst: 40, sourcesMax: 4_096 }
/**
 * Sessions never heard of whose key is derived, of all peers together. Whoever knows two public keys can name a pair, so
 * this bounds what junk costs; sessions once heard are found without.
 */
const DERIVATION_RATE = { perSecond: 500, burst: 1_000, sourcesMax: 1 }
const LABEL = utf8('holdfast path 1')

interface Flight {
  readonly to: Endpoint
  readonly random: Uint8Array
  readonly sentAt: number
}

interface Session {
  readonly id: Uint8Array
  readonly key: Uint8Array
  readonly window: ReplayWindow
}

interface Pair {
  readonly peer: WgKey
  readonly secret: Uint8Array
  /** Of our frames. Each life of a pair has its own: a peer that leaves and comes back must never see a nonce again. */
  readonly session: Uint8Array
  readonly ownKey: Uint8Array
  readonly ownTag: Uint8Array
  readonly flights: Map<number, Flight>
  known: Session | undefined
  /** The last unknown one: most likely the peer after a restart. */
  stranger: Session | undefined
  counter: bigint
}

export function createPathTalk({ clock, crypto, entropy, self }: TalkOptions): PathTalk {
  const own = fromBase64(self)
  const strangers = createRate(clock, STRANGER_RATE)
  const derivations = createRate(clock, DERIVATION_RATE)
  const pairs = new Map<WgKey, Pair>()
  /** By the tag a peer's frames bear. */
  const byTag = new Map<string, WgKey>()

  const direction = (from: Uint8Array, to: Uint8Array): Uint8Array => concat(LABEL, from, to)
  const tagOf = (from: Uint8Array, to: Uint8Array): Uint8Array =>
    crypto.sha256(direction(from, to)).subarray(0, tagBytes)
  const keyOf = (secret: Uint8Array, id: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array =>
    crypto.hkdf(secret, id, direction(from, to), 32)

  /** A key that is no fair point shares nothing (RFC 7748 §6.1): what is said to its holder, nobody understands. */
  const sharedWith = (peer: WgKey): Uint8Array => {
    try {
      return crypto.sharedWith(peer)
    } catch {
      return entropy.bytes(32)
    }
  }

  /** Made when first needed: a curve's multiplication costs a Raspberry Pi half a millisecond. */
  const pairOf = (peer: WgKey): Pair => {
    const held = pairs.get(peer)
    if (held !== undefined) return held
    const theirs = fromBase64(peer)
    const secret = sharedWith(peer)
    const session = entropy.bytes(sessionBytes)
    const pair: Pair = {
      peer,
      secret,
      session,
      ownKey: keyOf(secret, session, own, theirs),
      ownTag: tagOf(own, theirs),
      flights: new Map(),
      known: undefined,
      stranger: undefined,
      counter: 0n,
    }
    pairs.set(peer, pair)
    return pair
  }

  const frame = (pair: Pair, kind: FrameKind, body: Uint8Array): Uint8Array => {
    const counter = pair.counter++
    const header = encodeHeader({ kind, tag: pair.ownTag, session: pair.session, counter })
    return concat(header, crypto.seal(pair.ownKey, nonceOf(counter), body, header))
  }

  const sessionOf = (pair: Pair, id: Uint8Array): Session | undefined => {
    if (pair.known !== undefined && sameBytes(pair.known.id, id)) return pair.known
    if (pair.stranger !== undefined && sameBytes(pair.stranger.id, id)) return pair.stranger
    if (!derivations('')) return undefined
    return { id, key: keyOf(pair.secret, id, fromBase64(pair.peer), own), window: createReplayWindow() }
  }

  const land = (pair: Pair, heard: Session, body: Uint8Array, from: Endpoint): Heard | undefined => {
    const { probe, random, rest } = parseProbe(body)
    const flight = pair.flights.get(probe)
    if (flight === undefined || flight.to !== from || !sameBytes(flight.random, random)) return undefined
    const seenAs = decodeEndpoint(rest)
    if (seenAs === undefined) return undefined
    pair.flights.delete(probe)
    const rttMs = clock.monotonic() - flight.sentAt
    // Nor does it make a session known: somebody may have held it back until the peer had a new one.
    if (rttMs > FLIGHT_MS_MAX) return undefined
    pair.known = heard
    return { type: 'pong', peer: pair.peer, probe, rttMs, seenAs }
  }

  const answer = (pair: Pair, body: Uint8Array, from: Endpoint, known: boolean): Heard => {
    const { probe, random } = parseProbe(body)
    return {
      type: 'ping',
      peer: pair.peer,
      known,
      reply: frame(pair, 'pong', encodeProbe(probe, random, encodeEndpoint(from))),
    }
  }

  const calledBy = ({ peer }: Pair, body: Uint8Array): Heard => {
    const at = decodeEndpoint(parseProbe(body).rest)
    return { type: 'call', peer, ...(at === undefined ? {} : { at }) }
  }

  const understand = (
    pair: Pair,
    header: OpenedHeader,
    heard: Session,
    body: Uint8Array,
    from: Endpoint,
  ): Heard | undefined => {
    const known = heard === pair.known
    if (!known) pair.stranger = heard
    if (!heard.window.admit(header.counter)) return undefined
    if (header.kind === 'pong') return land(pair, heard, body, from)
    if (header.kind === 'call') return known ? calledBy(pair, body) : undefined
    return known || strangers(pair.peer) ? answer(pair, body, from, known) : undefined
  }

  return {
    setPeers(peers) {
      byTag.clear()
      for (const peer of peers) byTag.set(toHex(tagOf(fromBase64(peer), own)), peer)
      const present = new Set(peers)
      for (const peer of pairs.keys()) if (!present.has(peer)) pairs.delete(peer)
    },
    ping(peer, probe, to, size) {
      const pair = pairOf(peer)
      const random = entropy.bytes(randomBytes)
      const [oldest] = pair.flights.keys()
      if (pair.flights.size >= FLIGHTS_MAX && oldest !== undefined) pair.flights.delete(oldest)
      pair.flights.set(probe, { to, random, sentAt: clock.monotonic() })
      const length = size === undefined ? bodyBytes : size - AROUND_BYTES
      return frame(pair, 'ping', encodeProbe(probe, random, new Uint8Array(0), length))
    },
    call(peer, at) {
      const body =
        at === undefined ? new Uint8Array(bodyBytes) : encodeProbe(0, new Uint8Array(randomBytes), encodeEndpoint(at))
      return frame(pairOf(peer), 'call', body)
    },
    receive(bytes, from) {
      const header = parseHeader(bytes)
      const peer = header === undefined ? undefined : byTag.get(toHex(header.tag))
      if (header === undefined || peer === undefined) return undefined
      const pair = pairOf(peer)
      const heard = sessionOf(pair, header.session)
      if (heard === undefined) return undefined
      const body = crypto.open(heard.key, nonceOf(header.counter), header.sealed, header.covered)
      return body === undefined ? undefined : understand(pair, header, heard, body, from)
    },
  }
}
