// How this node looks from outside: the address its packets bear behind the NATs in front of it, as peers tell it back.
// Two observers that see the same port mean a NAT whose mapping does not depend on the destination (RFC 4787 §4.1): then
// the mapping is worth announcing. Different ports mean that it is of no use to anybody else.

import { type Address, familyOf, hostCidr } from '../../shared/address/cidr.ts'
import { type Endpoint, hostOf } from '../../shared/address/endpoint.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Fact } from '../../shared/fact/fact.ts'

/**
 * What is older than the newest sight by this much may be of a mapping that is gone (RFC 4787 §4.3). Silence makes
 * nothing older: WireGuard's keepalives hold the mapping while nobody tells of it.
 */
const SAME_TIME_MS = 120_000
/** Observers remembered: more agree on nothing new. */
const OBSERVERS_MAX = 16
const MAPPED_MAX = 4

interface Sight {
  /** Of the observer. */
  readonly host: string
  readonly endpoint: Endpoint
  readonly at: number
}

export interface Mapping {
  readonly natType: Fact['natType']
  /** Worth announcing; sorted. */
  readonly mapped: readonly Endpoint[]
}

export interface Reflexive {
  /**
   * `observer` saw our packets come from `endpoint`. `at` in monotonic milliseconds.
   * `moved`: it saw another address before, so that this node goes out elsewhere now, and what others saw is history.
   */
  note(observer: Endpoint, endpoint: Endpoint, at: number): 'known' | 'new' | 'moved'
  /** `own`: addresses of this host. */
  mapping(own: ReadonlySet<string>): Mapping
  /** Addresses this node bears outside, whatever the port. */
  hosts(): readonly string[]
  /** Links changed: what was seen is history. */
  forget(): void
}

function family(endpoint: Endpoint): 4 | 6 {
  return familyOf(hostCidr(hostOf(endpoint) as Address))
}

/** What one family shows. IPv6 without translation shows an own address. */
function judge(sights: readonly Sight[], own: ReadonlySet<string>): Mapping {
  const seen = sights.map(({ endpoint }) => endpoint)
  if (seen.some((endpoint) => own.has(hostOf(endpoint)))) return { natType: 'none', mapped: [] }
  const different = new Set(seen)
  if (different.size > 1) return { natType: 'symmetric', mapped: [] }
  if (seen.length === 0) return { natType: 'unknown', mapped: [] }
  // One observer proves no independence, at however many ports, and its word may still be right.
  const observers = new Set(sights.map(({ host }) => host)).size
  return { natType: observers > 1 ? 'endpoint-independent' : 'unknown', mapped: [...different] }
}

export function createReflexive(): Reflexive {
  const sights = new Map<Endpoint, Sight>()
  const current = (): readonly Sight[] => {
    const newest = [...sights.values()].at(-1)?.at ?? 0
    return [...sights.values()].filter(({ at }) => newest - at <= SAME_TIME_MS)
  }

  return {
    note(observer, endpoint, at) {
      const before = sights.get(observer)?.endpoint
      const moved = before !== undefined && hostOf(before) !== hostOf(endpoint)
      if (moved) sights.clear()
      sights.delete(observer)
      sights.set(observer, { endpoint, at, host: hostOf(observer) })
      const [oldest] = sights.keys()
      if (sights.size > OBSERVERS_MAX && oldest !== undefined) sights.delete(oldest)
      if (moved) return 'moved'
      return before === endpoint ? 'known' : 'new'
    },
    mapping(own) {
      const seen = current()
      const four = judge(
        seen.filter(({ endpoint }) => family(endpoint) === 4),
        own,
      )
      const six = judge(
        seen.filter(({ endpoint }) => family(endpoint) === 6),
        own,
      )
      const natType = four.natType === 'unknown' && four.mapped.length === 0 ? six.natType : four.natType
      const mapped = [...four.mapped, ...six.mapped].sort(compareText).slice(0, MAPPED_MAX)
      return { natType, mapped }
    },
    hosts: () => [...new Set(current().map(({ endpoint }) => hostOf(endpoint)))],
    forget: () => sights.clear(),
  }
}
