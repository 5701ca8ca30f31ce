// At most so many things in any second, exactly: remembers when the last ones happened.

const WINDOW_MS = 1_000

/** When the next one may happen; in the past if at once. `times` is in order. */
export function freeAt(times: readonly number[], perSecondMax: number): number {
  const first = times[times.length - perSecondMax]
  return first === undefined ? Number.NEGATIVE_INFINITY : first + WINDOW_MS
}

export function noteTime(times: number[], perSecondMax: number, now: number): void {
  times.push(now)
  if (times.length > perSecondMax) times.shift()
}
