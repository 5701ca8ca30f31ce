// The case at hand, kept before anything is done about it, so that a power cut finds it as it was; and told in health.

import type { Clock } from '../../shared/effects.ts'
import { formatVersion } from '../../shared/record/head.ts'
import type { Health } from '../report/health.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { Store } from '../store/store.ts'
import { type Case, parseCase, type Stage, steady } from './case.ts'

export interface DocketOptions {
  readonly clock: Clock
  readonly health: Pick<Health, 'raise' | 'clear'>
  readonly keep: Pick<Keepsakes, 'write' | 'attempt'>
  readonly store: Pick<Store, 'get' | 'set'>
}

export interface Docket {
  load(): void
  now(): Stage
  /** Revisions in a row that failed here. */
  failures(): number
  /** Rises with every change of stage. */
  turn(): number
  elapsedMs(): number
  /** The next stage; it began `agoMs` ago. */
  enter(now: Stage, failures?: number, agoMs?: number): void
}

const KEY = 'commit-confirm'

export function createDocket({ clock, health, keep, store }: DocketOptions): Docket {
  let state: Case = { now: steady, failures: 0 }
  let stageAt = 0
  let turn = 0

  const tell = ({ now }: Case): void => {
    if (now.stage !== 'quarantined' && now.stage !== 'returned') return health.clear('revision-quarantined')
    const { check, detail } = now.failed
    health.raise('revision-quarantined', `revision ${formatVersion(now.version)}, check ${check}: ${detail}`)
  }

  return {
    load: () => keep.attempt('the trial', () => void (state = parseCase(store.get(KEY)))),
    now: () => state.now,
    failures: () => state.failures,
    turn: () => turn,
    elapsedMs: () => clock.monotonic() - stageAt,
    enter(now, failures = state.failures, agoMs = 0) {
      state = { now, failures }
      stageAt = clock.monotonic() - agoMs
      turn += 1
      keep.write('keep the trial', () => store.set(KEY, JSON.stringify(state)))
      tell(state)
    },
  }
}
