// Paths that are kept ready beside the one in use: at most two, and of two kinds of fate where possible, because all ways
// without a relay tend to die together.

import { pathStandbysMax } from '../../shared/limits.ts'
import { compareKinds, isRelayed } from './pacing.ts'
import { type Pair, standingOf } from './pair.ts'
import { endpointOf, rest, type Track } from './track.ts'
import { isHeld } from './tries.ts'

/** The better kind first, then the quicker, then the one named first. */
function compareTracks(a: Track, b: Track): number {
  return compareKinds(a.candidate.kind, b.candidate.kind) || a.trip.rttMs - b.trip.rttMs
}

/** Valid paths other than the one in use, best first. */
export function readyTracks(pair: Pair): readonly Track[] {
  const ready: Track[] = []
  for (const track of pair.tracks.values()) {
    if (track.phase === 'valid' && endpointOf(track) !== pair.inUse?.endpoint) ready.push(track)
  }
  return ready.length > 1 ? ready.sort(compareTracks) : ready
}

/** Lets go of what needs no keeping. While nothing works, everything that answers is kept. */
export function setAsideRest(pair: Pair, now: number): void {
  if (standingOf(pair, now) !== 'works') return
  const ready = readyTracks(pair)
  const usable = ready.filter((track) => !isHeld(track, now))
  for (const track of ready) if (isHeld(track, now)) rest(track, 'untried')
  const [first] = usable
  if (first === undefined || usable.length <= pathStandbysMax) return
  const other = usable.find(({ candidate }) => isRelayed(candidate.kind) !== isRelayed(first.candidate.kind))
  const kept = new Set([first, other ?? usable[1]])
  for (const track of usable) {
    if (kept.has(track)) continue
    rest(track, 'untried')
    track.setAside = true
  }
}
