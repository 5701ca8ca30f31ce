// Commit-confirm: a newer revision is followed on trial. What worked before it must work under it, or come back within the
// watch; else the device returns to the last good one by itself, keeps the other in quarantine, and says why.
//
// This stands between what is held and what is followed. What is held only ever rises, and what it took away from
// membership and trust is gone whichever set is followed.

import type { Log, Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { compareVersion, formatVersion, noVersion, type Version } from '../../shared/record/head.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { Readable } from '../trust/accept.ts'
import type { Holding } from '../trust/holding.ts'
import { type Broken, brokenIn } from './broken.ts'
import { type ReturnedStage, steady, type TrialStage } from './case.ts'
import { type Change, type Scope, scopeOf } from './change.ts'
import { createDocket, type DocketOptions } from './docket.ts'
import type { Looks } from './looks.ts'
import { noLosses, noteLosses } from './losses.ts'
import { createTurnOf } from './turn-of.ts'
import { judgeReturn, judgeTrial, leftMs, startsMax, type Windows, waitMs } from './verdict.ts'
import { type ConfirmView, viewOf } from './view.ts'
import { bothOf, nothingWorks, type Seen, type Working } from './working.ts'

export interface ConfirmOptions extends DocketOptions {
  readonly holding: Pick<Holding, 'understood' | 'lastGood' | 'followed' | 'follow' | 'confirm'>
  readonly looks: Looks
  /** 0 takes every revision at its word. */
  readonly watchMs: number
  readonly self: NodeId
  readonly local: () => Change['local']
  readonly keep: Pick<Keepsakes, 'write' | 'journal' | 'attempt'>
  readonly log: Log
  /** Another set is followed now. */
  readonly onFollow: () => void
}

export interface Confirm {
  /** Behind `holding.load`: goes on where the last run was. */
  load(): void
  /** A newer set is held. */
  taken(): void
  view(): ConfirmView
  /** Tries the quarantined revision once more. False where there is none. */
  retry(): boolean
  /** Ends the watch: somebody vouches for the revision on trial. False where there is none. */
  vouch(): boolean
  stop(): void
}

/** Between two looks: about six in a watch of thirty seconds. */
const LOOK_MS = 5_000
/** A link that waits for its next try would look as lost as one that can't be had; beyond this, back-off is obeyed. */
const EAGER_MS = 90_000
/** A set that never was on trial, found at a start, is tried when the links have had time to come up. */
const SETTLE_MS = 30_000
type Attempt = Pick<TrialStage, 'attempt' | 'suspects'>
const FIRST: Attempt = { attempt: 1, suspects: [] }

function isNewer(a: Version | undefined, b: Version | undefined): boolean {
  return a !== undefined && (b === undefined || compareVersion(a, b) > 0)
}

function scopeTo(good: Readable, newer: Readable, { local, self }: ConfirmOptions): Scope {
  return scopeOf({ good: good.parsed.records, next: newer.parsed.records, self, local: local() })
}

export function createConfirm(options: ConfirmOptions): Confirm {
  const { clock, health, holding, keep, log, looks, onFollow, self } = options
  const windows: Windows = { watchMs: options.watchMs }
  const docket = createDocket(options)
  const isTurn = createTurnOf(self, () => holding.lastGood())
  /** The set that the watch is about; newer ones that came meanwhile have a watch of their own behind it. */
  let candidate: Readable | undefined
  /** Monotonic time at which what is followed now was first followed. */
  let [followedAt, losses] = [0, noLosses]
  let looking: Timer | undefined
  let trying: Timer | undefined
  let noting: object | undefined
  /** Until then there is nobody to be told. */
  let loaded = false

  const rest = (): void => {
    looking?.cancel()
    trying?.cancel()
    trying = undefined
    noting = undefined
  }

  const enter = (...stage: Parameters<typeof docket.enter>): void => {
    rest()
    losses = noLosses
    docket.enter(...stage)
    const [now] = stage
    if (now.stage === 'trial' || now.stage === 'returned') looking = clock.after(LOOK_MS, look)
  }

  const follow = (set: Readable): void => {
    followedAt = clock.monotonic()
    holding.follow(set)
    if (loaded) onFollow()
  }

  const promote = (set: Readable): void => {
    const failure = holding.confirm(set)
    if (failure !== undefined) health.raise('disk-full', describeError(failure))
    log.info('the revision has proven itself', { revision: formatVersion(set.version) })
  }

  const accept = (set: Readable): void => {
    follow(set)
    promote(set)
    enter(steady, 0)
  }

  const begin = (set: Readable, how: Attempt, before: Working): void => {
    candidate = set
    // Kept before it is followed: whatever happens next, the watch is known.
    enter({ stage: 'trial', starts: 1, since: clock.now(), ...how, before })
    keep.journal('trial', `revision ${formatVersion(set.version)} is watched`)
    follow(set)
  }

  /** The newest set, unless it is for others to go first. */
  const next = (): Readable | undefined => {
    const newest = holding.understood()
    return newest === undefined || !isTurn(newest) ? undefined : newest
  }

  /** Notes what works, then follows the newest set. */
  const attempt = (before: Working, how: Attempt = FIRST): void => {
    trying?.cancel()
    trying = undefined
    const newest = next()
    if (newest === undefined) return
    rest()
    // A set without this node has nothing that could be given back.
    const isMember = newest.parsed.records.nodes.some(({ nodeId }) => nodeId === self)
    if (windows.watchMs === 0 || !isMember) return accept(newest)
    const mine = {}
    noting = mine
    const noted = (now: Working): void => {
      if (noting === mine) begin(next() ?? newest, how, bothOf(before, now))
    }
    void looks.note().then(noted)
  }

  /** A newer set that comes meanwhile is the one that is tried then. */
  const attemptSoon = (delayMs: number, before: Working): void => {
    if (noting !== undefined || trying !== undefined) return
    if (delayMs === 0) attempt(before)
    else trying = clock.after(delayMs, () => attempt(before))
  }

  const takeBack = ({ attempt: number, before }: TrialStage, failed: Broken, { version }: Readable): void => {
    const good = holding.lastGood()
    if (good === undefined) return
    const words = `revision ${formatVersion(version)} is taken back, ${formatVersion(good.version)} is followed again`
    log.warn(words, { check: failed.check, reason: failed.detail })
    keep.journal('taken-back', `${words}; check ${failed.check}: ${failed.detail}`)
    enter({ stage: 'returned', version, attempt: number, failed, before, since: clock.now() })
    follow(good)
  }

  const confirmed = ({ before }: TrialStage): void => {
    const [running, proven] = [holding.followed(), candidate]
    if (running === undefined || proven === undefined) return
    promote(proven)
    keep.journal('confirmed', `revision ${formatVersion(proven.version)}`)
    if (running === proven) return enter(steady, 0)
    // What came in the middle of the watch has its own, counted from when it was first followed.
    candidate = running
    enter({ stage: 'trial', starts: 1, since: clock.now(), ...FIRST, before }, 0, clock.monotonic() - followedAt)
  }

  const judgeOn = (stage: TrialStage, now: Seen, good: Readable, running: Readable): void => {
    const broken = brokenIn(stage.before, now, scopeTo(good, running, options))
    const elapsedMs = docket.elapsedMs()
    losses = noteLosses(losses, broken, { now: clock.monotonic(), followedAt, elapsedMs })
    const judged = judgeTrial(stage, elapsedMs, losses, windows)
    if (judged.verdict === 'take-back') takeBack(stage, judged.failed, running)
    else if (judged.verdict === 'confirm') confirmed(stage)
  }

  const judgeBack = (stage: ReturnedStage, now: Seen, good: Readable, newest: Readable): void => {
    const broken = brokenIn(stage.before, now, scopeTo(good, newest, options))
    const { failed, since, version } = stage
    const words = `revision ${formatVersion(version)}, check ${failed.check}`
    switch (judgeReturn(stage, docket.elapsedMs(), broken, windows)) {
      case 'wait':
        return
      case 'blame':
        keep.journal('quarantined', `${words}: works again without it`)
        enter({ stage: 'quarantined', version, failed, since }, docket.failures() + 1)
        // It came while nobody knew yet who was to blame.
        if (isNewer(next()?.version, version)) attemptSoon(waitMs(docket.failures()), nothingWorks)
        return
      case 'try-again':
        keep.journal('acquitted', `${words}: not back without it either; it is tried once more`)
        return next() === undefined ? enter(steady) : attempt(stage.before, { attempt: 2, suspects: [failed.check] })
      case 'acquit':
        keep.journal('acquitted', `${words}: not back without it for ten minutes`)
        return next() === undefined ? enter(steady) : accept(newest)
    }
  }

  const look = (): void => {
    looking = clock.after(LOOK_MS, look)
    const now = docket.now()
    const mine = docket.turn()
    if (now.stage !== 'trial' && now.stage !== 'returned') return
    const judge = (seen: Seen): void => {
      if (mine !== docket.turn() || noting !== undefined) return
      const [good, running, newest] = [holding.lastGood(), holding.followed(), holding.understood()]
      if (good === undefined || running === undefined || newest === undefined) return
      if (now.stage === 'trial') judgeOn(now, seen, good, running)
      else judgeBack(now, seen, good, newest)
    }
    const hubGone = losses.find(({ check }) => check === 'hub')
    const isFresh = hubGone !== undefined && hubGone.lastedMs < EAGER_MS
    void looks.see(now.before, isFresh || docket.elapsedMs() < EAGER_MS).then(judge)
  }

  /** The trial was interrupted: it goes on, but not for ever. */
  const goOn = (stage: TrialStage, newest: Readable): void => {
    candidate = newest
    const starts = stage.starts + 1
    if (starts > startsMax) {
      const detail = `the agent started ${starts} times in the middle of the watch`
      takeBack(stage, { check: 'restarts', detail }, newest)
    } else {
      enter({ ...stage, starts })
      follow(newest)
    }
  }

  const resume = (): void => {
    const now = docket.now()
    const [good, newest] = [holding.lastGood(), holding.understood()]
    // A store that lost its set has no case either: what comes first is as good as any.
    if (good === undefined || newest === undefined || !isNewer(newest.version, good.version)) {
      if (now.stage !== 'steady') enter(steady)
    } else if (next() === undefined) {
      // It was tried when it was this node's turn, and is no more; what was taken back stays so.
      if (now.stage !== 'steady') enter(now.stage === 'trial' ? steady : now)
    } else if (windows.watchMs === 0) accept(newest)
    else if (now.stage === 'trial') goOn(now, newest)
    else if (now.stage !== 'steady' && !isNewer(newest.version, now.version)) enter(now)
    else attemptSoon(SETTLE_MS, nothingWorks)
  }

  return {
    load() {
      docket.load()
      resume()
      loaded = true
    },
    taken() {
      const newest = next()
      const now = docket.now()
      // What the newer set takes away is gone at once.
      onFollow()
      if (newest === undefined || !isNewer(newest.version, holding.followed()?.version)) return
      if (now.stage === 'trial') follow(newest)
      else if (now.stage === 'steady') attemptSoon(0, nothingWorks)
      else if (!isNewer(newest.version, now.version)) return
      else if (now.stage === 'quarantined') attemptSoon(waitMs(docket.failures()), nothingWorks)
      // Before it is known who is to blame, the newer one is held to what worked at first.
      else attemptSoon(waitMs(docket.failures() + 1), now.before)
    },
    view() {
      const running = holding.followed()?.version ?? noVersion
      const newest = holding.understood()
      const waits = newest !== undefined && isNewer(newest.version, running) && !isTurn(newest)
      const shown = viewOf(docket.now(), running, leftMs(docket.elapsedMs(), windows))
      return waits ? { ...shown, waiting: newest.version } : shown
    },
    retry() {
      const now = docket.now()
      if (now.stage !== 'quarantined' && now.stage !== 'returned') return false
      keep.journal('retry', `revision ${formatVersion(now.version)}, asked for on this device`)
      attempt(nothingWorks)
      return true
    },
    vouch() {
      const running = holding.followed()
      if (docket.now().stage !== 'trial' || running === undefined) return false
      keep.journal('confirmed', `revision ${formatVersion(running.version)}, by somebody on this device`)
      promote(running)
      enter(steady, 0)
      return true
    },
    stop: rest,
  }
}
