// An agent update under commit-confirm. The agent that is to be replaced notes what works and leaves; the one that is started
// in its place finds the note, watches, and stays or gives way to the one before it. All of it is local to this device.
//
// The kernel is not touched by any of this: traffic goes on while agents come and go. Nor is the state database: what a newer
// agent learnt of members, keys and trust, the older one knows, too.

import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import { type Broken, brokenIn } from '../confirm/broken.ts'
import { wholeScope } from '../confirm/change.ts'
import type { Looks } from '../confirm/looks.ts'
import { noLosses, noteLosses } from '../confirm/losses.ts'
import { leftMs, type Windows } from '../confirm/verdict.ts'
import type { Seen, Working } from '../confirm/working.ts'
import type { Health } from '../report/health.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import { type Build, noUpdate, type ReturnedStage, type TrialStage, type UpdateCase } from './case.ts'
import type { UpdateDoors } from './doors.ts'
import type { OrderView } from './order-doors.ts'
import { type Resume, resume } from './resume.ts'
import { otherSlot } from './slot.ts'
import { type Step, stepsBack, stepsInto, stepsToConfirm, stepsToForget, stepsToSettle } from './steps.ts'
import { judgeUpdate, judgeUpdateReturn, patienceS } from './verdict.ts'
import { type UpdateView, viewOfUpdate } from './view.ts'

export interface UpdateOptions {
  readonly clock: Clock
  readonly doors: UpdateDoors
  readonly health: Pick<Health, 'raise' | 'clear'>
  readonly keep: Pick<Keepsakes, 'journal'>
  readonly log: Log
  readonly looks: Looks
  /** What is followed now. */
  readonly records: () => ParsedRecords
  /** Why this is not the time for an update; undefined where it is. */
  readonly busy: () => string | undefined
  readonly watchMs: number
}

export interface UpdateAnswer {
  readonly from: Build
  readonly to: Build
  /** How long a verdict may take at most. */
  readonly patienceS: number
}

export interface Update {
  /** Once, at the start of the agent: goes on where the last one was. */
  load(): void
  /** To the build in the other slot. Throws where it is not the one of that digest, or this is not the time. */
  begin(sha256: string): Promise<UpdateAnswer>
  /** Why this is not the time for one; undefined where it is. */
  busy(): string | undefined
  /** What is kept: which builds were taken back. */
  kept(): UpdateCase
  view(): UpdateView | undefined
  stop(): void
}

/** What is asked of the agent about other versions of itself; there is none where no starter could start one. */
export interface AgentUpdates extends Pick<Update, 'begin' | 'busy' | 'kept' | 'view'> {
  readonly home: UpdateDoors['home']
  readonly runs: UpdateDoors['runs']
  /** Undefined where this agent takes no orders of its hub. */
  order(): OrderView | undefined
  /** Ends this process: what `begin` chose is started. */
  leave(): void
}

const LOOK_MS = 5_000
export const busyRemedy = 'Wait for its end: `holdfast update --status`, `holdfast status`.'

function buildsOf({ from, to }: Pick<TrialStage, 'from' | 'to'>): string {
  return `version ${to.version} in slot ${to.slot}, from ${from.version}`
}

/** Throws `conflict`. */
function refuse(why: string, remedy: string): never {
  throw new HoldfastError('conflict', why, { remedy })
}

export function createUpdate(options: UpdateOptions): Update {
  const { clock, doors, health, keep, log, looks } = options
  const windows: Windows = { watchMs: options.watchMs }
  let kept = noUpdate
  let [startedAt, starts, losses] = [clock.monotonic(), 1, noLosses]
  let looking: Timer | undefined
  let noting = false

  const tell = (): void => {
    const { last, now } = kept
    if (now.stage === 'trial' || last?.outcome !== 'taken-back') return health.clear('update-taken-back')
    const { failed, to } = last
    health.raise('update-taken-back', `version ${to.version}, check ${failed?.check}: ${failed?.detail}`)
  }

  const carryOut = (steps: readonly Step[]): void => {
    for (const step of steps) {
      doors.carryOut(step)
      if (step.step === 'keep') kept = step.update
    }
  }

  /** True if all was carried out; what was not is told, and tried again by whoever looks next. */
  const attempt = (steps: readonly Step[]): boolean => {
    try {
      carryOut(steps)
      return true
    } catch (error) {
      log.error('the update cannot be kept', { reason: describeError(error) })
      health.raise('disk-full', `keep the update: ${describeError(error)}`)
      return false
    } finally {
      tell()
    }
  }

  const rest = (): void => {
    looking?.cancel()
    looking = undefined
  }

  const confirm = (stage: TrialStage): void => {
    if (!attempt(stepsToConfirm(kept, stage, clock.now()))) return
    log.info('the update has proven itself', { version: stage.to.version })
    keep.journal('update-confirmed', buildsOf(stage))
    rest()
  }

  const takeBack = (stage: TrialStage, failed: Broken): void => {
    log.warn('the update is taken back', { check: failed.check, reason: failed.detail, version: stage.to.version })
    keep.journal('update-taken-back', `${buildsOf(stage)}; check ${failed.check}: ${failed.detail}`)
    rest()
    // Where not even that can be written, the starter has the last word.
    attempt(stepsBack(kept, stage, failed, clock.now()))
    doors.restart()
  }

  const settle = ({ failed, to }: ReturnedStage, certain: boolean): void => {
    const words = certain ? 'works again without it' : 'not back without it either, for ten minutes'
    keep.journal('update-judged', `version ${to.version}, check ${failed.check}: ${words}`)
    attempt(stepsToSettle(kept, certain))
    rest()
  }

  const judge = (before: Working, seen: Seen): void => {
    const [stage, elapsedMs] = [kept.now, clock.monotonic() - startedAt]
    const broken = brokenIn(before, seen, wholeScope(options.records()))
    if (stage.stage === 'trial') {
      losses = noteLosses(losses, broken, { now: clock.monotonic(), followedAt: startedAt, elapsedMs })
      const judged = judgeUpdate(starts, elapsedMs, losses, windows)
      if (judged.verdict === 'take-back') takeBack(stage, judged.failed)
      else if (judged.verdict === 'confirm') confirm(stage)
    } else if (stage.stage === 'returned') {
      const verdict = judgeUpdateReturn(stage.failed, elapsedMs, broken, windows)
      if (verdict !== 'wait') settle(stage, verdict === 'blame')
    }
  }

  const look = (): void => {
    looking = clock.after(LOOK_MS, look)
    const stage = kept.now
    if (stage.stage === 'steady') return rest()
    const seen = (now: Seen): void => {
      // Somebody may have begun another one meanwhile, or ended this.
      if (looking !== undefined && !noting && kept.now === stage) judge(stage.before, now)
    }
    void looks.see(stage.before, true).then(seen)
  }

  const goOn = (found: Resume): void => {
    if (found.next !== 'watch') attempt(found.steps)
    if (found.next === 'leave') return doors.restart()
    if (found.next === 'rest') return
    if (found.next === 'watch') {
      starts = found.starts
      kept = { ...kept, now: found.trial }
      keep.journal('update-trial', `${buildsOf(found.trial)}; start ${starts}`)
    }
    startedAt = clock.monotonic()
    looking = clock.after(LOOK_MS, look)
  }

  const busy = (): string | undefined => {
    if (kept.now.stage === 'trial') return `version ${kept.now.to.version} is on trial`
    return noting ? 'an update has just begun' : options.busy()
  }

  const toBuild = (sha256: string): Build => {
    const why = busy()
    if (why !== undefined) refuse(why, busyRemedy)
    const to = doors.build(otherSlot(doors.runs.slot))
    if (to !== undefined && to.sha256 === sha256) return to
    return refuse('the other slot does not hold that build', 'Run `holdfast update FILE` again, and one at a time.')
  }

  return {
    load() {
      try {
        const found = doors.read()
        kept = found.update
        goOn(resume(found, doors.runs, clock.now()))
      } catch (error) {
        log.error('what is kept of updates cannot be read', { reason: describeError(error) })
      }
      tell()
    },
    async begin(sha256) {
      const to = toBuild(sha256)
      noting = true
      const former = kept
      try {
        const before = await looks.note()
        const trial: TrialStage = { stage: 'trial', from: doors.runs, to, before, since: clock.now() }
        try {
          carryOut(stepsInto(kept, trial, patienceS(windows)))
        } catch (error) {
          attempt([...stepsToForget(former, trial, clock.now()), { step: 'keep', update: former }])
          throw error
        }
        rest()
        keep.journal('update-begun', buildsOf(trial))
        log.info('another version is started', { from: doors.runs.version, to: to.version, slot: to.slot })
        return { from: doors.runs, to, patienceS: patienceS(windows) }
      } finally {
        noting = false
      }
    },
    busy,
    kept: () => kept,
    view: () => viewOfUpdate(kept, leftMs(clock.monotonic() - startedAt, windows)),
    stop: rest,
  }
}
