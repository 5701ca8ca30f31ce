// Small texts that commands of hub and agent print the same way.

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

/** Wall-clock time without fractions, UTC: fleets span time zones. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
