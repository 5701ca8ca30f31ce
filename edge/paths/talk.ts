// The authenticated conversation between the path engines of two nodes. Keys follow from the nodes' WireGuard keys, so who
// can talk here is who can build the tunnel, and nobody has to hand out anything.
//
// A frame of an unknown session proves who sent it, and not when: it may be an old one, played again. So all it brings
// about is an answer of its own size; a session is known once it has answered a probe of ours.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { concat, fromBase64, sameBytes, toHex, utf8 } from '../../shared/bytes.ts'
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
import type { Heard, PathSelf, PathTalk, TalkOptions } from './path-talk.ts'
import { createReplayWindow, type ReplayWindow } from './replay.ts'
import { decodeEndpoint, encodeEndpoint } from './wire-endpoint.ts'

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

/** What is said and heard under one key of this node. */
interface Voice {
  readonly self: PathSelf
  readonly bytes: Uint8Array
  readonly pairs: Map<WgKey, Pair>
}

function voiceOf(self: PathSelf): Voice {
  return { self, bytes: fromBase64(self.wgKey), pairs: new Map() }
}

export function createPathTalk({ clock, crypto, entropy, self }: TalkOptions): PathTalk {
  const strangers = createRate(clock, STRANGER_RATE)
  const derivations = createRate(clock, DERIVATION_RATE)
  let present = voiceOf(self)
  let former: readonly Voice[] = []
  let statement: Uint8Array | undefined
  let peers: readonly WgKey[] = []
  /** By the tag a peer's frames bear. */
  const byTag = new Map<string, { readonly peer: WgKey; readonly voice: Voice }>()

  const direction = (from: Uint8Array, to: Uint8Array): Uint8Array => concat(LABEL, from, to)
  const tagOf = (from: Uint8Array, to: Uint8Array): Uint8Array =>
    crypto.sha256(direction(from, to)).subarray(0, tagBytes)
  const keyOf = (secret: Uint8Array, id: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array =>
    crypto.hkdf(secret, id, direction(from, to), 32)

  /** A key that is no fair point shares nothing (RFC 7748 §6.1): what is said to its holder, nobody understands. */
  const sharedWith = (voice: Voice, peer: WgKey): Uint8Array => {
    try {
      return voice.self.sharedWith(peer)
    } catch {
      return entropy.bytes(32)
    }
  }

  /** Made when first needed: a curve's multiplication costs a Raspberry Pi half a millisecond. */
  const pairOf = (peer: WgKey, voice = present): Pair => {
    const held = voice.pairs.get(peer)
    if (held !== undefined) return held
    const theirs = fromBase64(peer)
    const secret = sharedWith(voice, peer)
    const session = entropy.bytes(sessionBytes)
    const pair: Pair = {
      peer,
      secret,
      session,
      ownKey: keyOf(secret, session, voice.bytes, theirs),
      ownTag: tagOf(voice.bytes, theirs),
      flights: new Map(),
      known: undefined,
      stranger: undefined,
      counter: 0n,
    }
    voice.pairs.set(peer, pair)
    return pair
  }

  const frame = (pair: Pair, kind: FrameKind, body: Uint8Array): Uint8Array => {
    const counter = pair.counter++
    const header = encodeHeader({ kind, tag: pair.ownTag, session: pair.session, counter })
    return concat(header, crypto.seal(pair.ownKey, nonceOf(counter), body, header))
  }

  const sessionOf = (pair: Pair, id: Uint8Array, voice: Voice): Session | undefined => {
    if (pair.known !== undefined && sameBytes(pair.known.id, id)) return pair.known
    if (pair.stranger !== undefined && sameBytes(pair.stranger.id, id)) return pair.stranger
    if (!derivations('')) return undefined
    return { id, key: keyOf(pair.secret, id, fromBase64(pair.peer), voice.bytes), window: createReplayWindow() }
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

  const wordUnder = (pair: Pair): Uint8Array | undefined => {
    return statement === undefined ? undefined : frame(pair, 'key', statement)
  }

  /** Larger than what asked for it, so it is held to the same rate as answers to strangers, whoever asks. */
  const correct = (pair: Pair): Heard | undefined => {
    const reply = strangers(pair.peer) ? wordUnder(pair) : undefined
    return reply === undefined ? undefined : { type: 'stale', peer: pair.peer, reply }
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
    if (!known && !strangers(pair.peer)) return undefined
    return header.kind === 'key' ? { type: 'key', peer: pair.peer, statement: body } : answer(pair, body, from, known)
  }

  const listen = (): void => {
    byTag.clear()
    // The present key last: it is the one that counts.
    for (const voice of [...former, present]) {
      for (const peer of peers) byTag.set(toHex(tagOf(fromBase64(peer), voice.bytes)), { peer, voice })
      const wanted = new Set(peers)
      for (const peer of voice.pairs.keys()) if (!wanted.has(peer)) voice.pairs.delete(peer)
    }
  }

  return {
    setPeers(next) {
      peers = next
      listen()
    },
    become(selves) {
      const voices = new Map([present, ...former].map((voice) => [voice.self.wgKey, voice]))
      const voiceFor = (one: PathSelf): Voice => voices.get(one.wgKey) ?? voiceOf(one)
      present = voiceFor(selves.self)
      former = selves.former.map(voiceFor)
      statement = selves.statement
      listen()
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
    tellKey(peer) {
      const [last] = former
      if (last === undefined || present.pairs.get(peer)?.known !== undefined) return undefined
      return wordUnder(pairOf(peer, last))
    },
    receive(bytes, from) {
      const header = parseHeader(bytes)
      const addressed = header === undefined ? undefined : byTag.get(toHex(header.tag))
      if (header === undefined || addressed === undefined) return undefined
      const { peer, voice } = addressed
      const pair = pairOf(peer, voice)
      const heard = sessionOf(pair, header.session, voice)
      if (heard === undefined) return undefined
      const body = crypto.open(heard.key, nonceOf(header.counter), header.sealed, header.covered)
      if (body === undefined) return undefined
      if (voice === present) return understand(pair, header, heard, body, from)
      if (heard !== pair.known) pair.stranger = heard
      // Answers to what was asked before the change are of no use any more.
      return header.kind === 'ping' && heard.window.admit(header.counter) ? correct(pair) : undefined
    },
  }
}
