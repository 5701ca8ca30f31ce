// Figures as people read them. Units are written out where a screen has room, and never left out.

import type { Version } from '../../../shared/record/head.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `3 s`, `5 min`, `7 h`, `12 d`: the largest unit that fits. */
export function spanText(ms: number): string {
  const left = Math.max(0, ms)
  if (left < 2 * MINUTE) return `${Math.floor(left / SECOND)} s`
  if (left < 2 * HOUR) return `${Math.floor(left / MINUTE)} min`
  return left < 2 * DAY ? `${Math.floor(left / HOUR)} h` : `${Math.floor(left / DAY)} d`
}

export function agoText(at: number | undefined, now: number): string {
  if (at === undefined) return 'never'
  return now - at < 2 * SECOND ? 'just now' : `${spanText(now - at)} ago`
}

export function versionText(version: Version | undefined): string {
  if (version === undefined) return '–'
  return version.epoch <= 1 ? String(version.revision) : `${version.epoch}.${version.revision}`
}

export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const
  let [left, at] = [bytes, 0]
  while (left >= 1_000 && at < units.length - 1) [left, at] = [left / 1_000, at + 1]
  return `${at === 0 || left >= 100 ? Math.round(left) : left.toFixed(1)} ${units[at] ?? 'B'}`
}

export function rttText(us: number | undefined): string {
  if (us === undefined) return '–'
  return us < 10_000 ? `${(us / 1_000).toFixed(1)} ms` : `${Math.round(us / 1_000)} ms`
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}

/** `94 %`; the few of many are neither none nor all. */
export function shareText(part: number, whole: number): string {
  const percent = Math.round((100 * part) / whole)
  if (part > 0 && percent === 0) return 'under 1 %'
  return part < whole && percent === 100 ? 'over 99 %' : `${percent} %`
}

/** `24h`, as the hub takes it, in the words of every other span: `24 h`. */
export function lifeText(life: string): string {
  return life.replace(/(?<=\d)(?=[a-z])/, '\u00a0').replace(/m$/, 'min')
}

/** The first few, and how many more. */
export function namesText(names: readonly string[], shown = 3): string {
  const rest = names.length - shown
  return rest <= 0 ? names.join(', ') : `${names.slice(0, shown).join(', ')} and ${rest.toLocaleString('en')} more`
}

/** Local time of day; with the day where it is not today's. */
export function timeText(at: number, now: number): string {
  const date = new Date(at)
  const time = date.toLocaleTimeString('en-GB')
  const day = date.toLocaleDateString('en-CA')
  return day === new Date(now).toLocaleDateString('en-CA') ? time : `${day} ${time}`
}
