// What paths carry, in words: the same for tables, sentences and checks.

import { isIpv6 } from '../../shared/address/endpoint.ts'
import type { CandidateReport, PathReport } from '../paths/report.ts'
import { ageText } from './words.ts'

/** What WireGuard's messages add outside: IP, UDP, and 32 bytes of its own. */
const AROUND_BYTES = { 4: 60, 6: 80 } as const

/** Named as long as they fit on a line. */
const NAMED_MAX = 6

export function mtuText({ mtu }: CandidateReport): string {
  return mtu === undefined ? '-' : String(mtu.bytes)
}

/** Undefined where nothing is known, and nothing is to be said. */
export function mtuSentence({ endpoint, kind, mtu }: CandidateReport): string | undefined {
  if (mtu === undefined) return undefined
  const { bytes, full, measuredAgeMs, tooBig } = mtu
  if (full) return `Packets of the network’s full MTU (${bytes} bytes) get through whole.`
  const outside = bytes + AROUND_BYTES[isIpv6(endpoint) ? 6 : 4]
  const sizes = kind === 'tls' ? `${bytes} bytes` : `${bytes} bytes (${outside} outside)`
  if (measuredAgeMs === undefined) return `Packets are kept to ${sizes} until the path is measured.`
  const why =
    tooBig === undefined ? '' : `: those of ${tooBig} were lost again and again while smaller ones got through`
  return `Packets are kept to ${sizes}${why}; measured ${ageText(measuredAgeMs / 1_000)} ago.`
}

/** All paths in use at a glance. */
export function mtuSummary(peers: readonly PathReport[]): string {
  const used = peers.flatMap(({ candidates, name }) =>
    candidates.flatMap(({ inUse, mtu }) => (inUse && mtu !== undefined ? [{ name, ...mtu }] : [])),
  )
  const less = used.filter(({ full }) => !full)
  const full = used.length - less.length
  const named = less.slice(0, NAMED_MAX).map(({ bytes, name }) => `${bytes} to ${name}`)
  if (less.length > NAMED_MAX) named.push(`less to ${less.length - NAMED_MAX} more`)
  const parts = [...(full === 0 ? [] : [`full to ${full === 1 ? '1 peer' : `${full} peers`}`]), ...named]
  return parts.join(', ') || 'not measured: no payload flows'
}
