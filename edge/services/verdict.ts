// What is known of a place that serves, from asking it: one miss says nothing, two in a row do, and so do two answers after that.
// Pure.

export type Health =
  /** Not asked, or not often enough. */
  | 'unknown'
  | 'serves'
  /** Somebody says no: a refusal, another answer than is wanted. */
  | 'fails'
  /** Nobody says anything. */
  | 'silent'

export interface Verdict {
  readonly health: Health
  /** In a row. */
  readonly misses: number
  readonly hits: number
  /** Smoothed, milliseconds, with what the machine itself takes to answer. */
  readonly rttMs?: number
  /** Of the last miss. */
  readonly why?: string
}

export type Outcome =
  | { readonly answered: true; readonly rttMs: number }
  | { readonly answered: false; readonly silent: boolean; readonly why: string }

export const unasked: Verdict = { health: 'unknown', misses: 0, hits: 0 }

const MISSES = 2
const HITS = 2
/** Of a new sample in the smoothed value: RFC 6298 §2. */
const WEIGHT = 1 / 8
/** The second question after a first miss, or a first answer, milliseconds. */
const SOON_MS = 500
/** Of a wait: what many nodes begin together, they do not go on with together. */
const JITTER = 0.2

export function heard(before: Verdict, outcome: Outcome): Verdict {
  if (outcome.answered) {
    const { rttMs: last = outcome.rttMs } = before
    const hits = before.hits + 1
    const isBack = before.health === 'unknown' || before.health === 'serves' || hits >= HITS
    const rttMs = last + (outcome.rttMs - last) * WEIGHT
    if (isBack) return { health: 'serves', misses: 0, hits, rttMs }
    return { ...before, misses: 0, hits, rttMs }
  }
  const misses = before.misses + 1
  const { rttMs } = before
  const kept = rttMs === undefined ? {} : { rttMs }
  const health = misses < MISSES ? before.health : outcome.silent ? 'silent' : 'fails'
  return { health, misses, hits: 0, why: outcome.why, ...kept }
}

/** One more of these would change what is thought of it. */
function isInDoubt({ health, hits, misses }: Verdict): boolean {
  if (health === 'fails' || health === 'silent') return hits > 0
  return misses > 0
}

/** Milliseconds until the next question. `fraction`: uniform in [0, 1). */
export function pauseMs(verdict: Verdict, intervalMs: number, fraction: number): number {
  const wait = isInDoubt(verdict) ? Math.min(SOON_MS, intervalMs) : intervalMs
  return wait * (1 - JITTER / 2 + JITTER * fraction)
}
