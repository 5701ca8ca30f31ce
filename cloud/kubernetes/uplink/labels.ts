// How good the way out of a device is, as labels for schedulers. Figures are whole numbers, so that `Lt` and `Gt` of a
// nodeAffinity take them, and `unknown` is none: what is not known is never taken for good. Pure.

import type { UplinkView } from '../../fleet/uplink.ts'

type Labels = Readonly<Record<string, string>>

const UPLINK = 'holdfast.dev/uplink'
const UNKNOWN = 'unknown'

export const uplinkKeys = [
  UPLINK,
  `${UPLINK}-rtt-ms`,
  `${UPLINK}-loss-percent`,
  `${UPLINK}-mbps`,
  `${UPLINK}-metered`,
] as const

/** All of them, always: one that is missing reads like one that nobody asked for. */
export function uplinkLabels({ bandwidthMbps, lossPercent, metered, rttMs, state }: UplinkView): Labels {
  const [main, rtt, loss, mbps, paid] = uplinkKeys
  return {
    [main]: state,
    [rtt]: String(rttMs ?? UNKNOWN),
    [loss]: String(lossPercent ?? UNKNOWN),
    [mbps]: String(bandwidthMbps ?? UNKNOWN),
    [paid]: String(metered ?? UNKNOWN),
  }
}

/** Those of `labels` that are of this kind. */
export function uplinkLabelsIn(labels: Readonly<Record<string, unknown>>): Labels {
  return Object.fromEntries(
    uplinkKeys.flatMap((key) => (Object.hasOwn(labels, key) ? [[key, String(labels[key])] as const] : [])),
  )
}

/** Labels as people wrote them; nothing where none are left. */
export function withoutUplinkLabels(labels: Readonly<Record<string, unknown>>): { readonly labels?: object } {
  const known: readonly string[] = uplinkKeys
  const rest = Object.entries(labels).filter(([key]) => !known.includes(key))
  const isBare = rest.length === 0 && Object.keys(labels).length > 0
  return isBare ? {} : { labels: Object.fromEntries(rest) }
}
