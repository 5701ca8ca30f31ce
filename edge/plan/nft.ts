// The text of the own nft table: deterministic, whole, replaced in one transaction. What the host does for the mesh besides
// policy: it shares WireGuard's port, fits segments to the path, and translates for routes. Policy has a table of its own.

import { type Cidr, familyOf } from '../../shared/address/cidr.ts'
import type { Forward } from './enforcement.ts'
import { echoLines, echoRoomLines } from './nft-echo.ts'
import { ledLines } from './nft-led.ts'
import { type SharedPort, shareChains, shareSets } from './share.ts'

export interface RulesetInput {
  readonly interface: string
  /** Blocks of the mesh itself. */
  readonly mesh: readonly Cidr[]
  readonly forwards: readonly Forward[]
  /** Of these, what this node leads out to for others. */
  readonly leadsOut?: readonly Cidr[]
  /** Pods are behind this node: what their network does to sources that leave it is not for the mesh. */
  readonly keepsSources?: boolean
  /** Where the agent shares WireGuard's port. */
  readonly share?: SharedPort | undefined
  /** Set where the interface is in a network namespace of its own: the port is shared outside, in the table of this name. */
  readonly outsideTable?: string | undefined
}

export const tableName = 'holdfast'

/** Each network of a host has an interface, and a table outside, of its own name. */
export function outsideTableOf(name: string): string {
  return `${tableName}_${name}`
}

export const IP = { 4: 'ip', 6: 'ip6' } as const

export function chain(name: string, lines: readonly string[]): string {
  return `\tchain ${name} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`
}

/**
 * TCP between a subnet and the mesh keeps to what the path carries from its first packet on: many networks lose the ICMP that
 * would tell them later.
 */
function segmentLines({ interface: name }: RulesetInput): readonly string[] {
  const clamp = 'tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu'
  return [
    'type filter hook forward priority mangle; policy accept;',
    `iifname "${name}" ${clamp}`,
    `oifname "${name}" ${clamp}`,
  ]
}

/**
 * Ahead of all others at this hook: the first rule that gives a packet's flow a source gives it for good (nf_nat_inet_fn in
 * net/netfilter/nf_nat_core.c).
 */
function natLines(input: RulesetInput): readonly string[] {
  const { forwards, interface: name, mesh } = input
  const lines = forwards
    .filter((forward) => forward.nat === 'masquerade')
    .flatMap(({ destination }) => {
      const family = familyOf(destination)
      const sources = mesh.filter((block) => familyOf(block) === family)
      return sources.map(
        (source) => `oifname != "${name}" ${IP[family]} saddr ${source} ${IP[family]} daddr ${destination} masquerade`,
      )
    })
  const first = 'type nat hook postrouting priority srcnat - 1; policy accept;'
  return [first, ...lines, ...mapLines(input, 'out'), ...keepLines(input)]
}

/** A subnet that is mapped onto itself: whoever comes later, such as flannel with its masquerade, finds the source settled. */
function keepLines({ forwards, interface: name, keepsSources = false }: RulesetInput): readonly string[] {
  return forwards.flatMap(({ destination, nat }) => {
    const ip = IP[familyOf(destination)]
    const keeps = keepsSources && nat === 'none'
    return keeps ? [`oifname "${name}" snat ${ip} prefix to ${ip} saddr map { ${destination} : ${destination} }`] : []
  })
}

/**
 * One for one, both ways: a machine keeps its place in the block, so that who it is can be told from what it is called. The
 * kernel maps whole blocks from 5.8 on (NF_NAT_RANGE_NETMAP for nf_tables).
 */
function mapLines({ forwards, interface: name }: RulesetInput, way: 'in' | 'out'): readonly string[] {
  return forwards.flatMap(({ destination, mapTo }) => {
    if (mapTo === undefined) return []
    const ip = IP[familyOf(destination)]
    return way === 'in'
      ? [`iifname "${name}" dnat ${ip} prefix to ${ip} daddr map { ${mapTo} : ${destination} }`]
      : [`oifname "${name}" snat ${ip} prefix to ${ip} saddr map { ${destination} : ${mapTo} }`]
  })
}

/** Empty where nothing is led anywhere. */
function natInLines(input: RulesetInput): readonly string[] {
  const lines = [...echoLines(input), ...mapLines(input, 'in')]
  return lines.length === 0 ? [] : ['type nat hook prerouting priority dstnat; policy accept;', ...lines]
}

export function renderRuleset(input: RulesetInput): string {
  const natIn = natInLines(input)
  const led = ledLines(input.interface, input.leadsOut ?? [])
  return [
    opening(tableName),
    ...(led === undefined ? [] : [...led.sets.map((line) => `\t${line}\n`), chain('led', led.chain)]),
    ...(input.forwards.length === 0 ? [] : [chain('segments', segmentLines(input))]),
    ...(natIn.length === 0 ? [] : [chain('nat_in', natIn)]),
    ...echoRoomLines(input).map(([name, lines]) => chain(name, lines)),
    ...(input.forwards.some(({ nat }) => nat !== 'none') || keepLines(input).length > 0
      ? [chain('nat_out', natLines(input))]
      : []),
    ...(input.outsideTable === undefined
      ? shareText(input)
      : ['}\n', opening(input.outsideTable), ...shareText(input)]),
    '}\n',
  ].join('')
}

function opening(table: string): string {
  return `table inet ${table} {\n`
}

function shareText({ interface: name, share }: RulesetInput): readonly string[] {
  if (share === undefined) return []
  return [
    ...shareSets.map((line) => `\t${line}\n`),
    ...shareChains(share, name).map(([called, lines]) => chain(called, lines)),
  ]
}

/** What of a ruleset stands where the interface is, and what outside. */
export function divideRuleset(text: string, outsideTable: string): readonly [inside: string, outside: string] {
  const at = text.indexOf(opening(outsideTable))
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)]
}
