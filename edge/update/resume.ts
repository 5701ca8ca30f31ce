// What an agent does about an update when it starts, by what it finds beside the slots and the slot that it runs from. Pure.

import type { Broken } from '../confirm/broken.ts'
import { nothingWorks } from '../confirm/working.ts'
import type { Build, ReturnedStage, TrialStage } from './case.ts'
import type { Mark } from './mark.ts'
import { otherSlot } from './slot.ts'
import { type Kept, type Step, stepsBack, stepsHome, stepsToConfirm, stepsToForget } from './steps.ts'

export type Resume =
  | { readonly next: 'rest'; readonly steps: readonly Step[] }
  /** This version is on trial, and was started so many times. */
  | { readonly next: 'watch'; readonly trial: TrialStage; readonly starts: number }
  /** This version was taken back, and runs still: after these steps the other one is to be started. */
  | { readonly next: 'leave'; readonly steps: readonly Step[] }
  /** The other one was taken back: whether what it broke works again is looked at. */
  | { readonly next: 'observe'; readonly steps: readonly Step[] }

/** What the starter has to say of a version that it no longer starts. */
function failedStarts({ late, seconds, starts }: Mark): Broken {
  const times = starts === 1 ? 'once' : `${starts} times`
  const detail = late
    ? `it was not proven within ${seconds} s, and ended by the starter`
    : `it was started ${times}, and never stayed up long enough to be proven`
  return { check: 'restarts', detail }
}

function resumeTrial(kept: Kept, trial: TrialStage, runs: Build, now: number): Resume {
  const { mark, update } = kept
  const marked = mark?.slot === trial.to.slot
  if (runs.slot === trial.to.slot) {
    if (marked) return { next: 'watch', trial, starts: mark.starts }
    // Without the mark it counts as proven: the power went before that was written down.
    return { next: 'rest', steps: stepsToConfirm(update, trial, now) }
  }
  if (!marked || mark.starts === 0) return { next: 'rest', steps: stepsToForget(update, trial, now) }
  return { next: 'observe', steps: stepsBack(update, trial, failedStarts(mark), now) }
}

function resumeReturned({ mark }: Kept, { from }: ReturnedStage, runs: Build): Resume {
  if (runs.slot !== from.slot) return { next: 'leave', steps: stepsHome(from.slot) }
  return { next: 'observe', steps: mark === undefined ? [] : stepsHome(from.slot) }
}

/** The record of the update is lost, and the mark is not: nobody knows what worked, but it must prove that it stays up. */
function resumeUnknown(mark: Mark | undefined, runs: Build, now: number): Resume {
  if (mark === undefined) return { next: 'rest', steps: [] }
  if (mark.slot !== runs.slot) return { next: 'rest', steps: stepsHome(runs.slot) }
  const from: Build = { slot: otherSlot(runs.slot), version: 'unknown' }
  const trial: TrialStage = { stage: 'trial', from, to: runs, before: nothingWorks, since: now }
  return { next: 'watch', trial, starts: mark.starts }
}

/** `runs`: what this process was started from. `now`: wall clock, for people. */
export function resume(kept: Kept, runs: Build, now: number): Resume {
  const stage = kept.update.now
  switch (stage.stage) {
    case 'steady':
      return resumeUnknown(kept.mark, runs, now)
    case 'trial':
      return resumeTrial(kept, stage, runs, now)
    case 'returned':
      return resumeReturned(kept, stage, runs)
  }
}
