// Whether two ends talked: a flow that was let through may still be a scan, a question that nobody answered, or a packet that
// went astray, and nobody needs a policy for those. Told by counts alone, for what was said is never kept.

import type { Amount } from './batch.ts'

/** `refusal`: what came back may be the kernel's word that nobody listens there; other flows of the service tell. */
export type Talk = 'talk' | 'refusal' | 'one-sided'

export interface Counted {
  /** IANA's number. */
  readonly protocol: number
  /** Of IPv6. */
  readonly v6: boolean
  /** How many flows these are the sums of. */
  readonly flows: number
  readonly sent: Amount
  readonly back: Amount
}

const CONNECTED: ReadonlySet<number> = new Set([6, 132])
/** Least IP header plus TCP header without options, bytes: a reset is no longer (RFC 9293 §3.1). */
const bareBytes = (v6: boolean): number => (v6 ? 60 : 40)
/** … with timestamps, which most packets of a connection carry (RFC 7323 §3.2). */
const stampedBytes = (v6: boolean): number => bareBytes(v6) + 12
/** What the options of the first packet add to that. */
const OPENING_BYTES = 8
/** IP and ICMP headers around the packet that an error quotes (RFC 792; RFC 4443 §3.1). */
const quoteBytes = (v6: boolean): number => (v6 ? 48 : 28)
/** Opening a connection and closing it again, with nothing said, takes fewer packets of either end. */
const LONG_PACKETS = 5

/** More bytes than so many bare headers: something was said. */
function carries({ bytes, packets }: Amount, v6: boolean, openings: number): boolean {
  return bytes > packets * stampedBytes(v6) + openings * OPENING_BYTES
}

function isConnectionUsed({ back, flows, sent, v6 }: Counted): boolean {
  // The opening takes two packets of the one end and one of the other; a connection that is used has more of both.
  if (sent.packets < 3 * flows || back.packets < 2 * flows) return false
  // Resets alone may be to one who tries to open it again and again.
  if (back.bytes <= back.packets * bareBytes(v6)) return carries(sent, v6, sent.packets)
  const isLong = sent.packets >= LONG_PACKETS * flows && back.packets >= LONG_PACKETS * flows
  return carries(sent, v6, flows) || carries(back, v6, flows) || isLong
}

export function talkOf(counted: Counted): Talk {
  const { back, protocol, sent, v6 } = counted
  if (sent.packets === 0 || back.packets === 0) return 'one-sided'
  if (CONNECTED.has(protocol)) return isConnectionUsed(counted) ? 'talk' : 'one-sided'
  // An error of ICMP counts as an answer, and is as long as what it quotes and its own headers; so are some answers.
  const quoted = (sent.bytes / sent.packets + quoteBytes(v6)) * back.packets
  return protocol === 17 && Math.abs(back.bytes - quoted) < 1 ? 'refusal' : 'talk'
}
