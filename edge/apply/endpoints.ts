// Where each peer is looked for now: the choice of endpoint-choice.ts, with its memory, for the whole list of peers.
// A peer that answers costs a comparison; candidates are gathered only for those that are searched.

import type { Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import { gatherCandidates } from '../paths/candidates.ts'
import { chooseEndpoint, isAlive, type Search } from '../plan/endpoint-choice.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { PeerEntry } from '../report/peers.ts'
import type { HeldFact } from '../store/store.ts'
import type { Names } from './names.ts'

/** Endpoints other nodes report of one peer: a NAT that maps by destination shows a new one to each. */
const SEEN_BY_OTHERS_MAX = 8

export interface EndpointInput {
  readonly entries: readonly PeerEntry[]
  readonly facts: ReadonlyMap<NodeId, HeldFact>
  readonly local: readonly LocalAddress[]
  readonly mesh: readonly Cidr[]
  /** Changes whenever any of the above but counters and handshakes changes. */
  readonly key: string
}

export interface EndpointBook {
  readonly chosen: ReadonlyMap<NodeId, Endpoint>
  /** Rises when `chosen` changes. */
  revision(): number
  update(input: EndpointInput): void
}

/** After so many turns the peer is most likely switched off. */
const EAGER_TURNS = 40
/** Each later turn lasts long enough for the other end, which is as slow, to try the same pair of endpoints. */
const TIRED_MS = 60_000

function isTired(search: Search | undefined, monotonic: number): boolean {
  return search !== undefined && search.turn >= EAGER_TURNS && monotonic - search.turnedAt < TIRED_MS
}

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

export function createEndpointBook(clock: Clock, names: Names): EndpointBook {
  const chosen = new Map<NodeId, Endpoint>()
  const searches = new Map<NodeId, Search>()
  /** Of peers that are searched, with the key of the input they were gathered from. */
  const candidates = new Map<NodeId, { readonly key: number; readonly list: readonly Endpoint[] }>()
  let seen: ReadonlyMap<NodeId, readonly Endpoint[]> = new Map()
  let key = ''
  let round = 0
  let namesRevision = 0
  let revision = 0

  const forget = (node: NodeId): void => {
    searches.delete(node)
    candidates.delete(node)
  }

  const renew = (input: EndpointInput): void => {
    key = input.key
    namesRevision = names.revision()
    round += 1
    seen = seenByOthers(input.facts)
    const present = new Set(input.entries.map((entry) => entry.member.nodeId))
    for (const node of searches.keys()) if (!present.has(node)) forget(node)
    for (const node of chosen.keys()) {
      if (present.has(node)) continue
      chosen.delete(node)
      revision += 1
    }
    names.keepOnly(new Set(input.entries.flatMap(({ member }) => member.publicEndpoint ?? [])))
  }

  const candidatesOf = (entry: PeerEntry, input: EndpointInput): readonly Endpoint[] => {
    const { member } = entry
    const known = candidates.get(member.nodeId)
    if (known?.key === round) return known.list
    const found = gatherCandidates({
      facts: input.facts.get(member.nodeId)?.fact.candidates ?? [],
      observed: seen.get(member.nodeId) ?? [],
      publicEndpoint: member.publicEndpoint === undefined ? undefined : names.resolve(member.publicEndpoint),
      lastGood: entry.lastGood,
      relays: [],
      local: input.local,
      mesh: input.mesh,
    })
    const list = found.map(({ endpoint }) => endpoint)
    candidates.set(member.nodeId, { key: round, list })
    // Something new to try: the search begins anew, at full speed.
    const news = known !== undefined && known.list.join() !== list.join()
    if (news) searches.delete(member.nodeId)
    return list
  }

  const settle = (node: NodeId, endpoint: Endpoint | undefined): void => {
    if (chosen.get(node) === endpoint) return
    if (endpoint === undefined) chosen.delete(node)
    else chosen.set(node, endpoint)
    revision += 1
  }

  return {
    chosen,
    revision: () => revision,
    update(input) {
      if (input.key !== key || names.revision() !== namesRevision) renew(input)
      const now = clock.now()
      const monotonic = clock.monotonic()
      for (const entry of input.entries) {
        const { nodeId } = entry.member
        const before = searches.get(nodeId)
        if (before === undefined && isAlive(entry.handshakeAt, now)) continue
        // Asks again in time; what comes of it is taken up with the next turn.
        if (entry.member.publicEndpoint !== undefined) names.resolve(entry.member.publicEndpoint)
        const list = candidatesOf(entry, input)
        const search = searches.get(nodeId)
        if (isTired(search, monotonic) && !isAlive(entry.handshakeAt, now)) continue
        const { endpoint, handshakeAt } = entry
        const observed = { handshakeAt, ...(endpoint === undefined ? {} : { endpoint }) }
        const choice = chooseEndpoint({ candidates: list, observed, search, now, monotonic })
        if (choice.search === undefined) forget(nodeId)
        else searches.set(nodeId, choice.search)
        settle(nodeId, choice.endpoint)
      }
    },
  }
}
