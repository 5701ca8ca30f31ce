// What is done to the slots, one durable step after another. Pure. The order is what a power cut between any two may find:
// the starter then has a slot to start, and one that has not proven itself is known to be such.

import { updateRefusedMax } from '../../shared/update-limits.ts'
import { startsMax } from '../confirm/verdict.ts'
import type { Failed, Last, Outcome, ReturnedStage, TrialStage, UpdateCase } from './case.ts'
import type { Mark } from './mark.ts'
import type { Slot } from './slot.ts'

export type Step =
  | { readonly step: 'keep'; readonly update: UpdateCase }
  | { readonly step: 'mark'; readonly mark: Mark }
  | { readonly step: 'unmark' }
  | { readonly step: 'point'; readonly slot: Slot }

/** What lies beside the slots. */
export interface Kept {
  readonly update: UpdateCase
  readonly mark: Mark | undefined
}

type Pair = Pick<TrialStage, 'from' | 'to'>

function ended({ from, to }: Pair, outcome: Outcome, at: number): Last {
  return { outcome, from, to, at }
}

/** To the next version. Marked before it is pointed at: whoever starts it knows that it is on trial. */
export function stepsInto({ refused }: UpdateCase, trial: TrialStage, seconds: number): readonly Step[] {
  const { to } = trial
  return [
    // Somebody insists on a build that was taken back: it has its chance anew.
    { step: 'keep', update: { now: trial, refused: refused.filter(({ sha256 }) => sha256 !== to.sha256) } },
    { step: 'mark', mark: { slot: to.slot, starts: 0, startsMax, seconds, late: false } },
    { step: 'point', slot: to.slot },
  ]
}

/** It has proven itself. The mark goes first: from then on it is started like any other. */
export function stepsToConfirm({ refused }: UpdateCase, trial: Pair, at: number): readonly Step[] {
  const last = ended(trial, 'confirmed', at)
  return [{ step: 'unmark' }, { step: 'keep', update: { now: { stage: 'steady' }, last, refused } }]
}

/** Nothing came of it: the power went before the first start. */
export function stepsToForget({ refused }: UpdateCase, trial: Pair, at: number): readonly Step[] {
  const last = ended(trial, 'interrupted', at)
  return [
    { step: 'point', slot: trial.from.slot },
    { step: 'unmark' },
    { step: 'keep', update: { now: { stage: 'steady' }, last, refused } },
  ]
}

/** The reason is kept before anything else, so that it is known whoever is started next. */
export function stepsBack({ refused }: UpdateCase, trial: TrialStage, failed: Failed, at: number): readonly Step[] {
  const { before, from, to } = trial
  const now: ReturnedStage = { stage: 'returned', from, to, before, failed, since: at }
  const others = refused.filter(({ sha256 }) => sha256 !== to.sha256)
  const all = to.sha256 === undefined ? others : [{ sha256: to.sha256, version: to.version, at }, ...others]
  const last: Last = { ...ended(trial, 'taken-back', at), failed, certain: false }
  return [{ step: 'keep', update: { now, last, refused: all.slice(0, updateRefusedMax) } }, ...stepsHome(from.slot)]
}

export function stepsHome(from: Slot): readonly Step[] {
  return [{ step: 'point', slot: from }, { step: 'unmark' }]
}

/** Whether the build was to blame is known, or will not be. */
export function stepsToSettle({ last, refused }: UpdateCase, certain: boolean): readonly Step[] {
  const told = last === undefined ? {} : { last: { ...last, certain } }
  return [{ step: 'keep', update: { now: { stage: 'steady' }, ...told, refused } }]
}
