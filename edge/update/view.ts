// How an update is shown: to people, to programs, to the hub.

import type { Failed, Outcome, UpdateCase } from './case.ts'

export interface UpdateTrialView {
  readonly version: string
  /** What runs again if it fails. */
  readonly from: string
  /** Milliseconds since the Unix epoch. */
  readonly since: number
  /** Until it counts as good, if nothing breaks; 0 while something that was lost is waited for. */
  readonly secondsLeft: number
}

export interface UpdateEndView {
  readonly outcome: Outcome
  readonly version: string
  readonly sha256?: string
  readonly from: string
  readonly at: number
  /** What failed: a word for programs, and the case in a sentence. */
  readonly failed?: Failed
  /** What failed works again without it; false while that is open, and where it does not. */
  readonly certain?: boolean
}

export interface UpdateView {
  readonly trial?: UpdateTrialView
  /** The last one; absent while one is on trial. */
  readonly last?: UpdateEndView
}

/** Undefined where there never was an update. */
export function viewOfUpdate({ last, now }: UpdateCase, leftMs: number): UpdateView | undefined {
  if (now.stage === 'trial') {
    const { from, since, to } = now
    return { trial: { version: to.version, from: from.version, since, secondsLeft: Math.ceil(leftMs / 1_000) } }
  }
  if (last === undefined) return undefined
  const { from, to, ...rest } = last
  const sha256 = to.sha256 === undefined ? {} : { sha256: to.sha256 }
  return { last: { ...rest, version: to.version, ...sha256, from: from.version } } as UpdateView
}
