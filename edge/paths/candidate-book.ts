// The candidates of every peer, worked out anew only when something they follow from has changed, and told only when the
// list is another one.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { PeerEntry } from '../report/peers.ts'
import { gatherCandidates, isOnLink, leadsOut } from './candidates.ts'
import type { EndpointInput } from './endpoint-book.ts'
import type { Names } from './names.ts'
import type { PathCandidate, Place } from './path.ts'
import type { Relays } from './relays.ts'

/** Endpoints other nodes report of one peer: a NAT that maps by destination shows a new one to each. */
const SEEN_BY_OTHERS_MAX = 8

/** Places at relays remembered for each peer: two relays by UDP and TLS, and as many from before. */
const VIAS_PER_PEER_MAX = 8

/** Endpoints that are known to be on a link, or not: those of all peers; more come from strangers. */
const ON_LINK_MAX = 4_096

/** What nodes say in their facts about where others come from. */
function seenByOthers(facts: EndpointInput['facts']): ReadonlyMap<NodeId, readonly Endpoint[]> {
  const seen = new Map<NodeId, Endpoint[]>()
  for (const { fact } of facts.values()) {
    for (const { endpoint, node } of fact.observed) {
      const known = seen.get(node)
      if (known === undefined) seen.set(node, [endpoint])
      else if (known.length < SEEN_BY_OTHERS_MAX && !known.includes(endpoint)) known.push(endpoint)
    }
  }
  return seen
}

export interface CandidateBook {
  /** True if anything that candidates follow from has changed. */
  update(input: EndpointInput): boolean
  /** The list of a peer if it is another one than told before. */
  news(entry: PeerEntry): readonly PathCandidate[] | undefined
  /** The next `news` of the peer looks again. */
  touch(node: NodeId): void
  /** Not this host, and not inside the mesh. */
  leadsOut(endpoint: Endpoint): boolean
  /** On the link of a physical interface of this host. */
  isLocal(endpoint: Endpoint): boolean
  /** The relay behind an endpoint. */
  viaOf(endpoint: Endpoint): NodeId | undefined
  /** What is known of where a peer is heard, which may be by a relay before this node has bound anything there. */
  place(endpoint: Endpoint): Place
}

export function createCandidateBook(
  names: Names,
  relays: Pick<Relays, 'of' | 'sessionAt'> = { of: () => [], sessionAt: () => undefined },
): CandidateBook {
  const told = new Map<NodeId, { round: number; readonly text: string }>()
  const vias = new Map<Endpoint, NodeId>()
  /** Arithmetic on addresses is most of a turn in which nothing happened: done once for as long as the own links stay. */
  const onLink = new Map<Endpoint, boolean>()
  let input: EndpointInput | undefined
  let seen: ReadonlyMap<NodeId, readonly Endpoint[]> = new Map()
  let round = 0
  let namesRevision = -1

  /** Session ports stay the relay's when they are let go, and WireGuard may point at one for a while yet. */
  const noteVia = (endpoint: Endpoint, via: NodeId): void => {
    vias.delete(endpoint)
    vias.set(endpoint, via)
    const [oldest] = vias.keys()
    if (vias.size > VIAS_PER_PEER_MAX * (told.size + 1) && oldest !== undefined) vias.delete(oldest)
  }

  const viaOf = (endpoint: Endpoint): NodeId | undefined => vias.get(endpoint) ?? relays.sessionAt(endpoint)

  const isLocal = (endpoint: Endpoint): boolean => {
    if (input === undefined) return false
    const known = onLink.get(endpoint)
    if (known !== undefined) return known
    const found = isOnLink(endpoint, input.local)
    if (onLink.size >= ON_LINK_MAX) onLink.clear()
    onLink.set(endpoint, found)
    return found
  }

  return {
    update(next) {
      if (input?.key === next.key && names.revision() === namesRevision) {
        input = next
        return false
      }
      input = next
      namesRevision = names.revision()
      round += 1
      onLink.clear()
      seen = seenByOthers(next.facts)
      const present = new Set(next.entries.map(({ member }) => member.nodeId))
      for (const node of told.keys()) if (!present.has(node)) told.delete(node)
      names.keepOnly(new Set(next.entries.flatMap(({ member }) => member.publicEndpoint ?? [])))
      return true
    },
    news(entry) {
      const { nodeId, publicEndpoint } = entry.member
      // Asks again in time; what comes of it is taken up with the next turn.
      const resolved = publicEndpoint === undefined ? undefined : names.resolve(publicEndpoint)
      const known = told.get(nodeId)
      if (input === undefined || known?.round === round) return undefined
      const list = gatherCandidates({
        facts: input.facts.get(nodeId)?.fact.candidates ?? [],
        near: input.near?.get(nodeId)?.endpoints ?? [],
        observed: seen.get(nodeId) ?? [],
        publicEndpoint: resolved,
        lastGood: entry.lastGood,
        relays: relays.of(nodeId),
        viaOf,
        local: input.local,
        mesh: input.mesh,
      })
      for (const { endpoint, via } of list) if (via !== undefined) noteVia(endpoint, via)
      const text = list.map(({ endpoint, kind }) => `${endpoint} ${kind}`).join()
      told.set(nodeId, { round, text })
      return known?.text === text ? undefined : list
    },
    touch(node) {
      const known = told.get(node)
      if (known !== undefined) known.round = -1
    },
    leadsOut: (endpoint) => input !== undefined && leadsOut(endpoint, input),
    isLocal,
    viaOf,
    place(endpoint) {
      const via = viaOf(endpoint)
      return via === undefined ? { endpoint, onLink: isLocal(endpoint) } : { endpoint, via }
    },
  }
}
