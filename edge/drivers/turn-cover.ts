// While a peer is turned from one working path to another, its packets still on the old one would make WireGuard roam back:
// they are the newest it hears. For a second they are made to come from the new endpoint, by a table of its own that
// holds nothing but elements with a timeout. A peer may be turned again within that second, back even: then whatever
// it left lately has to seem to come from where it is now.
//
// WireGuard's data messages only (type 4 and three zeros): the frames that measure the old path must stay what they are.

import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { type Endpoint, hostOf, isLoopback, portOf } from '../../shared/address/endpoint.ts'
import type { Clock } from '../../shared/effects.ts'
import type { Run } from './command.ts'

/** `of`: the mesh interface where it is in a network namespace of its own, for others of this host have a table, too. */
function tableOf(of: string | undefined): string {
  return of === undefined ? 'holdfast_turn' : `holdfast_turn_${of}`
}
/** Longer than a round trip over a satellite. */
const COVER_MS = 1_000

function family(endpoint: Endpoint): 4 | 6 {
  return familyOf(hostOf(endpoint) as Address)
}

/** Marks of packets between two rules; nothing outside this table ever sees them. */
const FIRST_MARK = 0x48460000

/** A map gives one value, so each cover has a number: the first map finds it, the others say what to write. */
function coverRules(table: string, listenPort: number): string {
  const linesOf = (words: string, bits: 4 | 6): readonly string[] => {
    const turned = `inet ${table} turned${bits}`
    return [
      `add map inet ${table} cover${bits} { type ipv${bits}_addr . inet_service : mark; flags timeout; }`,
      `add map inet ${table} address${bits} { type mark : ipv${bits}_addr; flags timeout; }`,
      `add map inet ${table} port${bits} { type mark : inet_service; flags timeout; }`,
      ...['cover', 'address', 'port'].map((map) => `flush map inet ${table} ${map}${bits}`),
      `add chain ${turned}`,
      `flush chain ${turned}`,
      `add rule ${turned} ${words} saddr set meta mark map @address${bits}`,
      `add rule ${turned} udp sport set meta mark map @port${bits}`,
      `add rule ${turned} meta mark set 0`,
      `add rule inet ${table} arrive udp dport ${listenPort} @th,64,32 0x04000000 meta mark set ${words} saddr . udp sport map @cover${bits} jump turned${bits}`,
    ]
  }
  return [
    `add table inet ${table}`,
    // Before conntrack, at -200: a firewall of the host has to see the flow that WireGuard sees.
    `add chain inet ${table} arrive { type filter hook prerouting priority -310; policy accept; }`,
    `flush chain inet ${table} arrive`,
    ...linesOf('ip', 4),
    ...linesOf('ip6', 6),
    '',
  ].join('\n')
}

interface Cover {
  readonly endpoint: Endpoint
  /** Monotonic milliseconds. */
  readonly until: number
}

function coverElements(table: string, leaves: Endpoint, { endpoint, until }: Cover, mark: number, now: number): string {
  const bits = family(leaves)
  const element = (map: string, key: string, value: string): string =>
    `add element inet ${table} ${map}${bits} { ${key} timeout ${Math.ceil(until - now)}ms : ${value} }\n`
  return [
    element('cover', `${hostOf(leaves)} . ${portOf(leaves)}`, String(mark)),
    element('address', String(mark), hostOf(endpoint)),
    element('port', String(mark), String(portOf(endpoint))),
  ].join('')
}

/** Nothing where the two are of different families, or the turn is to a TLS relay: then the peer is turned without. */
export type TurnCover = (leaves: Endpoint, endpoint: Endpoint) => Promise<void>

/** Removes the table, with whatever an earlier run left. */
export async function removeTurnCover(run: Run, of?: string): Promise<void> {
  const table = tableOf(of)
  await run('nft', ['-f', '-'], { input: `add table inet ${table}\ndelete table inet ${table}\n` })
}

export function createTurnCover(listenPort: number, clock: Clock, run: Run, of?: string): TurnCover {
  const table = tableOf(of)
  /** What was left within the last second, at most one a peer and turn. */
  const live = new Map<Endpoint, Cover>()
  let current: Promise<unknown> = Promise.resolve()
  let next: Promise<void> | undefined

  const note = (leaves: Endpoint, endpoint: Endpoint): void => {
    const now = clock.monotonic()
    const cover = { endpoint, until: now + COVER_MS }
    live.delete(endpoint)
    for (const [left, { endpoint: to, until }] of live) {
      if (until <= now) live.delete(left)
      else if (to === leaves) live.set(left, cover)
    }
    live.set(leaves, cover)
    // No packet changes its family on the way.
    for (const [left, { endpoint: to }] of live) if (family(left) !== family(to)) live.delete(left)
  }

  const write = async (): Promise<void> => {
    next = undefined
    const now = clock.monotonic()
    const elements = [...live]
      .filter(([, { until }]) => until > now)
      .map(([left, cover], i) => coverElements(table, left, cover, FIRST_MARK + i, now))
    current = run('nft', ['-f', '-'], { input: coverRules(table, listenPort) + elements.join('') })
    await current
  }

  return (leaves, endpoint) => {
    // What comes by a wire and seems to come from loopback is dropped as martian.
    if (isLoopback(endpoint)) return Promise.resolve()
    note(leaves, endpoint)
    // One after the other, because each says all; those that come meanwhile share the next.
    next ??= current.then(write, write)
    return next
  }
}
