// How a revision that has not proven itself is shown: to people, to programs, to the hub.

import type { Version } from '../../shared/record/head.ts'
import type { Stage } from './case.ts'

export interface TrialView {
  readonly version: Version
  /** Milliseconds since the Unix epoch. */
  readonly since: number
  /** Until the revision counts as good, if nothing breaks; 0 while something that was lost is waited for. */
  readonly secondsLeft: number
}

export interface QuarantineView {
  readonly version: Version
  readonly since: number
  /** What failed: a word for programs, and the case in a sentence. */
  readonly check: string
  readonly detail: string
  /** False while it is still open whether the revision was to blame. */
  readonly certain: boolean
}

export interface ConfirmView {
  readonly trial?: TrialView
  readonly quarantine?: QuarantineView
  /** A newer revision is held, and a canary lets other nodes go first. */
  readonly waiting?: Version
}

/** `newest`: what is followed while it is on trial. */
export function viewOf(stage: Stage, newest: Version, leftMs: number): ConfirmView {
  switch (stage.stage) {
    case 'steady':
      return {}
    case 'trial':
      return { trial: { version: newest, since: stage.since, secondsLeft: Math.ceil(leftMs / 1_000) } }
    case 'returned':
    case 'quarantined': {
      const { failed, since, version } = stage
      return { quarantine: { version, since, ...failed, certain: stage.stage === 'quarantined' } }
    }
  }
}
