// All that is remembered of the paths to one peer. A peer without payload costs this object and little more: tracks are made
// when there is something to probe, and dropped when it falls idle.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { pathHistoryMax } from '../../shared/limits.ts'
import {
  ALIVE_MS,
  FIRST_ROUND_MS,
  IDLE_METERED_MS,
  IDLE_MS,
  LOOK_MS,
  type Pacing,
  pacings,
  SESSION_MS,
  SESSION_YOUNG_MS,
  YIELD_MS,
} from './pacing.ts'
import type { Pace, PathAction, PathCandidate, Place } from './path.ts'
import { newTrack, type Track } from './track.ts'

export interface PeerPathsOptions {
  /** This end decides which path the pair uses. */
  readonly decides: boolean
  readonly pace: Pace
  /** Each byte is paid for. */
  readonly metered: boolean
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number
  /** Monotonic milliseconds. */
  readonly startedAt: number
  /** WireGuard waits where its first word is noticed, because it knows no place of the peer. */
  readonly parked?: boolean
}

export interface Pair {
  readonly decides: boolean
  readonly random: () => number
  pace: Pace
  metered: boolean
  /** As told, bounded; tracks may not exist yet. */
  list: readonly PathCandidate[]
  /** In order of the list, those only asked from behind. */
  tracks: Map<Endpoint, Track>
  inUse: PathCandidate | undefined
  /** What WireGuard holds as far as we know. */
  wireguardAt: Endpoint | undefined
  /** Where the peer last came from by itself, and what place that is. */
  roamedTo: Place | undefined
  /** From then on WireGuard may try places by chance: it has had time to be told of one that answers. */
  readonly guessFrom: number
  usedAt: number
  /** Nothing is probed, nothing but the path in use and what is held against others is remembered. */
  resting: boolean
  /** WireGuard may be pointed where its next word is noticed, and not at the path in use. */
  parked: boolean
  /** Somebody waits for this pair to work, as against a look at a new peer. */
  payload: boolean
  /** It is this end's payload that waits or flows; otherwise only the peer has called. */
  ownPayload: boolean
  /** The peer that called has had its time to shake hands; Infinity if nothing is owed. */
  nudgeAt: number
  awakeUntil: number
  /** Newest authenticated word of the peer by any way. */
  lifeAt: number
  handshakeAt: number
  /** Handshakes alone: WireGuard's session is as old. */
  sessionAt: number
  /** When the path in use fell silent; Infinity while it answers or never did. */
  deadSince: number
  /** When that was certain. */
  diedAt: number
  /** Until then a path that fell silent long ago, with all others, may answer before another is used. */
  chanceUntil: number
  /** Round of tries of everything, because the path in use is dead. */
  searchedAt: number
  retryAt: number
  retryMs: number
  /** Own links or addresses changed; what was proven before was proven by another way out. */
  changedAt: number
  calledAt: number
  callAt: number
  callWanted: boolean
  insisted: number[]
  tryTimes: number[]
  probeTimes: number[]
  nextProbe: number
  relaysWanted: boolean
  relaysUntil: number
  graceUntil: number
  lastAt: number
  dueAt: number
  history: { readonly at: number; readonly what: string }[]
}

const NEVER = Number.NEGATIVE_INFINITY

export function newPair({ decides, metered, pace, parked = false, random, startedAt }: PeerPathsOptions): Pair {
  return {
    decides,
    random,
    pace,
    metered,
    list: [],
    tracks: new Map(),
    inUse: undefined,
    wireguardAt: undefined,
    roamedTo: undefined,
    guessFrom: parked ? startedAt + FIRST_ROUND_MS : NEVER,
    usedAt: NEVER,
    resting: true,
    parked,
    payload: false,
    ownPayload: false,
    nudgeAt: Number.POSITIVE_INFINITY,
    awakeUntil: startedAt + LOOK_MS,
    lifeAt: NEVER,
    handshakeAt: NEVER,
    sessionAt: NEVER,
    deadSince: Number.POSITIVE_INFINITY,
    diedAt: Number.POSITIVE_INFINITY,
    chanceUntil: Number.POSITIVE_INFINITY,
    searchedAt: NEVER,
    retryAt: Number.POSITIVE_INFINITY,
    retryMs: 0,
    changedAt: NEVER,
    calledAt: NEVER,
    callAt: NEVER,
    callWanted: false,
    insisted: [],
    tryTimes: [],
    probeTimes: [],
    nextProbe: 1,
    relaysWanted: false,
    relaysUntil: NEVER,
    graceUntil: NEVER,
    lastAt: startedAt,
    dueAt: startedAt + LOOK_MS,
    history: [],
  }
}

export function pacingOf(pair: Pair): Pacing {
  return pacings[pair.pace]
}

export function idleAfterMs(pair: Pair): number {
  return pair.metered ? IDLE_METERED_MS : IDLE_MS
}

/** When WireGuard's session is over, if there is none newer. */
export function sessionEndsAt(pair: Pair): number {
  return pair.sessionAt + SESSION_MS
}

/**
 * A session that lives is kept company to its end, because its packets say nothing of whom they are for; not for ever where the
 * peer keeps it alive.
 */
export function sleepsAt(pair: Pair): number {
  return Math.max(pair.awakeUntil, Math.min(sessionEndsAt(pair), pair.awakeUntil + SESSION_MS))
}

export function isAwake(pair: Pair, now: number): boolean {
  return now < sleepsAt(pair)
}

/** WireGuard's own keepalives end early enough for its session to be over when the pair falls asleep. */
export function isWarm(pair: Pair, now: number): boolean {
  return pair.payload && now < pair.awakeUntil - SESSION_MS
}

/** The path in use, if it was ever watched. */
export function currentOf(pair: Pair): Track | undefined {
  return pair.inUse === undefined ? undefined : pair.tracks.get(pair.inUse.endpoint)
}

/** Watches every candidate of the list. */
export function ensureTracks(pair: Pair): void {
  if (pair.list.every(({ endpoint }) => pair.tracks.has(endpoint))) return
  const all = new Map<Endpoint, Track>()
  for (const one of pair.list) all.set(one.endpoint, pair.tracks.get(one.endpoint) ?? newTrack(one, true))
  for (const [endpoint, track] of pair.tracks) if (!all.has(endpoint)) all.set(endpoint, track)
  pair.tracks = all
}

export function ensureTrack(pair: Pair, candidate: PathCandidate): Track {
  const known = pair.tracks.get(candidate.endpoint)
  if (known !== undefined) return known
  const track = newTrack(candidate, false)
  pair.tracks.set(candidate.endpoint, track)
  return track
}

export function tell(pair: Pair, at: number, what: string): void {
  pair.history.push({ at, what })
  if (pair.history.length > pathHistoryMax) pair.history.shift()
}

/** works: answers us. unmeasured: WireGuard shook hands by it, but it does not answer us. silent: neither. */
export type Standing = 'works' | 'unmeasured' | 'silent'

export function standingOf(pair: Pair, now: number): Standing {
  if (pair.inUse === undefined) return 'silent'
  const track = currentOf(pair)
  if (track !== undefined && track.answers > 0) return 'works'
  const quietSince = Math.max(pair.usedAt, track?.lastAnswerAt ?? NEVER)
  return pair.handshakeAt >= quietSince && now - pair.handshakeAt < ALIVE_MS ? 'unmeasured' : 'silent'
}

/** Somebody waits, and nothing answers any more. A peer of which nothing was heard yet is not silent, but unknown. */
export function isSilent(pair: Pair, now: number): boolean {
  return isAwake(pair, now) && pair.lifeAt > NEVER && standingOf(pair, now) === 'silent'
}

/** The path in use if it answers, or did when somebody last cared. */
export function wayOf(pair: Pair): PathCandidate | undefined {
  const current = currentOf(pair)
  const answers = current !== undefined && current.answers > 0
  const answered = pair.sessionAt > NEVER || (current !== undefined && current.lastAnswerAt > NEVER)
  return answers || (pair.resting && answered) ? pair.inUse : undefined
}

/** Points WireGuard at a candidate. */
export function use(pair: Pair, candidate: PathCandidate, why: string, now: number, out: PathAction[]): void {
  const { endpoint, kind } = candidate
  const works = [pair.wireguardAt, pair.inUse?.endpoint].find((at) => isAnswering(pair, at) && at !== endpoint)
  if (pair.inUse?.endpoint !== endpoint) settleOn(pair, candidate, now)
  pair.wireguardAt = endpoint
  pair.parked = false
  pair.usedAt = now
  const yields = pair.payload && !pair.ownPayload && now - pair.sessionAt >= SESSION_YOUNG_MS
  if (yields) pair.nudgeAt = Math.min(pair.nudgeAt, now + YIELD_MS)
  out.push({
    type: 'use',
    endpoint,
    kind,
    why,
    ...(pair.payload && !yields ? {} : { quiet: true }),
    ...(works === undefined ? {} : { leaves: works }),
  })
}

function isAnswering(pair: Pair, endpoint: Endpoint | undefined): boolean {
  const track = endpoint === undefined ? undefined : pair.tracks.get(endpoint)
  return track !== undefined && track.answers > 0
}

/** Takes a path as the one in use without telling WireGuard, which already is there. */
export function settleOn(pair: Pair, candidate: PathCandidate, now: number): void {
  const left = currentOf(pair)
  pair.inUse = candidate
  pair.usedAt = now
  pair.deadSince = Number.POSITIVE_INFINITY
  pair.diedAt = Number.POSITIVE_INFINITY
  pair.chanceUntil = Number.POSITIVE_INFINITY
  for (const track of pair.tracks.values()) track.faster = 0
  if (left !== undefined && !left.listed && left.candidate.source !== 'asked') {
    pair.tracks.delete(left.candidate.endpoint)
  }
}
