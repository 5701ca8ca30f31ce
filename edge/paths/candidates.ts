// Where a peer may answer, from everything that is known of it, in the order of trying. Pure.

import { type Cidr, contains, hostCidr, parseAddress } from '../../shared/address/cidr.ts'
import { type Endpoint, hostOf, isLoopback } from '../../shared/address/endpoint.ts'
import type { Candidate } from '../../shared/fact/fact.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { PathCandidate } from './path.ts'

export interface CandidateSources {
  /** The peer's own word. */
  readonly facts: readonly Candidate[]
  /** Where the peer is on this LAN; it was just heard there. */
  readonly near?: readonly Endpoint[]
  /** What other nodes see the peer come from. */
  readonly observed: readonly Endpoint[]
  /** The configured public endpoint, resolved. */
  readonly publicEndpoint: Endpoint | undefined
  readonly lastGood: Endpoint | undefined
  /** Session ports at relays that are bound for this pair, best first; `relay` where no kind is given. */
  readonly relays: readonly {
    readonly via: NodeId
    readonly endpoint: Endpoint
    readonly kind?: 'relay' | 'tls'
  }[]
  /** The relay whose session port that is. */
  readonly viaOf: (endpoint: Endpoint) => NodeId | undefined
  readonly local: readonly LocalAddress[]
  /** Blocks of the mesh: an endpoint inside would tunnel through the tunnel. */
  readonly mesh: readonly Cidr[]
}

/** True for addresses on the link of a physical interface of this host. */
export function isOnLink(endpoint: Endpoint, local: readonly LocalAddress[]): boolean {
  const host = hostCidr(parseAddress(hostOf(endpoint)))
  return local.some(({ cidr, physical }) => physical && contains(cidr, host))
}

/** False for places that are this host, or inside the mesh: a tunnel through the tunnel. */
export function leadsOut(endpoint: Endpoint, { local, mesh }: Pick<CandidateSources, 'local' | 'mesh'>): boolean {
  const host = parseAddress(hostOf(endpoint))
  if (isLoopback(endpoint) || local.some(({ address }) => address === host)) return false
  return !mesh.some((block) => contains(block, hostCidr(host)))
}

/** Heard on this LAN, LAN on a shared subnet, last that worked, public, port-mapped, mapped, other LAN addresses, relays. */
export function gatherCandidates(sources: CandidateSources): readonly PathCandidate[] {
  const { facts, lastGood, local, near = [], observed, publicEndpoint, relays, viaOf } = sources
  const place = (source: PathCandidate['source'], endpoint: Endpoint): PathCandidate => {
    const via = source === 'last-good' ? viaOf(endpoint) : undefined
    if (via !== undefined) return { endpoint, kind: 'relay', source, via }
    return { endpoint, kind: isOnLink(endpoint, local) ? 'lan' : 'direct', source }
  }
  const told = (kind: Candidate['kind']): readonly PathCandidate[] =>
    facts.filter((one) => one.kind === kind).map((one) => place(kind, one.endpoint))
  const lan = told('lan')
  const ordered: readonly PathCandidate[] = [
    ...near.map((endpoint) => place('lan', endpoint)),
    ...lan.filter(({ kind }) => kind === 'lan'),
    ...(lastGood === undefined ? [] : [place('last-good', lastGood)]),
    ...(publicEndpoint === undefined ? [] : [place('public', publicEndpoint)]),
    ...told('public'),
    ...told('portmap'),
    // Where others see the peer by a relay, nobody else finds it.
    ...observed.filter((endpoint) => viaOf(endpoint) === undefined).map((endpoint) => place('observed', endpoint)),
    ...told('mapped'),
    ...lan.filter(({ kind }) => kind !== 'lan'),
    ...relays.map(({ endpoint, kind = 'relay', via }) => ({ endpoint, kind, source: 'relay', via }) as const),
  ]
  const found = new Map<Endpoint, PathCandidate>()
  // A session port of a relay may have been the last good endpoint: it goes by what it is.
  for (const one of ordered) if (!found.has(one.endpoint) || one.source === 'relay') found.set(one.endpoint, one)
  return [...found.values()].filter(({ endpoint, kind }) => {
    // Loopback is where this host keeps its ways by TLS; an earlier run's, or what a peer calls so, leads nowhere.
    return isLoopback(endpoint) ? kind === 'tls' : leadsOut(endpoint, sources)
  })
}
