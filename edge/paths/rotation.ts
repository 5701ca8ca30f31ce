// Where each peer is looked for now on a host that can't share WireGuard's port: the choice of endpoint-choice.ts, with its
// memory, for the whole list of peers. A peer that answers costs a comparison; candidates are gathered only for those
// that are searched.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { PeerEntry } from '../report/peers.ts'
import { createCandidateBook } from './candidate-book.ts'
import type { EndpointBook, EndpointInput } from './endpoint-book.ts'
import { chooseEndpoint, isAlive, type Search } from './endpoint-choice.ts'
import type { Names } from './names.ts'

/** After so many turns the peer is most likely switched off. */
const EAGER_TURNS = 40
/** Each later turn lasts long enough for the other end, which is as slow, to try the same pair of endpoints. */
const TIRED_MS = 60_000

function isTired(search: Search | undefined, monotonic: number): boolean {
  return search !== undefined && search.turn >= EAGER_TURNS && monotonic - search.turnedAt < TIRED_MS
}

export function createRotation(clock: Clock, names: Names): EndpointBook {
  const chosen = new Map<NodeId, Endpoint>()
  const searches = new Map<NodeId, Search>()
  const book = createCandidateBook(names)
  /** Of peers that were searched. */
  const candidates = new Map<NodeId, readonly Endpoint[]>()
  let revision = 0

  const forgetStrangers = (entries: EndpointInput['entries']): void => {
    const present = new Set(entries.map((entry) => entry.member.nodeId))
    for (const node of candidates.keys()) if (!present.has(node)) candidates.delete(node)
    for (const node of searches.keys()) if (!present.has(node)) searches.delete(node)
    for (const node of chosen.keys()) {
      if (present.has(node)) continue
      chosen.delete(node)
      revision += 1
    }
  }

  const candidatesOf = (entry: PeerEntry): readonly Endpoint[] => {
    const { nodeId } = entry.member
    const known = candidates.get(nodeId)
    const news = book.news(entry)?.map(({ endpoint }) => endpoint)
    if (news === undefined) return known ?? []
    candidates.set(nodeId, news)
    // Something new to try: the search begins anew, at full speed.
    if (known !== undefined) searches.delete(nodeId)
    return news
  }

  const settle = (node: NodeId, endpoint: Endpoint | undefined): void => {
    if (chosen.get(node) === endpoint) return
    if (endpoint === undefined) chosen.delete(node)
    else chosen.set(node, endpoint)
    revision += 1
  }

  return {
    chosen,
    isQuiet: () => false,
    revision: () => revision,
    update(input) {
      if (book.update(input)) forgetStrangers(input.entries)
      const now = clock.now()
      const monotonic = clock.monotonic()
      for (const entry of input.entries) {
        const { nodeId } = entry.member
        const before = searches.get(nodeId)
        if (before === undefined && isAlive(entry.handshakeAt, now)) continue
        const list = candidatesOf(entry)
        const search = searches.get(nodeId)
        if (isTired(search, monotonic) && !isAlive(entry.handshakeAt, now)) continue
        const { endpoint, handshakeAt } = entry
        const observed = { handshakeAt, ...(endpoint === undefined ? {} : { endpoint }) }
        const choice = chooseEndpoint({ candidates: list, observed, search, now, monotonic })
        if (choice.search === undefined) searches.delete(nodeId)
        else searches.set(nodeId, choice.search)
        settle(nodeId, choice.endpoint)
      }
    },
  }
}
