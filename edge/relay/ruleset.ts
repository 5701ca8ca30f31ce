// The relay's own nft table as text: what never changes while it runs, and the elements of one session.
//
// A packet from a bound end is looked up once by (source, port, session port) and gets a mark that names the session and
// the side; the rest goes by that mark. No conntrack, no port of Node's, no header: what comes in goes out as it is.
// Rules may be laid anew at any time; the maps are only ever added to and taken from, so traffic never stops.

import { hostOf, portOf } from '../../shared/address/endpoint.ts'
import type { Forward } from './forwarder.ts'
import type { PortRange, Side } from './sessions.ts'

export const relayTable = 'holdfast_relay'

export interface RulesetOptions {
  readonly range: PortRange
  /** Relay port; the next one answers STUN, too. */
  readonly port: number
  /** Of each end of a session, bytes per second. */
  readonly sessionBytesPerSecond: number
  /** Of all sessions together. */
  readonly totalBytesPerSecond: number
}

/** Upper half of the marks: "Hf". Nothing else on a host is known to use it. */
const MARK = 0x48660000
/** For rules of others that have to let relayed packets pass. */
export const relayMark = `0x${MARK.toString(16)}`
/** Source, the relay's own address, source port, session port. */
const END_KEY = {
  4: 'ipv4_addr . ipv4_addr . inet_service . inet_service',
  6: 'ipv6_addr . ipv6_addr . inet_service . inet_service',
} as const
const IP = { 4: 'ip', 6: 'ip6' } as const
const FAMILIES = [4, 6] as const
/** Frames of a relay as the kernel sees them: magic, then kind. Payload begins 64 bits into the UDP header. */
const FRAME = '@th,64,32 0xf0687201 @th,96,8'
/** REFRESH, UNBIND and CALL, which come to session ports. */
const KEPT = `${FRAME} { 5, 7, 9 }`
const STUN = '@th,64,16 0x0001 @th,96,32 0x2112a442'

/** The kernel multiplies rate and burst by nanoseconds in 64 bits: more than 100 Gbit/s is refused. */
const BURST_KBYTES_MAX = 1_000_000

/** `nft` wants whole units; a burst of a tenth of a second lets TCP breathe. */
function rate(bytesPerSecond: number): string {
  const perSecond = Math.max(1, Math.round(bytesPerSecond / 1_024))
  const burst = Math.min(BURST_KBYTES_MAX, Math.max(64, Math.round(perSecond / 10)))
  return `limit rate ${perSecond} kbytes/second burst ${burst} kbytes`
}

/**
 * Of ends whose other end is not bound, bytes per second: it may be there by TLS, and the process carries what it can. Of
 * these ends alone; all of them proved who they are.
 */
const WAITING_BYTES_PER_SECOND_MAX = 12_500_000

function objects({ range, sessionBytesPerSecond }: RulesetOptions): readonly string[] {
  const size = `size ${2 * range.count};`
  const waiting = rate(Math.min(WAITING_BYTES_PER_SECOND_MAX, sessionBytesPerSecond))
  return [
    'counter junk { }',
    `map to_port { type mark : inet_service; ${size} }`,
    ...FAMILIES.flatMap((family) => [
      `map end${family} { type ${END_KEY[family]} : mark; ${size} ${rate(sessionBytesPerSecond)}; }`,
      `map to${family} { type mark : ipv${family}_addr; ${size} counter; }`,
      `map from${family} { type mark : ipv${family}_addr; ${size} }`,
      `set waiting${family} { type ${END_KEY[family]}; ${size} ${waiting}; }`,
      `set known${family} { type ipv${family}_addr . inet_service; ${size} limit rate 200/second burst 200 packets; }`,
      `set asker${family} { type ipv${family}_addr; size 65535; flags dynamic,timeout; timeout 1m; }`,
    ]),
  ]
}

function control(): readonly string[] {
  const asking = `${FRAME} { 1, 3 }`
  return [
    'notrack',
    `${asking} update @asker4 { ip saddr limit rate over 40/second burst 80 packets } counter name junk drop`,
    `${asking} update @asker6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate over 40/second burst 80 packets } counter name junk drop`,
    `${asking} limit rate 5000/second burst 1000 packets accept`,
    `${STUN} limit rate 5000/second burst 1000 packets accept`,
    'counter name junk drop',
  ]
}

function chains(options: RulesetOptions): Readonly<Record<string, readonly string[]>> {
  const { port, range, totalBytesPerSecond } = options
  const key = (family: 4 | 6): string => `${IP[family]} saddr . ${IP[family]} daddr . udp sport . udp dport`
  const ports = `{ ${port}, ${port + 1}, ${range.first}-${range.first + range.count - 1} }`
  // What this host routes for others is none of the relay's business.
  const others = 'fib daddr type != local accept'
  const forward = (family: 4 | 6): readonly string[] => [
    `${rate(totalBytesPerSecond)} notrack ${IP[family]} daddr set meta mark map @to${family} udp sport set udp dport udp dport set meta mark map @to_port accept`,
    'drop',
  ]
  return {
    forward4: forward(4),
    forward6: forward(6),
    control: control(),
    // The ends of sessions are heard whatever others send; strangers may be ends that moved.
    kept: [
      others,
      'notrack',
      ...FAMILIES.map((family) => `${IP[family]} saddr . udp sport @known${family} accept`),
      'limit rate 500/second burst 500 packets accept',
      'counter name junk drop',
    ],
    session: [
      `${KEPT} goto kept`,
      ...FAMILIES.map((family) => `meta mark set ${key(family)} map @end${family} goto forward${family}`),
      others,
      'notrack',
      // An end whose other end is not bound, yet or because it is here by TLS: its packets reach the process.
      ...FAMILIES.map((family) => `${key(family)} @waiting${family} limit rate 20000/second burst 2000 packets accept`),
      // Ends that this table learns of in a moment: the process knows them already, and nobody else gets past it.
      'limit rate 500/second burst 500 packets accept',
      'counter name junk drop',
    ],
    arrive: [
      'type filter hook prerouting priority raw; policy accept;',
      `udp dport ${range.first}-${range.first + range.count - 1} goto session`,
      `udp dport { ${port}, ${port + 1} } fib daddr type local goto control`,
    ],
    answer: [
      'type filter hook output priority raw; policy accept;',
      `udp sport ${ports} notrack`,
      // Nor does the kernel answer for ports that are closed: it would send strangers more than they sent.
      `icmp type destination-unreachable icmp code port-unreachable @th,240,16 ${ports} counter name junk drop`,
      `icmpv6 type destination-unreachable icmpv6 code port-unreachable @th,400,16 ${ports} counter name junk drop`,
    ],
    depart: [
      'type filter hook postrouting priority 150; policy accept;',
      ...FAMILIES.map(
        (family) => `meta mark and 0xffff0000 == ${MARK} ${IP[family]} saddr set meta mark map @from${family} accept`,
      ),
    ],
  }
}

/** Lays the table, or lays its rules anew in one transaction while its maps stay as they are. */
export function renderTable(options: RulesetOptions): string {
  const all = Object.entries(chains(options))
  const table = (body: readonly string[]): string =>
    `table inet ${relayTable} {\n${body.map((line) => `\t${line}\n`).join('')}}\n`
  const base = (lines: readonly string[]): string => (lines[0]?.startsWith('type ') === true ? (lines[0] ?? '') : '')
  const declared = all.map(([name, lines]) => `chain ${name} { ${base(lines)} }`)
  const rules = all.flatMap(([name, lines]) =>
    lines.filter((line) => !line.startsWith('type ')).map((line) => `add rule inet ${relayTable} ${name} ${line}\n`),
  )
  const flush = all.map(([name]) => `flush chain inet ${relayTable} ${name}\n`)
  return [table([...objects(options), ...declared]), ...flush, ...rules].join('')
}

export const clearTable = `add table inet ${relayTable}\ndelete table inet ${relayTable}\n`

export function markOf(range: PortRange, port: number, side: Side): number {
  return MARK + 2 * (port - range.first) + side
}

/** Elements of a session, each with the map or set it belongs in. */
export interface Element {
  readonly home: string
  readonly key: string
  readonly value?: string
  readonly comment?: string
}

export function elementsOf(forward: Forward, range: PortRange): readonly Element[] {
  const { ends, family, nodes, port } = forward
  return ([0, 1] as const).flatMap((side): readonly Element[] => {
    const end = ends[side]
    const other = ends[1 - side]
    if (end === undefined) return []
    const key = `${hostOf(end.source)} . ${end.local} . ${portOf(end.source)} . ${port}`
    // Who it is stands in the comment: a process that starts anew reads it there.
    const comment = `${nodes[side]} ${nodes[1 - side]}`
    if (other === undefined) return [{ home: `waiting${family}`, key, comment }]
    const mark = String(markOf(range, port, side))
    return [
      { home: `end${family}`, key, value: mark, comment },
      { home: `to${family}`, key: mark, value: hostOf(other.source) },
      { home: 'to_port', key: mark, value: String(portOf(other.source)) },
      { home: `from${family}`, key: mark, value: other.local },
    ]
  })
}

function nameOf({ home, key, value }: Element): string {
  return `${home} ${key} ${value ?? ''}`
}

/** Sources that are the end of any session; several sessions share one. */
export function knownOf(forwards: Iterable<Forward>): readonly Element[] {
  const known = new Map<string, Element>()
  for (const { ends, family } of forwards) {
    for (const end of ends) {
      if (end === undefined || known.has(end.source)) continue
      known.set(end.source, { home: `known${family}`, key: `${hostOf(end.source)} . ${portOf(end.source)}` })
    }
  }
  return [...known.values()]
}

/** What turns one list of elements into the other; what stays is not touched. */
export function renderChange(before: readonly Element[], after: readonly Element[]): string {
  const [had, has] = [new Set(before.map(nameOf)), new Set(after.map(nameOf))]
  const gone = before.filter((one) => !has.has(nameOf(one)))
  const come = after.filter((one) => !had.has(nameOf(one)))
  return [
    ...gone.map(({ home, key }) => `delete element inet ${relayTable} ${home} { ${key} }\n`),
    ...come.map(({ comment, home, key, value }) => {
      const words = comment === undefined ? '' : ` comment "${comment}"`
      return `add element inet ${relayTable} ${home} { ${key}${words}${value === undefined ? '' : ` : ${value}`} }\n`
    }),
  ].join('')
}
