// What is thought of a router that is asked whether it forwards. Pure. One echo that is lost says little; how many have to be in
// a row follows from how many are lost on that way anyway.

export interface Proof {
  /** `unasked`: nothing came of it yet, one way or the other. */
  readonly state: 'unasked' | 'proven' | 'failing'
  /** Since when it is that, monotonic ms. */
  readonly sinceMs: number
  /** Without an answer, in a row. */
  readonly misses: number
  /** Share of echoes that are lost while it forwards, 0–1. */
  readonly loss: number
  /** Of the last answer. */
  readonly rttMs?: number
}

/** Weight of one echo in what is known of loss: that of the last twenty or so. */
const WEIGHT = 0.05
/** A verdict that is wrong once in so many echoes costs a change of router each few hours. */
const WRONG = 1e-4
const [MISSES_MIN, MISSES_MAX] = [3, 8]

export function unasked(nowMs: number): Proof {
  return { state: 'unasked', sinceMs: nowMs, misses: 0, loss: 0 }
}

/** In a row, to be taken for more than bad luck. */
export function missesNeeded(loss: number): number {
  if (loss <= 0) return MISSES_MIN
  return Math.min(MISSES_MAX, Math.max(MISSES_MIN, Math.ceil(Math.log(WRONG) / Math.log(loss))))
}

export function answered(before: Proof, nowMs: number, rttMs: number): Proof {
  const isNew = before.state !== 'proven'
  // What was lost while it did not forward says nothing about the way.
  const lost = isNew
    ? before.loss
    : before.misses > 0
      ? before.loss + WEIGHT * before.misses * (1 - before.loss)
      : before.loss
  const loss = Math.min(0.5, lost * (1 - WEIGHT))
  return { state: 'proven', sinceMs: isNew ? nowMs : before.sinceMs, misses: 0, loss, rttMs }
}

export function missed(before: Proof, nowMs: number): Proof {
  const misses = before.misses + 1
  if (before.state === 'failing' || misses < missesNeeded(before.loss)) return { ...before, misses }
  return { ...before, misses, state: 'failing', sinceMs: nowMs }
}
