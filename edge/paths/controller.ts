// Paths to one peer: events in, actions out. Each event changes what is known; then one and the same sequence of questions is
// asked, whatever happened: what died, what is best, what is worth trying, which probe is due.

import { text } from './candidate-text.ts'
import { actsAt, choose, guess, guessAt, isClearlyFaster, isCurrent, measuredBest, measuredTurnAt } from './choice.ts'
import { noteAsked, noteList } from './listing.ts'
import { ALIVE_MS, CALL_MS, GRACE_MS, LOOK_MS, OVERSLEPT_MS, RELAY_LINGER_MS, SESSION_MS } from './pacing.ts'
import {
  currentOf,
  ensureTracks,
  idleAfterMs,
  isAwake,
  isSilent,
  isWarm,
  newPair,
  type Pair,
  type PeerPathsOptions,
  pacingOf,
  sessionEndsAt,
  sleepsAt,
  standingOf,
  tell,
  use,
  wayOf,
} from './pair.ts'
import type { PathAction, PathEvent, PeerPaths } from './path.ts'
import { viewOf } from './path-view.ts'
import { nextProbeAt, sendDue } from './probing.ts'
import { followRoam, noteRoam, roamCountsAt } from './roaming.ts'
import { setAsideRest } from './standby.ts'
import { expire, missAt, noteAnswer, rest, triesEndAt } from './track.ts'
import {
  begin,
  forgetAsked,
  forgive,
  forgiveCurrent,
  isFirstWay,
  isHeld,
  joinTries,
  retry,
  tryAll,
  tryAnew,
  tryTogether,
} from './tries.ts'

type Answered = Extract<PathEvent, { readonly type: 'answered' }>

export function createPeerPaths(options: PeerPathsOptions): PeerPaths {
  const pair = newPair(options)
  return {
    handle(event, nowMs) {
      const out: PathAction[] = []
      if (event.type === 'time' && nowMs - pair.dueAt > OVERSLEPT_MS) pair.graceUntil = nowMs + GRACE_MS
      pair.lastAt = nowMs
      if (pair.resting && isAwake(pair, nowMs)) wake(pair, nowMs)
      note(pair, event, nowMs, out)
      settle(pair, nowMs, out)
      return out
    },
    dueAt: () => pair.dueAt,
    view: (nowMs = pair.lastAt) => viewOf(pair, nowMs),
    way: () => wayOf(pair),
    isAwake: (nowMs) => isAwake(pair, nowMs),
    isSilent: (nowMs) => isSilent(pair, nowMs),
    isWarm: (nowMs) => isWarm(pair, nowMs),
  }
}

function note(pair: Pair, event: PathEvent, now: number, out: PathAction[]): void {
  switch (event.type) {
    case 'candidates':
      noteList(pair, event.list, now)
      break
    case 'answered':
      noteAnswered(pair, event, now, out)
      break
    case 'asked':
      noteAsked(pair, event, now)
      break
    case 'called':
      noteCalled(pair, now)
      break
    case 'woken':
    case 'traffic':
      pair.ownPayload = true
      stayAwake(pair, now + idleAfterMs(pair), now)
      break
    case 'roamed':
      noteRoam(pair, event, now, out)
      break
    case 'handshake':
      noteHandshake(pair, event.at, now)
      break
    case 'network-changed':
      noteNetworkChange(pair, now)
      break
    case 'outlook-changed':
      noteOutlook(pair, event.moved, now)
      break
    case 'pace':
      pair.pace = event.pace
      pair.metered = event.metered
      break
    case 'time':
      break
  }
}

function noteAnswered(pair: Pair, { endpoint, probe, rttMs }: Answered, now: number, out: PathAction[]): void {
  const track = pair.tracks.get(endpoint)
  if (track === undefined || !noteAnswer(track, probe, rttMs, now)) return
  pair.lifeAt = now
  if (track.validAt === now && isFirstWay(pair, track)) tryTogether(pair, now)
  const current = currentOf(pair)
  if (track === current) {
    if (track.answers === 1) tell(pair, now, `in use: ${text(track.candidate)} answers`)
    pair.deadSince = Number.POSITIVE_INFINITY
    pair.diedAt = Number.POSITIVE_INFINITY
    pair.chanceUntil = Number.POSITIVE_INFINITY
    forgiveCurrent(pair, now)
    if (pair.parked) use(pair, track.candidate, `${text(track.candidate)} still answers`, now, out)
  } else if (current !== undefined) {
    track.faster = isClearlyFaster(track, current) ? track.faster + 1 : 0
  }
}

function noteHandshake(pair: Pair, at: number, now: number): void {
  const silent = standingOf(pair, now) === 'silent'
  pair.handshakeAt = Math.max(pair.handshakeAt, at)
  if (at >= pair.calledAt) pair.nudgeAt = Number.POSITIVE_INFINITY
  // WireGuard followed the peer out of where it was parked.
  if (pair.resting) pair.parked = false
  pair.sessionAt = Math.max(pair.sessionAt, at)
  pair.lifeAt = Math.max(pair.lifeAt, at)
  // The peer is back: what was in vain may work now.
  if (silent && !pair.resting && standingOf(pair, now) === 'unmeasured') tryAll(pair, now)
}

function noteCalled(pair: Pair, now: number): void {
  if (now - pair.calledAt < CALL_MS) return
  pair.calledAt = now
  const calls = pair.callWanted
  stayAwake(pair, now + LOOK_MS, now)
  joinTries(pair, now)
  // The peer has begun already: calling back would only begin again.
  pair.callWanted = calls
}

/** This node comes from elsewhere now: what failed from where it was says nothing. */
function noteMove(pair: Pair, now: number): void {
  pair.changedAt = now
  forgive(pair)
}

function noteNetworkChange(pair: Pair, now: number): void {
  noteMove(pair, now)
  if (pair.resting) return
  tell(pair, now, 'own links or addresses changed: all paths are checked')
  for (const track of pair.tracks.values()) {
    if (track.answers > 0) track.doubted = true
    else begin(pair, track, now)
  }
}

/** The peer is told where this node is seen now, whenever it was called last. */
function noteOutlook(pair: Pair, moved: boolean, now: number): void {
  if (moved) noteMove(pair, now)
  if (pair.resting) return
  pair.callAt = Number.NEGATIVE_INFINITY
  tryAnew(pair, now)
  tryTogether(pair, now)
}

/** Somebody waits for this pair. */
function stayAwake(pair: Pair, until: number, now: number): void {
  pair.payload = true
  pair.awakeUntil = Math.max(pair.awakeUntil, until)
  if (pair.resting) wake(pair, now)
}

function wake(pair: Pair, now: number): void {
  pair.resting = false
  ensureTracks(pair)
  const current = currentOf(pair)
  if (current !== undefined && current.answers > 0) current.doubted = true
  tryAll(pair, now)
}

/** Nobody waits any more: nothing is sent, and little is kept. */
function fallAsleep(pair: Pair, now: number): void {
  pair.resting = true
  pair.parked = false
  pair.payload = false
  pair.ownPayload = false
  pair.nudgeAt = Number.POSITIVE_INFINITY
  pair.relaysUntil = Math.max(now + RELAY_LINGER_MS, Math.min(sessionEndsAt(pair), now + SESSION_MS))
  pair.retryAt = Number.POSITIVE_INFINITY
  pair.tryTimes = []
  pair.probeTimes = []
  pair.insisted = []
  forgetAsked(pair, now)
  for (const [endpoint, track] of pair.tracks) {
    if (isCurrent(pair, track)) rest(track, track.phase === 'valid' ? 'valid' : 'untried')
    else if (isHeld(track, now) || !track.listed) rest(track, 'untried')
    else pair.tracks.delete(endpoint)
  }
}

function settle(pair: Pair, now: number, out: PathAction[]): void {
  followRoam(pair, now, out)
  if (isAwake(pair, now)) {
    bury(pair, now, out)
    choose(pair, now, out)
    retry(pair, now)
    setAsideRest(pair, now)
    call(pair, now, out)
    nudge(pair, now, out)
    bindRelays(pair, pair.payload, out)
    sendDue(pair, now, out)
  } else {
    if (!pair.resting) fallAsleep(pair, now)
    if (pair.inUse === undefined) guess(pair, now, out)
    park(pair, now, out)
    pair.callWanted = false
    if (now >= pair.relaysUntil) bindRelays(pair, false, out)
  }
  pair.dueAt = nextDue(pair, now)
}

function park(pair: Pair, now: number, out: PathAction[]): void {
  if (pair.parked || now < sessionEndsAt(pair)) return
  pair.parked = true
  out.push({ type: 'park' })
}

/** Gives up what did not answer. */
function bury(pair: Pair, now: number, out: PathAction[]): void {
  if (now < pair.graceUntil) return
  let died = false
  for (const track of pair.tracks.values()) {
    const { misses, silentSince } = track
    const spoke = track.answers > 0
    if (!expire(track, pacingOf(pair), now) || !spoke) continue
    died = true
    if (!isCurrent(pair, track)) continue
    pair.deadSince = Math.min(silentSince, track.silentSince)
    pair.diedAt = now
    tell(pair, now, `the path in use is dead: no answer to ${Math.max(misses, track.misses)} probes`)
  }
  if (died && ![...pair.tracks.values()].some(({ answers }) => answers > 0)) out.push({ type: 'lost' })
}

function call(pair: Pair, now: number, out: PathAction[]): void {
  if (pair.callWanted && now - pair.callAt >= CALL_MS) {
    pair.callAt = now
    out.push({ type: 'call' })
  }
  pair.callWanted = false
}

/** The peer called, and has not shaken hands: perhaps its words don't come through, and ours do. */
function nudge(pair: Pair, now: number, out: PathAction[]): void {
  if (now < pair.nudgeAt) return
  pair.nudgeAt = Number.POSITIVE_INFINITY
  out.push({ type: 'nudge' })
}

function bindRelays(pair: Pair, wanted: boolean, out: PathAction[]): void {
  if (pair.relaysWanted === wanted) return
  pair.relaysWanted = wanted
  out.push({ type: 'relays', wanted })
}

function nextDue(pair: Pair, now: number): number {
  const later = (at: number): number => (at > now ? at : Number.POSITIVE_INFINITY)
  const roam = later(roamCountsAt(pair))
  if (pair.resting) {
    const parkAt = pair.parked ? Number.POSITIVE_INFINITY : later(sessionEndsAt(pair))
    return Math.min(roam, parkAt, pair.relaysWanted ? later(pair.relaysUntil) : Number.POSITIVE_INFINITY)
  }
  let next = Math.min(roam, sleepsAt(pair), pair.nudgeAt, later(pair.retryAt), nextProbeAt(pair, now))
  for (const track of pair.tracks.values()) {
    const giveUpAt = Math.min(missAt(track, pacingOf(pair)), triesEndAt(track))
    next = Math.min(next, Math.max(giveUpAt, pair.graceUntil), later(track.heldUntil))
  }
  switch (standingOf(pair, now)) {
    case 'works':
      return next
    case 'unmeasured': {
      const best = measuredBest(pair, now)
      const turnAt = best === undefined ? Number.POSITIVE_INFINITY : measuredTurnAt(pair, best)
      return Math.min(next, later(turnAt), later(pair.handshakeAt + ALIVE_MS))
    }
    case 'silent':
      return Math.min(next, later(actsAt(pair)), later(pair.chanceUntil), later(guessAt(pair)))
  }
}
