// What is known of a device's way out, for people and schedulers. Pure.

import type { UplinkQuality } from '../../shared/wire/uplink-quality.ts'
import type { FleetNode, Shown } from '../hub.ts'

/** As the device told last; nothing of that once it was away for a while. */
export interface UplinkView extends Partial<UplinkQuality> {
  readonly state: 'online' | 'offline' | 'unknown'
}

/** A device that is not heard for so long is away: a hub that restarts, or a broker, must not make all look so. */
const AWAY_AFTER_MS = 5 * 60_000

/** `hearsSince`: since when this hub could have heard it; times in milliseconds since the Unix epoch. */
export function uplinkOf({ report, since, state }: FleetNode, hearsSince: number, now: number): UplinkView {
  if (state === 'disabled') return { state: 'offline' }
  if (state !== 'online' && state !== 'offline') return { state: 'unknown' }
  if (state === 'offline' && now - Math.max(since, hearsSince) >= AWAY_AFTER_MS) return { state: 'offline' }
  return report === undefined ? { state: 'unknown' } : { state: 'online', ...report.uplink }
}

/** Of a Node whose device has joined. */
export function uplinkIn(shown: Shown | undefined): UplinkView | undefined {
  return shown?.status['uplink'] as UplinkView | undefined
}
