// Where peers may be, and where this node is: candidates, relays that are bound, and the view from outside.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Entropy } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import { createRate } from '../echo/rate.ts'
import type { RelayClient } from '../relay/client.ts'
import type { TlsClient, TlsClientOptions } from '../relay/tls-client.ts'
import type { Thrift } from '../upkeep/thrift.ts'
import { createCandidateBook } from './candidate-book.ts'
import type { FrameSocket } from './doors.ts'
import type { Names } from './names.ts'
import { createOutlook, type Outlook, type Outside, type RelaySight } from './outlook.ts'
import type { PathCandidate } from './path.ts'
import { createReflexive } from './reflexive.ts'
import { createRelays, type OwnTls, type RelayScene, type Relays, type TlsWays } from './relays.ts'
import { createStunClient } from './stun.ts'

/** Binding again takes two round trips at each relay. */
const SEEK_RATE = { perSecond: 0.5, burst: 1, sourcesMax: 4_096 }

export interface WaysOptions {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly names: Names
  readonly socket: FrameSocket
  /** How sparing this node has to be with upkeep. */
  readonly thrift?: (() => Thrift) | undefined
  readonly relayClient: (send: FrameSocket['send']) => RelayClient
  /** This node has what relays ask for; always where absent. */
  readonly mayAskRelays?: (() => boolean) | undefined
  /** Absent where this host has no door for relays by TLS. */
  readonly tlsClient?: ((events: TlsEvents) => TlsClient) | undefined
  /** Peers that come by TLS to the relay of this very node. */
  readonly ownTls?: OwnTls | undefined
  /** The peer waits for this node at a relay. */
  readonly onWanted: (peer: NodeId) => void
  /** A relay was asked for the peer, and what is sent to `endpoint` waits there for it. */
  readonly onProving: (peer: NodeId, endpoint: Endpoint) => void
  /** What is bound for a peer is another than before. */
  readonly onRelays: (peer: NodeId) => void
  /** How this node looks from outside changed. */
  readonly onChange: () => void
}

export type TlsEvents = Pick<TlsClientOptions, 'onChange' | 'onWanted'>

function tlsWaysOf(options: WaysOptions, outlook: () => Outlook): TlsWays | undefined {
  const { clock, mayAskRelays, onChange, onWanted, tlsClient } = options
  if (tlsClient === undefined) return undefined
  return {
    clock,
    mayAsk: mayAskRelays,
    isBlocked: () => outlook().isBlocked(),
    open: (changed) => tlsClient({ onChange: changed, onWanted }),
    onChange,
  }
}

/** All relays that this node may ask, in the order of intent. */
function relaySights(relays: Pick<Relays, 'byTls' | 'stunPlaces'>, outlook: Outlook): readonly RelaySight[] {
  const byTls = relays.byTls()
  return [...new Set(relays.stunPlaces().map(({ relay }) => relay))].map((relay) => {
    const rttMs = outlook.rttMsOf(relay)
    return rttMs === undefined ? { relay, by: byTls.includes(relay) ? 'tls' : 'silent' } : { relay, by: 'udp', rttMs }
  })
}

export function createWays(options: WaysOptions) {
  const { clock, entropy, names, onChange, onProving, onRelays, onWanted, relayClient, socket } = options
  const send: FrameSocket['send'] = (bytes, to) => socket.send(bytes, to)
  let [isPublic, sight]: [boolean, string | undefined] = [false, undefined]
  let seenHosts: readonly string[] = []
  const maySeek = createRate(clock, SEEK_RATE)
  const reflexive = createReflexive()
  /** What others see of this node is announced at once: peers wait for it. */
  const noteSight = (observer: Endpoint, endpoint: Endpoint): void => {
    const seen = reflexive.note(observer, endpoint, clock.monotonic())
    if (seen === 'moved' && !outlook.isLooking()) outlook.lookAgain()
    if (seen !== 'known') onChange()
  }
  const relays = createRelays({
    client: relayClient(send),
    names,
    reaches: () => reached(),
    restsAt: () => (options.thrift?.() === 2 ? 1 : Number.POSITIVE_INFINITY),
    onChange: onRelays,
    onWanted,
    onProving,
    onSeenAs(relay, endpoint) {
      noteSight(relay, endpoint)
      // A relay was bound over UDP.
      if (outlook.isBlocked() && !outlook.isLooking()) outlook.lookAgain()
    },
    tls: tlsWaysOf(options, () => outlook),
    own: options.ownTls,
  })
  const outlook = createOutlook({
    stun: createStunClient(clock, entropy),
    send,
    clock,
    isSparing: () => (options.thrift?.() ?? 0) > 0,
    onSeen: noteSight,
    onChange() {
      relays.look()
      onChange()
    },
  })
  const candidates = createCandidateBook(names, relays)
  const reached = (): readonly NodeId[] => [...new Set([...outlook.relays(), ...relays.byTls()])]

  /** `own`: addresses of this host. */
  const outside = (own: ReadonlySet<string>): Outside => {
    const mapping = reflexive.mapping(own)
    const unseen = mapping.natType === 'unknown' && mapping.mapped.length === 0
    return {
      ...mapping,
      ...(unseen && outlook.isBlocked() ? { natType: 'udp-blocked' as const } : {}),
      relays: reached(),
    }
  }

  /** Given if this node looks otherwise from outside than when this was asked last; `moved`: no address is as before. */
  const newSight = (own: ReadonlySet<string>): { readonly moved: boolean } | undefined => {
    const { mapped, natType } = outside(own)
    const before = sight
    const [hostsBefore, hosts] = [seenHosts, reflexive.hosts()]
    sight = `${natType} ${mapped.join()}`
    // While it is looked again nothing is seen, and what was seen last stays the measure.
    if (hosts.length > 0) seenHosts = hosts
    if (before === undefined || before === sight) return undefined
    return { moved: hostsBefore.length > 0 && !seenHosts.some((host) => hostsBefore.includes(host)) }
  }

  return {
    candidates,
    outlook,
    outside,
    relaySights: () => relaySights(relays, outlook),
    newSight,
    outsideHosts: () => reflexive.hosts(),
    noteSight,
    relays,
    setScene(scene: RelayScene | undefined): void {
      isPublic = scene?.self.publicEndpoint !== undefined
      relays.update(scene)
      outlook.setPlaces(relays.stunPlaces())
    },
    /** The peer reaches this node however long they did not talk; `way`: how it did last. */
    findsUs(peer: NodeId, way: PathCandidate | undefined): boolean {
      return way?.kind === 'lan' || isPublic || relays.findsUs(peer)
    },
    /** Nothing answers any more: perhaps this node comes from elsewhere now, and relays drop what they don't know. */
    seek(peer: NodeId): void {
      if (!maySeek(peer)) return
      relays.renew(peer)
      if (!outlook.isLooking()) outlook.lookAgain()
    },
    /** Upkeep has to be spared more, or less. */
    spare: () => relays.look(),
    networkChanged(): void {
      reflexive.forget()
      relays.networkChanged()
      outlook.lookAgain()
    },
    close(): void {
      relays.close()
      outlook.stop()
    },
  }
}

export type Ways = ReturnType<typeof createWays>
