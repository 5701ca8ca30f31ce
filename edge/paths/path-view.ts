// The paths to one peer in words for people: what is the case, why, and what happens next.

import { isCurrent } from './choice.ts'
import { VALID_ANSWERS } from './pacing.ts'
import { currentOf, isAwake, type Pair, standingOf } from './pair.ts'
import type { CandidateState, CandidateView, PathView } from './path.ts'
import { lossWith } from './round-trip.ts'
import { endpointOf, isTrying, newTrack, type Track } from './track.ts'
import { isHeld } from './tries.ts'

/** "40 s", "3 min", "2 h": as precise as anybody needs. */
function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 120) return `${seconds} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

function probes(count: number): string {
  return count === 1 ? '1 probe' : `${count} probes`
}

export function viewOf(pair: Pair, now: number): PathView {
  const tracked = [...pair.tracks.values()]
  const named = new Set(pair.list.map(({ endpoint }) => endpoint))
  const listed = pair.list.map((one) => pair.tracks.get(one.endpoint) ?? newTrack(one, true))
  const others = tracked.filter((track) => !named.has(endpointOf(track)))
  const left = pair.inUse !== undefined && !named.has(pair.inUse.endpoint) && currentOf(pair) === undefined
  const all = [...listed, ...others, ...(left && pair.inUse !== undefined ? [newTrack(pair.inUse, false)] : [])]
  return {
    mode: isAwake(pair, now) ? pair.pace : 'idle',
    decides: pair.decides,
    ...(pair.inUse === undefined ? {} : { inUse: pair.inUse }),
    candidates: all.map((track) => candidateView(pair, track, now)),
    history: [...pair.history],
  }
}

function candidateView(pair: Pair, track: Track, now: number): CandidateView {
  const { rttMs } = track.trip
  const held = isHeld(track, now)
  const state: CandidateState = held ? 'held-down' : track.phase
  return {
    ...track.candidate,
    state,
    inUse: isCurrent(pair, track),
    ...(rttMs < 0 ? {} : { rttMs, loss: lossWith(track.trip, track.misses) }),
    ...(Number.isFinite(track.lastAnswerAt) ? { lastAnswerAt: track.lastAnswerAt } : {}),
    ...(Number.isFinite(track.lastSentAt) ? { lastProbeAt: track.lastSentAt } : {}),
    ...(held ? { heldUntil: track.heldUntil } : {}),
    reason: reasonOf(pair, track, now),
  }
}

function reasonOf(pair: Pair, track: Track, now: number): string {
  const current = isCurrent(pair, track)
  if (isHeld(track, now)) {
    return `failed while in use; not used again for ${span(track.heldUntil - now)} unless nothing else works`
  }
  if (current && standingOf(pair, now) === 'unmeasured') {
    return `works by WireGuard's own handshake ${span(now - pair.handshakeAt)} ago; answers no probes, so not measured`
  }
  if (current && pair.deadSince < Number.POSITIVE_INFINITY) {
    return `silent for ${span(now - pair.deadSince)}; stays in use because nothing else answers`
  }
  switch (track.phase) {
    case 'untried':
      return untried(pair, track, current)
    case 'probing':
      if (isTrying(track))
        return track.misses + track.flights.length > 0 ? 'tried just now, no answer yet' : 'to be tried'
      return `answered ${track.answers} of the ${VALID_ANSWERS} times that prove it`
    case 'valid':
      return valid(pair, track, current, now)
    case 'failed':
      return `no answer to ${probes(track.misses)}; ${next(pair, now)}`
  }
}

function untried(pair: Pair, track: Track, current: boolean): string {
  if (current && !pair.resting) return 'WireGuard is pointed at it, because nothing answers that is known to be better'
  if (track.setAside) return 'works, but better ones are kept ready'
  return pair.resting ? 'not tried while no payload flows' : 'not tried: a better path works'
}

function valid(pair: Pair, track: Track, current: boolean, now: number): string {
  const rtt = `${Math.max(1, Math.round(track.trip.rttMs))} ms`
  if (pair.resting)
    return `answered in ${rtt} ${span(now - track.lastAnswerAt)} ago; not checked while no payload flows`
  if (track.misses > 0)
    return `last answered ${span(now - track.lastAnswerAt)} ago; no answer to ${probes(track.misses)} since`
  return current ? `in use, answers in ${rtt}` : `kept ready, answers in ${rtt}`
}

function next(pair: Pair, now: number): string {
  if (pair.resting) return 'not tried again while no payload flows'
  if (pair.retryAt < Number.POSITIVE_INFINITY) return `tried again in ${span(pair.retryAt - now)}`
  return 'not tried again: a better path works'
}
