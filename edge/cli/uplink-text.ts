// How good the way out is, for people.

import type { UplinkQuality } from '../../shared/wire/uplink-quality.ts'

/** `round trip up to 20 ms, loss up to 1 %, carries 50 Mbit/s or more (as seen), metered`. */
export function uplinkText({ bandwidthBy, bandwidthMbps, lossPercent, metered, rttMs }: UplinkQuality): string {
  const parts = [
    ...(rttMs === undefined ? [] : [`round trip up to ${rttMs} ms`]),
    ...(lossPercent === undefined ? [] : [`loss up to ${lossPercent} %`]),
    ...(bandwidthMbps === undefined
      ? []
      : [`carries ${bandwidthMbps} Mbit/s or more (${bandwidthBy === 'declared' ? 'as set' : 'as seen'})`]),
  ]
  const known = parts.length === 0 ? ['not measured yet: no way that leaves the LAN was in use for long enough'] : parts
  return [...known, ...(metered ? ['metered'] : [])].join(', ')
}
