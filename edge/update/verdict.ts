// What becomes of a version on trial, and whether one that was taken back was to blame. Pure; the rules are those for revisions
// (see confirm/verdict.ts), with an end: the starter waits for a verdict, and gives up by itself some time later.

import type { Broken } from '../confirm/broken.ts'
import type { Lost } from '../confirm/losses.ts'
import { judgeReturn, judgeTrial, type TrialVerdict, type Windows, windowMsMax } from '../confirm/verdict.ts'
import type { Failed } from './case.ts'

/** From the start of the process to its first look, and for the last look and its steps, on the slowest device. */
const SLACK_MS = 60_000

/** How long a start may last without a verdict before the starter ends it. */
export function patienceS(windows: Windows): number {
  return Math.ceil((windowMsMax(windows) + SLACK_MS) / 1_000)
}

/** `starts`: how often the version was started, the first time counted. */
export function judgeUpdate(
  starts: number,
  elapsedMs: number,
  broken: readonly Lost[],
  windows: Windows,
): TrialVerdict {
  // A version that has just been started has all its links to make anew, as after a boot.
  const trial = { attempt: 1, starts: Math.max(2, starts), suspects: [] } as const
  const judged = judgeTrial(trial, elapsedMs, broken, windows)
  const [first] = broken
  if (judged.verdict !== 'wait' || first === undefined || elapsedMs < windowMsMax(windows)) return judged
  // What comes and goes for so long does not work.
  return { verdict: 'take-back', failed: { check: first.check, detail: first.detail } }
}

/** With the version before it: does what failed work again? `acquit` after ten minutes without. */
export function judgeUpdateReturn(
  failed: Failed,
  elapsedMs: number,
  broken: readonly Broken[],
  windows: Windows,
): 'wait' | 'blame' | 'acquit' {
  const verdict = judgeReturn({ attempt: 2, failed }, elapsedMs, broken, windows)
  return verdict === 'try-again' ? 'wait' : verdict
}
