// Policy as the text of an nft table: deterministic, whole, replaced in one transaction. It speaks of the mesh interface only;
// traffic of any other interface passes untouched.
//
// Packets in the original direction of a flow meet the rules every time, replies pass with the flow: so a changed policy
// holds for running flows at their next packet. A router stands for the subnets behind it: what goes into them meets its
// ingress rules, what comes out of them its egress rules.

import { familyOf } from '../../shared/address/cidr.ts'
import type { DirectionRules, PortMatch, Rule } from '../../shared/policy/rules.ts'
import type { Enforcement } from './enforcement.ts'
import { chain, IP } from './nft.ts'

export const policyTableName = 'holdfast_policy'

/** Packet-too-big and its kin keep paths alive (RFC 4890 §4.3.1); neighbour discovery keeps IPv6 alive. */
const ALWAYS = [
  'icmp type { destination-unreachable, time-exceeded, parameter-problem } accept',
  'icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-neighbor-solicit, nd-neighbor-advert } accept',
]
const REPLIES = ['ct state related accept', 'ct direction reply ct state established accept', 'ct state invalid drop']

function set(items: readonly string[]): string {
  return items.length === 1 ? (items[0] ?? '') : `{ ${items.join(', ')} }`
}

/** Address matches of a rule, one line per family; none for anybody. */
function peerMatches(peers: Rule['peers'], side: 'saddr' | 'daddr'): readonly string[] {
  if (peers === 'any') return ['']
  return ([4, 6] as const).flatMap((family) => {
    const blocks = peers.filter((block) => familyOf(block) === family)
    return blocks.length === 0 ? [] : [`${IP[family]} ${side} ${set(blocks)} `]
  })
}

function portText([from, to]: readonly [number, number]): string {
  return from === to ? String(from) : `${from}-${to}`
}

/** Ranges merged where they touch: an interval set refuses overlaps. */
function mergeRanges(ranges: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const out: [number, number][] = []
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    const last = out.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else out.push([from, to])
  }
  return out
}

function portMatches(ports: Rule['ports']): readonly string[] {
  if (ports === 'any') return ['']
  return (['tcp', 'udp', 'sctp', 'icmp'] as const).flatMap((protocol) => {
    const mine = ports.filter((port: PortMatch) => port.protocol === protocol)
    if (mine.length === 0) return []
    if (protocol === 'icmp') return ['meta l4proto { icmp, ipv6-icmp } ']
    if (mine.some((port) => port.ports === undefined)) return [`meta l4proto ${protocol} `]
    const ranges = mergeRanges(mine.flatMap((port) => (port.ports === undefined ? [] : [port.ports])))
    return [`${protocol} dport ${set(ranges.map(portText))} `]
  })
}

function ruleLines(rule: Rule, side: 'saddr' | 'daddr', passTo: string): readonly string[] {
  const verdict = rule.verdict === 'pass' ? `goto ${passTo}` : rule.verdict
  const until = rule.untilS === undefined ? '' : `meta time < ${rule.untilS} `
  return peerMatches(rule.peers, side).flatMap((peer) =>
    portMatches(rule.ports).map((port) => `${until}${peer}${port}${verdict} comment "${rule.origin.slice(0, 120)}"`),
  )
}

function directionChains(name: 'ingress' | 'egress', rules: DirectionRules): string {
  const side = name === 'ingress' ? 'saddr' : 'daddr'
  const standard = `${name}_standard`
  const baseline = `${name}_baseline`
  return [
    chain(baseline, [...rules.baseline.flatMap((rule) => ruleLines(rule, side, baseline)), rules.fallback]),
    chain(standard, [
      ...rules.standard.flatMap((rule) => ruleLines(rule, side, baseline)),
      rules.isolated ? 'drop' : `goto ${baseline}`,
    ]),
    chain(name, [...rules.admin.flatMap((rule) => ruleLines(rule, side, standard)), `goto ${standard}`]),
  ].join('')
}

function forwardLines(input: Enforcement): readonly string[] {
  const { forwards } = input
  const into = forwards.map(({ destination }) => `${IP[familyOf(destination)]} daddr ${destination} goto ingress`)
  const out = forwards
    .filter((forward) => forward.nat === 'none')
    .map(({ destination }) => `${IP[familyOf(destination)]} saddr ${destination} goto egress`)
  return [
    'type filter hook forward priority filter; policy accept;',
    `iifname != "${input.interface}" oifname != "${input.interface}" accept`,
    ...REPLIES,
    ...ALWAYS,
    `iifname "${input.interface}" oifname "${input.interface}" drop`,
    ...into.map((line) => `iifname "${input.interface}" ${line}`),
    ...out.map((line) => `oifname "${input.interface}" ${line}`),
    'drop',
  ]
}

export function renderPolicy(policy: Enforcement): string {
  const own = `meta l4proto { tcp, udp } th dport ${policy.meshPort} accept`
  const base = (hook: 'input' | 'output', match: string, next: string): string =>
    chain(hook, [
      `type filter hook ${hook} priority filter; policy accept;`,
      `${match} != "${policy.interface}" accept`,
      ...REPLIES,
      ...ALWAYS,
      own,
      `goto ${next}`,
    ])
  return [
    `table inet ${policyTableName} {\n`,
    directionChains('ingress', policy.rules.ingress),
    directionChains('egress', policy.rules.egress),
    base('input', 'iifname', 'ingress'),
    base('output', 'oifname', 'egress'),
    chain('forward', forwardLines(policy)),
    '}\n',
  ].join('')
}
