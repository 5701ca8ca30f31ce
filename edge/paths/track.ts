// One candidate under watch: what was sent to it, what came back, and what follows for its state.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { pathFlightsMax } from '../../shared/limits.ts'
import { FIRST_PATIENCE_MS, type Pacing, TRY_GAPS_MS, VALID_ANSWERS } from './pacing.ts'
import type { PathCandidate } from './path.ts'
import { missesToDie, newRoundTrip, noteLoss, noteRtt, patienceMs, type RoundTrip } from './round-trip.ts'

interface Flight {
  readonly probe: number
  readonly sentAt: number
  missed: boolean
}

export interface Track {
  candidate: PathCandidate
  /** Its node's facts name it; otherwise it is known only because the peer was heard from there. */
  listed: boolean
  askedAt: number
  phase: 'untried' | 'probing' | 'valid' | 'failed'
  /** Works, but enough better ones are kept ready. */
  setAside: boolean
  /** Since the last silence, up to VALID_ANSWERS. */
  answers: number
  /** Misses in a row after the newest answer. */
  misses: number
  /** The next try of the round; TRY_GAPS_MS.length when all are made. */
  step: number
  nextTryAt: number
  /** A burst is wanted until an answer comes. */
  doubted: boolean
  /** When the first probe was sent that remained without an answer; Infinity while all is well. */
  silentSince: number
  lastSentAt: number
  lastAnswerAt: number
  /** When the newest answered probe was sent. */
  answeredSentAt: number
  validAt: number
  readonly trip: RoundTrip
  /** Answers in a row by which it was clearly faster than the path in use. */
  faster: number
  heldUntil: number
  holdMs: number
  /** Share of the interval that the next probe comes early. */
  early: number
  flights: Flight[]
}

const NEVER = Number.NEGATIVE_INFINITY

export function newTrack(candidate: PathCandidate, listed: boolean): Track {
  return {
    candidate,
    listed,
    askedAt: NEVER,
    phase: 'untried',
    setAside: false,
    answers: 0,
    misses: 0,
    step: TRY_GAPS_MS.length,
    nextTryAt: 0,
    doubted: false,
    silentSince: Number.POSITIVE_INFINITY,
    lastSentAt: NEVER,
    lastAnswerAt: NEVER,
    answeredSentAt: NEVER,
    validAt: NEVER,
    trip: newRoundTrip(),
    faster: 0,
    heldUntil: NEVER,
    holdMs: 0,
    early: 0,
    flights: [],
  }
}

export function endpointOf(track: Track): Endpoint {
  return track.candidate.endpoint
}

/** Begins a round of tries; `step` 1 leaves out the one that only opens the own NAT. */
export function startTries(track: Track, now: number, step = 0): void {
  track.phase = 'probing'
  track.setAside = false
  track.answers = 0
  track.misses = 0
  track.silentSince = Number.POSITIVE_INFINITY
  track.step = step
  track.nextTryAt = now
  track.doubted = false
}

/** No more probes until somebody starts it again; what was measured stays. */
export function rest(track: Track, phase: 'untried' | 'valid'): void {
  track.phase = phase
  if (phase === 'untried') track.answers = 0
  track.misses = 0
  track.step = TRY_GAPS_MS.length
  track.doubted = false
  track.silentSince = Number.POSITIVE_INFINITY
  track.flights = []
}

export function noteSent(track: Track, probe: number, now: number, early: number): void {
  track.lastSentAt = now
  track.early = early
  track.flights.push({ probe, sentAt: now, missed: false })
  if (track.flights.length > pathFlightsMax) track.flights.shift()
  if (track.step < TRY_GAPS_MS.length && track.answers === 0) {
    track.step += 1
    track.nextTryAt = now + (TRY_GAPS_MS[track.step] ?? 0)
  }
}

/** Takes an answer in; false if the probe is unknown, or answered before. */
export function noteAnswer(track: Track, probe: number, rttMs: number, now: number): boolean {
  const index = track.flights.findIndex((flight) => flight.probe === probe)
  const flight = track.flights[index]
  if (flight === undefined) return false
  track.flights.splice(index, 1)
  // An answer that is merely late is no loss.
  if (flight.missed && flight.sentAt > track.answeredSentAt) track.misses -= 1
  for (; track.misses > 0; track.misses -= 1) noteLoss(track.trip, true)
  noteLoss(track.trip, false)
  noteRtt(track.trip, Math.max(0, rttMs))
  track.misses = 0
  track.doubted = false
  track.silentSince = Number.POSITIVE_INFINITY
  track.lastAnswerAt = now
  track.answeredSentAt = Math.max(track.answeredSentAt, flight.sentAt)
  track.step = TRY_GAPS_MS.length
  track.answers = Math.min(VALID_ANSWERS, track.answers + 1)
  if (track.answers < VALID_ANSWERS) track.phase = 'probing'
  else if (track.phase !== 'valid') {
    track.phase = 'valid'
    track.validAt = now
  }
  return true
}

/** When the oldest probe newer than the newest answer is overdue; Infinity if none is out. */
export function overdueAt(track: Track, pacing: Pacing): number {
  const flight = track.flights.find(({ sentAt }) => sentAt > track.answeredSentAt)
  return flight === undefined ? Number.POSITIVE_INFINITY : flight.sentAt + patienceMs(track.trip, pacing.floorMs)
}

function missAfterMs(track: Track, pacing: Pacing): number {
  return patienceMs(track.trip, pacing.floorMs) + pacing.floorMs
}

/** Least distance of two probes: more than can be awaited would push each other out, and none would ever be missed. */
export function gapMs(track: Track, pacing: Pacing): number {
  return Math.max(pacing.floorMs, missAfterMs(track, pacing) / (pathFlightsMax - 1))
}

/** When the next probe in flight is to be given up. */
export function missAt(track: Track, pacing: Pacing): number {
  const flight = track.flights.find(({ missed }) => !missed)
  return flight === undefined ? Number.POSITIVE_INFINITY : flight.sentAt + missAfterMs(track, pacing)
}

/** Gives up probes that waited too long. True if the candidate failed by that. */
export function expire(track: Track, pacing: Pacing, now: number): boolean {
  const after = missAfterMs(track, pacing)
  for (const flight of track.flights) {
    if (flight.missed || now < flight.sentAt + after) continue
    flight.missed = true
    if (flight.sentAt <= track.answeredSentAt) noteLoss(track.trip, true)
    else {
      if (track.misses === 0) track.silentSince = Math.min(track.silentSince, flight.sentAt)
      track.misses += 1
    }
  }
  if (track.phase !== 'probing' && track.phase !== 'valid') return false
  const failed = track.answers > 0 ? track.misses >= missesToDie(track.trip) : triedAll(track, now)
  if (failed) fail(track)
  return failed
}

function triedAll(track: Track, now: number): boolean {
  return now >= triesEndAt(track)
}

/** When the last try of a round is given up; Infinity while tries are left or it answers. */
export function triesEndAt(track: Track): number {
  const over = track.phase === 'probing' && track.answers === 0 && track.step >= TRY_GAPS_MS.length
  return over ? track.lastSentAt + FIRST_PATIENCE_MS : Number.POSITIVE_INFINITY
}

function fail(track: Track): void {
  track.phase = 'failed'
  track.answers = 0
  track.faster = 0
  track.step = TRY_GAPS_MS.length
  track.doubted = false
}

/** It answered, and less than it should of late. */
export function isSuspect(track: Track, pacing: Pacing, now: number): boolean {
  return track.doubted || track.misses > 0 || now >= overdueAt(track, pacing)
}

/** True while it is tried and has not answered. */
export function isTrying(track: Track): boolean {
  return track.phase === 'probing' && track.answers === 0
}
