// The relays of every pair that wants some: chosen by both ends alike, bound from WireGuard's own port, and told to the
// engine as one more place where the peer answers.

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, portOf } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import type { Binding, RelayEvents } from '../relay/bound.ts'
import type { RelayClient } from '../relay/client.ts'
import { defaultSessionPorts, isInRange } from '../relay/sessions.ts'
import type { TlsClient } from '../relay/tls-client.ts'
import type { TlsPlace } from '../relay/tls-link.ts'
import type { HeldFact } from '../store/store.ts'
import type { CandidateSources } from './candidates.ts'
import { createHomes } from './homes.ts'
import { createLastResort, type LastResortOptions } from './last-resort.ts'
import type { Names } from './names.ts'
import type { StunPlace } from './outlook.ts'
import { chooseRelays, homesOf, type RelayUser } from './relay-choice.ts'

/** What the choice follows from. */
export interface RelayScene {
  readonly self: NodeBody
  readonly nodes: readonly NodeBody[]
  readonly facts: ReadonlyMap<NodeId, HeldFact>
  readonly rules: NetworkSpec['relayPolicy']
}

export interface RelaysOptions {
  readonly client: Pick<RelayClient, 'bind' | 'settle' | 'receive' | 'networkChanged' | 'close'>
  readonly names: Names
  /** Relays that answer this node, the nearest first, as its fact says. */
  readonly reaches: () => readonly NodeId[]
  /** Relays that may cost their upkeep while nobody talks with this node. */
  readonly restsAt?: () => number
  /** What is bound for a peer is another than before. */
  readonly onChange: (peer: NodeId) => void
  /** The peer waits for this node at a relay. */
  readonly onWanted: (peer: NodeId) => void
  /** The other end's first word to a session port is out. */
  readonly onProving: (peer: NodeId, endpoint: Endpoint) => void
  /** A relay saw this node come from `endpoint`. */
  readonly onSeenAs: (relay: Endpoint, endpoint: Endpoint) => void
  /** Relays by TLS; absent where this host has no door for them. */
  readonly tls?: TlsWays | undefined
  /** Peers that come by TLS to the relay of this very node. */
  readonly own?: OwnTls | undefined
}

export interface TlsWays extends Pick<LastResortOptions, 'clock' | 'isBlocked' | 'mayAsk'> {
  /** `onChange`: connections or channels came or went. */
  readonly open: (onChange: () => void) => TlsClient
  readonly onChange: () => void
}

export interface OwnTls {
  /** Where WireGuard of this host finds each of them. */
  readonly local: () => ReadonlyMap<NodeId, Endpoint>
  /** Tells the node, if it is connected, that this one wants to talk. */
  readonly call: (node: NodeId) => void
  /** Installs who is told that one of them came or went. */
  readonly listen: (onChange: (node: NodeId) => void) => void
}

export interface Relays {
  /** Records or facts changed; undefined while this node is no member. */
  update(scene: RelayScene | undefined): void
  want(peer: NodeId, wanted: boolean): void
  /** Binds again what is bound for the peer: this node may come from another address than the relay knows. */
  renew(peer: NodeId): void
  /** Session ports bound for the peer, the best relay first; then what stands for TLS relays on this host. */
  of(peer: NodeId): CandidateSources['relays']
  /** The relay whose session ports the endpoint is among, also where the session is not known here. */
  sessionAt(endpoint: Endpoint): NodeId | undefined
  /** The peer finds this node at a relay of theirs, however long they did not talk. */
  findsUs(peer: NodeId): boolean
  /** True if the bytes were a relay's. */
  receive(bytes: Uint8Array, from: Endpoint): boolean
  networkChanged(): void
  /** Where all relays of the network answer STUN: the relay port and the next one. */
  stunPlaces(): readonly StunPlace[]
  /** Relays that are connected by TLS, the nearest first. */
  byTls(): readonly NodeId[]
  /** What is known of UDP has changed. */
  look(): void
  close(): void
}

type Held = ReadonlyMap<NodeId, Binding>

/** One that names no relays has not looked yet, or speaks an older language. */
function known(reaches: readonly NodeId[] | undefined): RelayUser['reaches'] {
  return reaches?.length === 0 ? undefined : reaches
}

function userOf(node: NodeBody, { facts }: RelayScene): RelayUser {
  return { node, reaches: known(facts.get(node.nodeId)?.fact.relays) }
}

function selfOf({ self }: RelayScene, reaches: readonly NodeId[]): RelayUser {
  return { node: self, reaches: known(reaches) }
}

/** Relays that were told other session ports are known by what was bound there. */
function isSession(relayAt: Endpoint | undefined, endpoint: Endpoint): boolean {
  return (
    relayAt !== undefined && hostOf(relayAt) === hostOf(endpoint) && isInRange(portOf(endpoint), defaultSessionPorts)
  )
}

export function createRelays(options: RelaysOptions): Relays {
  const { client, names, onChange, onSeenAs } = options
  const wanted = new Map<NodeId, Held>()
  const homes = createHomes(options)
  /** Worked out once for each scene. */
  const chosen = new Map<NodeId, readonly NodeBody[]>()
  let [scene, offers]: [RelayScene | undefined, readonly NodeBody[]] = [undefined, []]

  /** The relay's own port, on the address it is reached at. */
  const placeOf = ({ nodeId, publicEndpoint, relay }: NodeBody): Endpoint | undefined => {
    const told = scene?.facts.get(nodeId)?.fact.candidates.find(({ kind }) => kind === 'public')?.endpoint
    const at = (publicEndpoint === undefined ? undefined : names.resolve(publicEndpoint)) ?? told
    return at === undefined || relay === undefined ? undefined : formatEndpoint(hostOf(at) as Address, relay.port)
  }

  const chosenFor = (peer: NodeId): readonly NodeBody[] => {
    const before = chosen.get(peer)
    const other = before === undefined ? scene?.nodes.find(({ nodeId }) => nodeId === peer) : undefined
    if (scene === undefined || other === undefined) return before ?? []
    const ids = chooseRelays(selfOf(scene, options.reaches()), userOf(other, scene), offers, scene.rules)
    const found = ids.flatMap((id) => offers.find(({ nodeId }) => nodeId === id) ?? [])
    chosen.set(peer, found)
    return found
  }

  const settleHomes = (): void => {
    // Where UDP is blocked, connections by TLS are what this node is found by.
    if (scene === undefined || options.tls?.isBlocked() === true) return homes.update([])
    const ids = homesOf(selfOf(scene, options.reaches()), offers, scene.rules).slice(0, options.restsAt?.())
    return homes.update(
      ids.flatMap((relay) => {
        const at = offers.filter(({ nodeId }) => nodeId === relay).flatMap((node) => placeOf(node) ?? [])
        return at.map((endpoint) => ({ relay, at: endpoint }))
      }),
    )
  }

  const tlsPlaceOf = (node: NodeBody): readonly TlsPlace[] => {
    const at = placeOf(node)
    if (at === undefined || node.relay === undefined) return []
    return [{ relay: node.nodeId, host: hostOf(at), port: node.relay.tlsPort, deviceKey: node.deviceKey }]
  }

  /** A peer that is a relay itself is reached there. */
  const tlsPlacesFor = (peer: NodeId): readonly TlsPlace[] => {
    const itself = scene?.nodes.find(({ nodeId }) => nodeId === peer)
    return [...(itself === undefined ? [] : tlsPlaceOf(itself)), ...chosenFor(peer).flatMap(tlsPlaceOf)]
  }

  options.own?.listen(onChange)
  const onTls = (): void => {
    resort?.changed()
    options.tls?.onChange()
  }
  const tls = options.tls?.open(onTls)
  const resort =
    tls === undefined || options.tls === undefined
      ? undefined
      : createLastResort({
          ...options.tls,
          client: tls,
          placesFor: tlsPlacesFor,
          all: () => (scene?.nodes ?? []).filter(({ nodeId }) => nodeId !== scene?.self.nodeId).flatMap(tlsPlaceOf),
          hasUdp: (peer) => [...(wanted.get(peer)?.values() ?? [])].some((binding) => binding.endpoint() !== undefined),
          onChange(peer) {
            // The relay takes who comes by TLS for gone from where it was bound: whose UDP works after all binds again at once.
            if (resort?.of(peer).length !== 0) relays.renew(peer)
            onChange(peer)
          },
        })

  const tlsWays = (peer: NodeId): CandidateSources['relays'] => {
    const here = scene === undefined ? undefined : options.own?.local().get(peer)
    const ways = (resort?.of(peer) ?? []).map((one) => ({ ...one, kind: 'tls' as const }))
    if (here === undefined || scene === undefined) return ways
    return [{ via: scene.self.nodeId, endpoint: here, kind: 'tls' }, ...ways]
  }

  const eventsFor = (peer: NodeId, at: Endpoint): RelayEvents => ({
    onProving(endpoint) {
      onChange(peer)
      options.onProving(peer, endpoint)
    },
    onBound(_, observed) {
      onSeenAs(at, observed)
      onChange(peer)
    },
    onLost: () => onChange(peer),
  })

  /** Binds what is newly chosen, keeps what still is, lets go of the rest. */
  const settle = (peer: NodeId, held: Held): Held => {
    const next = new Map<NodeId, Binding>()
    for (const relay of chosenFor(peer)) {
      const at = placeOf(relay)
      if (at === undefined) continue
      const kept = held.get(relay.nodeId)
      next.set(relay.nodeId, kept?.at === at ? kept : client.bind(relay.nodeId, at, peer, eventsFor(peer, at)))
    }
    for (const [relay, binding] of held) if (next.get(relay) !== binding) binding.release()
    return next
  }

  const resettle = (peer: NodeId, held: Held): void => {
    const before = [...held.values()]
    const next = settle(peer, held)
    wanted.set(peer, next)
    const after = [...next.values()]
    if (after.length !== before.length || after.some((binding, i) => binding !== before[i])) onChange(peer)
  }

  const relays: Relays = {
    update(next) {
      scene = next
      offers = (next?.nodes ?? []).filter(({ relay }) => relay !== undefined)
      chosen.clear()
      settleHomes()
      for (const [peer, held] of wanted) resettle(peer, held)
      resort?.look()
    },
    want(peer, want) {
      if (want) options.own?.call(peer)
      resort?.want(peer, want)
      const held = wanted.get(peer)
      if (want && held === undefined) resettle(peer, new Map())
      if (want || held === undefined) return
      wanted.delete(peer)
      for (const binding of held.values()) binding.release()
      onChange(peer)
    },
    renew(peer) {
      for (const binding of wanted.get(peer)?.values() ?? []) binding.renew()
    },
    of(peer) {
      const bound = [...(wanted.get(peer) ?? [])].flatMap(([via, binding]) => {
        const endpoint = binding.place()
        return endpoint === undefined ? [] : [{ via, endpoint }]
      })
      return [...bound, ...tlsWays(peer)]
    },
    sessionAt: (endpoint) => offers.find((relay) => isSession(placeOf(relay), endpoint))?.nodeId,
    findsUs(peer) {
      // A node that names no relays has no path engine: it can't call anybody.
      if (scene?.facts.get(peer)?.fact.relays.length === 0) return false
      if (chosenFor(peer).some(({ nodeId }) => homes.isBound(nodeId))) return true
      return options.tls?.isBlocked() === true && (tls?.joined().length ?? 0) > 0
    },
    receive: (bytes, from) => client.receive(bytes, from),
    networkChanged() {
      client.networkChanged()
      tls?.networkChanged()
    },
    stunPlaces: () =>
      (scene?.nodes ?? []).flatMap((node) => {
        const at = node.nodeId === scene?.self.nodeId ? undefined : placeOf(node)
        if (at === undefined) return []
        const second = formatEndpoint(hostOf(at) as Address, portOf(at) + 1)
        return [at, second].map((endpoint) => ({ relay: node.nodeId, endpoint }))
      }),
    byTls: () => tls?.joined() ?? [],
    look() {
      resort?.look()
      if (scene !== undefined) relays.update(scene)
    },
    close() {
      client.close()
      resort?.close()
    },
  }
  return relays
}
