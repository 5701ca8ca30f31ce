// What becomes of a revision on trial, and of one that was taken back. Pure; times are milliseconds since the stage began.
//
// A revision is blamed only by two observations: something that worked is lost under it, and comes back without it. What
// does not come back was not its doing, so it is tried once more; this time what was lost is given ten minutes, for a
// device that the revision locked out may be slow to recover. If it is still lost, the older one has ten minutes as well,
// and then the revision stays: the loss has nothing to do with it. So a revision is taken back twice at most.

import { type Broken, type Check } from './broken.ts'
import type { Lost } from './losses.ts'

export interface Trial {
  /** 1, and 2 after an acquittal. */
  readonly attempt: 1 | 2
  /** How often the agent has started in the middle of it, the first time counted. */
  readonly starts: number
  /** What was lost in the first attempt, and did not come back without the revision either. */
  readonly suspects: readonly Check[]
}

export interface Windows {
  /** Of what is this device's own. */
  readonly watchMs: number
}

/** A device that has just booted needs its DHCP lease, its modem, its link: so many times the watch. */
const BOOT_FACTOR = 4
/** Peers apply the same revision, and may be taking it back: they have the time for that, and some to reconnect. */
const PEERS_SLACK_MS = 15_000
/** What is lost for reasons of its own may take so long to come back: a modem that dials again, a hub that restarts. */
const SLOW_MS = 10 * 60_000
/** What the revision broke comes back at once, or with the next try to connect. */
const RETURN_MS = 60_000
/**
 * People pull the plug two or three times, and so does a bad supply; the newest members are to be met all the same. An agent
 * that a revision kills is started again each second.
 */
export const startsMax = 4

function windowMs({ check }: Broken, trial: Trial, { watchMs }: Windows): number {
  const ownMs = trial.starts > 1 ? watchMs * BOOT_FACTOR : watchMs
  if (trial.suspects.includes(check)) return Math.max(SLOW_MS, ownMs)
  return check === 'peers' || check === 'relays' ? ownMs + watchMs + PEERS_SLACK_MS : ownMs
}

/** The longest of all that starts with the agent. */
export function windowMsMax({ watchMs }: Windows): number {
  return watchMs * BOOT_FACTOR + watchMs + PEERS_SLACK_MS
}

/** What is lost at one look may be a hub that restarts: a link that is told to try again is there at the next one or two. */
const LASTS_MS = 10_000

export type TrialVerdict =
  | { readonly verdict: 'wait' }
  | { readonly verdict: 'confirm' }
  | { readonly verdict: 'take-back'; readonly failed: Broken }

/** `broken`: what is lost now. */
export function judgeTrial(trial: Trial, elapsedMs: number, broken: readonly Lost[], windows: Windows): TrialVerdict {
  const lastsMs = Math.min(LASTS_MS, windows.watchMs / 3)
  const failed = broken.find((one) => one.lastedMs >= lastsMs && one.underMs >= windowMs(one, trial, windows))
  if (failed !== undefined) return { verdict: 'take-back', failed: { check: failed.check, detail: failed.detail } }
  return { verdict: broken.length === 0 && elapsedMs >= windows.watchMs ? 'confirm' : 'wait' }
}

/** How long a trial lasts if nothing breaks. */
export function leftMs(elapsedMs: number, { watchMs }: Windows): number {
  return Math.max(0, watchMs - elapsedMs)
}

export interface Return {
  readonly attempt: 1 | 2
  readonly failed: Broken
}

/**
 * `blame`: what was lost is back, so the revision broke it. `try-again`: it is not back after a minute. `acquit`: not after
 * ten minutes either, the second time.
 */
export type ReturnVerdict = 'wait' | 'blame' | 'try-again' | 'acquit'

/** `broken`: what is lost now, with the older revision in force. */
export function judgeReturn(
  { attempt, failed }: Return,
  elapsedMs: number,
  broken: readonly Broken[],
  { watchMs }: Windows,
): ReturnVerdict {
  // A device that restarts has nothing to wait for but that it stays up; once it may have been the power.
  if (failed.check === 'restarts') return elapsedMs < watchMs ? 'wait' : attempt === 1 ? 'try-again' : 'blame'
  if (!broken.some(({ check }) => check === failed.check)) return 'blame'
  if (attempt === 1) return elapsedMs >= RETURN_MS ? 'try-again' : 'wait'
  return elapsedMs >= SLOW_MS ? 'acquit' : 'wait'
}

/** Revisions in a row that failed here before a newer one has to wait. */
const FAILURES_FREE = 2
const WAIT_MS_MIN = 60_000
const WAIT_MS_MAX = 30 * 60_000

/** How long a newer revision waits after so many in a row that failed: a hub that signs one bad one a minute must not rule. */
export function waitMs(failures: number): number {
  const more = failures - FAILURES_FREE
  return more < 0 ? 0 : Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** Math.min(more, 10))
}
