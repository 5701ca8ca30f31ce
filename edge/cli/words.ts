// Small texts that several commands print the same way: ages, byte counts, round trips, columns.

/** `45s`, `12m`, `3h`, `9d`: one unit is what a person reads at a glance. */
export function ageText(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))}s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

/** ` (3h ago)`; nothing where the age is not known. */
export function agoText(seconds: number | undefined): string {
  return seconds === undefined ? '' : ` (${ageText(seconds)} ago)`
}

export function rttText(rttMs: number | undefined): string {
  if (rttMs === undefined) return '-'
  return rttMs < 10 ? `${rttMs.toFixed(1)} ms` : `${Math.round(rttMs)} ms`
}
