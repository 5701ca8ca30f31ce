// A measured figure as a step of a scale, which stays while the figure wavers: it has to leave the step by a margin, and to stay
// away for a while, before another is taken. Pure.

/** Ascending upper bounds, and how long a figure has to be elsewhere. */
export interface Scale {
  readonly steps: readonly number[]
  readonly worseAfterMs: number
  readonly betterAfterMs: number
}

/** Where a figure stands. Below is better. */
export interface Standing {
  /** The step that is told; undefined until the figure was known for a while. */
  readonly step: number | undefined
  /** Elsewhere since then, without a break; `step` is the nearest to the one that is told. */
  readonly elsewhere?: { readonly step: number; readonly since: number; readonly isWorse: boolean }
  /** Of the last sample. */
  readonly at: number
}

export const nothingKnown: Standing = { step: undefined, at: Number.NEGATIVE_INFINITY }

/** A figure has to leave its step by this much. */
const MARGIN = 0.1
/** The first step is told once the figure was known for so long: round trips of the first seconds are those of a busy start. */
const FIRST_AFTER_MS = 30_000
/** Without samples for so long, nothing is known of the time in between. */
const BREAK_MS = 90_000

/** The least step that holds the figure. */
export function stepOf(steps: readonly number[], figure: number): number {
  return steps.find((step) => figure <= step) ?? steps.at(-1) ?? figure
}

/** The step that the figure is in for sure, seen from `held`. */
function wantedFrom(steps: readonly number[], held: number, figure: number): number {
  const worse = stepOf(steps, figure / (1 + MARGIN))
  if (worse > held) return worse
  const better = stepOf(steps, figure * (1 + MARGIN))
  return better < held ? better : held
}

/** The standing after a sample. Times are monotonic milliseconds. */
export function noteFigure(
  before: Standing,
  { betterAfterMs, steps, worseAfterMs }: Scale,
  figure: number,
  at: number,
) {
  const isBroken = at - before.at > BREAK_MS
  const elsewhere = isBroken ? undefined : before.elsewhere
  if (before.step === undefined) {
    const since = elsewhere?.since ?? at
    const step = stepOf(steps, figure)
    if (at - since >= FIRST_AFTER_MS) return { step, at }
    return { step: undefined, at, elsewhere: { step, since, isWorse: true } }
  }
  const wanted = wantedFrom(steps, before.step, figure)
  if (wanted === before.step) return { step: before.step, at }
  const isWorse = wanted > before.step
  const goesOn = elsewhere?.isWorse === isWorse ? elsewhere : undefined
  const nearest =
    goesOn === undefined ? wanted : isWorse ? Math.min(wanted, goesOn.step) : Math.max(wanted, goesOn.step)
  const since = goesOn?.since ?? at
  if (at - since >= (isWorse ? worseAfterMs : betterAfterMs)) return { step: nearest, at }
  return { step: before.step, at, elsewhere: { step: nearest, since, isWorse } }
}
