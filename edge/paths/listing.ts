// What is known of a peer's whereabouts: the list its node's facts make, and the places it was heard from.

import { isIpv6 } from '../../shared/address/endpoint.ts'
import { fairShare } from '../../shared/fair-share.ts'
import { pathCandidatesMax, pathsAskedMax } from '../../shared/limits.ts'
import { isRelayed } from './pacing.ts'
import { currentOf, ensureTrack, ensureTracks, type Pair, standingOf } from './pair.ts'
import type { PathCandidate, PathEvent } from './path.ts'
import { askedCandidate } from './roaming.ts'
import { endpointOf } from './track.ts'
import { begin, forgetAsked, forgive, tryAnew, tryAsked } from './tries.ts'

type Asked = Extract<PathEvent, { readonly type: 'asked' }>

/** Relays come last in a list and must survive its bound: they are what still works when all else is guesswork. */
const RELAYS_KEPT = 4

function bounded(list: readonly PathCandidate[]): readonly PathCandidate[] {
  const unique = [...new Map(list.toReversed().map((one) => [one.endpoint, one])).values()].toReversed()
  if (unique.length <= pathCandidatesMax) return unique
  const relays = unique.filter(({ kind }) => isRelayed(kind)).slice(0, RELAYS_KEPT)
  const others = unique.filter(({ kind }) => !isRelayed(kind))
  const groupOf = ({ endpoint, source }: PathCandidate): string => `${source} ${isIpv6(endpoint)}`
  return [...fairShare(others, groupOf, pathCandidatesMax - relays.length), ...relays]
}

/** Takes the list in, and tries what is new in it if anybody waits. */
export function noteList(pair: Pair, list: readonly PathCandidate[], now: number): void {
  const known = new Set([...pair.list.map(({ endpoint }) => endpoint), ...pair.tracks.keys()])
  pair.list = bounded(list)
  const named = new Map(pair.list.map((one) => [one.endpoint, one]))
  if (pair.inUse !== undefined) pair.inUse = named.get(pair.inUse.endpoint) ?? pair.inUse
  for (const [endpoint, track] of pair.tracks) {
    const one = named.get(endpoint)
    track.candidate = one ?? track.candidate
    track.listed = one !== undefined
    const kept = track.listed || endpoint === pair.inUse?.endpoint || track.candidate.source === 'asked'
    if (!kept) pair.tracks.delete(endpoint)
  }
  forgetAsked(pair, now)
  const news = pair.list.filter(({ endpoint }) => !known.has(endpoint))
  // A relay that is bound anew says nothing about the ways that failed.
  const elsewhere = news.some(({ kind }) => !isRelayed(kind))
  if (elsewhere) forgive(pair)
  if (pair.inUse !== undefined && standingOf(pair, now) === 'silent' && !named.has(pair.inUse.endpoint)) {
    const current = currentOf(pair)
    if (current === undefined || !Number.isFinite(current.lastAnswerAt)) pair.inUse = undefined
  }
  if (pair.resting) return
  ensureTracks(pair)
  for (const { endpoint } of news) {
    const track = pair.tracks.get(endpoint)
    if (track !== undefined) begin(pair, track, now)
  }
  // A peer that is known elsewhere now may have opened the others to us, too.
  if (elsewhere) tryAnew(pair, now)
}

/** The peer's probe came from there. */
export function noteAsked(pair: Pair, place: Asked, now: number): void {
  const { endpoint } = place
  const known = pair.tracks.get(endpoint)
  if (known === undefined && pair.list.some((one) => one.endpoint === endpoint)) return
  if (known === undefined) makeRoom(pair, now)
  const track = known ?? ensureTrack(pair, askedCandidate(place))
  track.askedAt = now
  if (!pair.resting) tryAsked(pair, track, now)
}

function makeRoom(pair: Pair, now: number): void {
  forgetAsked(pair, now)
  const asked = [...pair.tracks.values()].filter((track) => !track.listed && endpointOf(track) !== pair.inUse?.endpoint)
  if (asked.length < pathsAskedMax) return
  const oldest = asked.reduce((a, b) => (b.askedAt < a.askedAt ? b : a))
  pair.tracks.delete(endpointOf(oldest))
}
