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

/** Binary units, three digits. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const
  let value = bytes
  for (const unit of units) {
    if (value < 1_024 || unit === 'TiB')
      return `${unit === 'B' || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`
    value /= 1_024
  }
  return ''
}

export function rttText(rttMs: number | undefined): string {
  if (rttMs === undefined) return '-'
  return rttMs < 10 ? `${rttMs.toFixed(1)} ms` : `${Math.round(rttMs)} ms`
}

/** Wall-clock time without fractions, UTC: fleets span time zones. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
