// All TLS relays of a node: one connection to each that is held or needed, and one loopback socket for each peer behind each.
//
// The socket of a peer stays while its connection is lost and made again, so WireGuard keeps its endpoint.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { createTlsLink, type TlsLink, type TlsLinkOptions, type TlsPlace } from './tls-link.ts'
import type { Loopback, OpenLoopback } from './tls-wire.ts'

export interface TlsClientOptions extends TlsLinkOptions {
  readonly loopback: OpenLoopback
  /** What is open, for any peer, is another than before. */
  readonly onChange: () => void
  /** The peer waits at a relay for this node. */
  readonly onWanted: (peer: NodeId) => void
}

export interface TlsClient {
  /** Keeps a connection to each of these, so that peers find this node there. */
  hold(places: readonly TlsPlace[]): void
  /** Leads to the peer by each of these, and by no other. */
  want(peer: NodeId, places: readonly TlsPlace[]): void
  /** Where WireGuard finds the peer: of each relay that is connected and has a channel. */
  of(peer: NodeId): readonly { readonly via: NodeId; readonly endpoint: Endpoint }[]
  /** Relays that are connected, the nearest first. */
  joined(): readonly NodeId[]
  /** Tries in vain since the relay was last connected; 0 also where none was made. */
  failures(relay: NodeId): number
  networkChanged(): void
  close(): void
}

interface Way {
  readonly relay: NodeId
  readonly peer: NodeId
  loopback: Loopback | undefined
  closed: boolean
}

/** Distance in steps that double, so that a wavering round trip changes no order. */
function step(ms: number): number {
  return Math.ceil(Math.log2(Math.max(1, ms)))
}

function samePlace(a: TlsPlace, b: TlsPlace): boolean {
  return a.host === b.host && a.port === b.port
}

export function createTlsClient(options: TlsClientOptions): TlsClient {
  const { log, onChange, onWanted } = options
  const links = new Map<NodeId, TlsLink>()
  const wanted = new Map<NodeId, readonly TlsPlace[]>()
  const ways = new Map<string, Way>()
  let held: readonly TlsPlace[] = []
  const keyOf = (relay: NodeId, peer: NodeId): string => `${relay} ${peer}`

  const openWay = async (way: Way): Promise<void> => {
    try {
      const loopback = await options.loopback((bytes) => links.get(way.relay)?.send(way.peer, bytes))
      if (way.closed) return loopback.close()
      way.loopback = loopback
      onChange()
    } catch (error) {
      ways.delete(keyOf(way.relay, way.peer))
      log.warn('no loopback socket for a peer', { peer: way.peer, why: describeError(error) })
    }
  }

  const linkTo = (place: TlsPlace): TlsLink => {
    const known = links.get(place.relay)
    if (known !== undefined && samePlace(known.place, place)) {
      // A relay that goes by another key proves it to who dials next; what is open was proven.
      known.expect(place.deviceKey)
      return known
    }
    known?.close()
    const onPacket = (peer: NodeId, bytes: Uint8Array): void =>
      ways.get(keyOf(place.relay, peer))?.loopback?.send(bytes)
    const made = createTlsLink({ ...options, onChange, onWanted, onPacket }, place)
    links.set(place.relay, made)
    return made
  }

  const settle = (): void => {
    const peers = new Map<NodeId, Set<NodeId>>()
    const places = new Map(held.map((place) => [place.relay, place]))
    for (const [peer, list] of wanted) {
      for (const place of list) {
        places.set(place.relay, place)
        peers.set(place.relay, (peers.get(place.relay) ?? new Set()).add(peer))
        const key = keyOf(place.relay, peer)
        if (ways.has(key)) continue
        const way: Way = { relay: place.relay, peer, loopback: undefined, closed: false }
        ways.set(key, way)
        void openWay(way)
      }
    }
    for (const [key, way] of ways) {
      if (peers.get(way.relay)?.has(way.peer) === true) continue
      way.closed = true
      way.loopback?.close()
      ways.delete(key)
    }
    for (const [relay, link] of links) {
      if (places.has(relay)) continue
      link.close()
      links.delete(relay)
    }
    for (const place of places.values()) linkTo(place).setPeers(peers.get(place.relay) ?? new Set())
  }

  return {
    hold(places) {
      held = places
      settle()
    },
    want(peer, places) {
      if (places.length === 0) wanted.delete(peer)
      else wanted.set(peer, places)
      settle()
    },
    of: (peer) =>
      (wanted.get(peer) ?? []).flatMap(({ relay }) => {
        const endpoint = ways.get(keyOf(relay, peer))?.loopback?.endpoint
        return endpoint === undefined || links.get(relay)?.isOpen(peer) !== true ? [] : [{ via: relay, endpoint }]
      }),
    joined: () =>
      [...links.values()]
        .filter((link) => link.isJoined())
        .sort((a, b) => step(a.joinMs() ?? 0) - step(b.joinMs() ?? 0))
        .map(({ place }) => place.relay),
    failures: (relay) => links.get(relay)?.failures() ?? 0,
    networkChanged() {
      for (const link of links.values()) link.renew()
    },
    close() {
      wanted.clear()
      held = []
      settle()
    },
  }
}
