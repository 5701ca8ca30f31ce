// What leads a host out by others, as rules and routes of the kernel and the text of an own nft table. Pure, deterministic.
//
// The host's own words, the WireGuard packets among them, go by the routes that the host has, and so do answers to whoever
// came to it directly, and whatever it has a route for besides its default one. All else goes into the mesh. What leaves by
// another interface all the same, because a program bound itself to one or somebody announced routes to it, meets the table:
// while the exit is closed it is refused. There is no unreachable route behind the one into the mesh: name servers of an uplink
// are asked by sockets tied to it (systemd-resolved), which would find no way that could be turned.

import { type Address, blockOf, type Cidr, familyOf, overlaps } from '../../shared/address/cidr.ts'
import { internetBlocks } from './internet.ts'
import type { ExitRule, ExitSetup, OwnContact, OwnWords } from './led-out.ts'
import { chain, IP } from './nft.ts'
import type { LocalAddress } from './observed.ts'

export const exitTableName = 'holdfast_exit'
/** Behind those of steering (edge/uplinks/steering.ts). */
export const exitTable = 7_280
export const exitMetric = 7_280
const [OWN_WORDS, KEEP_ROUTES, LEAD] = [7_280, 7_281, 7_282]
export const exitPriorities: ReadonlySet<number> = new Set([OWN_WORDS, KEEP_ROUTES, LEAD])
/** Of a packet that answers whoever came directly. No other program is known to use the bit. */
const ANSWERS = '0x8000000'

export interface ExitSetupInput {
  /** Of the mesh. */
  readonly interface: string
  readonly mesh: readonly Cidr[]
  /** Own mesh addresses. */
  readonly addresses: readonly Address[]
  readonly whenLost: 'Closed' | 'Open'
  /** None that leads out answers. */
  readonly isLost: boolean
  readonly resolvers: readonly Address[]
  /** Name servers that the network names for zones of its own, some of them on a LAN. */
  readonly zoneServers?: readonly Address[]
  readonly words: OwnWords
  readonly local: readonly LocalAddress[]
}

/** What an address on the link lies in may be as wide as this; a wider one would be somebody’s try to be the internet. */
const NEAR_LENGTH_MIN = { 4: 16, 6: 48 }

function contactText({ address, port, protocol }: OwnContact): string {
  return `to ${address} ipproto ${protocol} dport ${port}`
}

function rulesOf({ words }: ExitSetupInput, family: 4 | 6): readonly ExitRule[] {
  const contacts = words.contacts.filter(({ address }) => familyOf(address) === family)
  const own = [
    ...words.ports.map((port) => `ipproto udp sport ${port}`),
    ...contacts.map(contactText),
    `fwmark ${ANSWERS}/${ANSWERS}`,
  ]
  return [
    ...own.map((match) => `pref ${OWN_WORDS} ${match} lookup main`),
    `pref ${KEEP_ROUTES} lookup main suppress_prefixlength 0`,
    `pref ${LEAD} lookup ${exitTable}`,
  ].map((text) => ({ family, text }))
}

function setLines(name: string, family: 4 | 6, blocks: readonly Cidr[]): readonly string[] {
  const elements = blocks.filter((block) => familyOf(block) === family)
  return [
    `\tset ${name}${family} {\n`,
    `\t\ttype ipv${family}_addr\n\t\tflags interval\n\t\tauto-merge\n`,
    ...(elements.length === 0 ? [] : [`\t\telements = { ${elements.join(', ')} }\n`]),
    '\t}\n',
  ]
}

/** Networks of this host that are of the internet by their number. */
function nearBlocks(local: readonly LocalAddress[], internet: readonly Cidr[]): readonly Cidr[] {
  const near = local.filter(({ cidr }) => {
    const { family, length } = blockOf(cidr)
    return length >= NEAR_LENGTH_MIN[family] && internet.some((block) => overlaps(block, cidr))
  })
  return [...new Set(near.map(({ cidr }) => cidr))].sort()
}

function uplinksOf(local: readonly LocalAddress[]): readonly string[] {
  return [...new Set(local.filter(({ physical }) => physical).map((one) => one.interface))].sort()
}

function quoted(names: readonly string[]): string {
  return `{ ${names.map((name) => `"${name}"`).join(', ')} }`
}

/** To one of them each time: who asks again asks another. */
function leadTo(family: 4 | 6, resolvers: readonly Address[]): string | undefined {
  const [one, ...others] = resolvers.filter((resolver) => familyOf(resolver) === family)
  if (one === undefined) return undefined
  if (others.length === 0) return `dnat ${IP[family]} to ${one}`
  const all = [one, ...others].map((resolver, i) => `${i} : ${resolver}`)
  return `dnat ${IP[family]} to numgen inc mod ${all.length} map { ${all.join(', ')} }`
}

const QUESTIONS = 'meta l4proto { tcp, udp } th dport 53'

/** Whom intent names is asked. */
function zoneLines({ zoneServers = [] }: ExitSetupInput): readonly string[] {
  return [...new Set(zoneServers)].sort().map((server) => `${IP[familyOf(server)]} daddr ${server} ${QUESTIONS} accept`)
}

/**
 * Whoever asks one of these is tied to the uplink for good: turned elsewhere it would still leave there (ip6_route_me_harder in
 * net/ipv6/netfilter.c). It is refused, so that the next name server is asked at once.
 */
const ON_LINK_ONLY = 'fe80::/10'

/** A name server at an uplink would know what is asked, and answer what it likes. */
function questionLines(input: ExitSetupInput, match: string): readonly string[] {
  const leads = ([4, 6] as const).flatMap((family) => {
    const lead = leadTo(family, input.resolvers)
    const turned = family === 4 ? 'meta nfproto ipv4' : `ip6 daddr != ${ON_LINK_ONLY}`
    return lead === undefined ? [] : [`${turned} ${match} ${QUESTIONS} ${lead}`]
  })
  return leads.length === 0 ? [] : [...zoneLines(input), ...leads]
}

function ownLines({ words: { contacts, ports } }: ExitSetupInput): readonly string[] {
  return [
    ...(ports.length === 0 ? [] : [`udp sport { ${[...ports].sort((a, b) => a - b).join(', ')} } accept`]),
    ...contacts.map(
      ({ address, port, protocol }) => `${IP[familyOf(address)]} daddr ${address} ${protocol} dport ${port} accept`,
    ),
  ]
}

/** A socket that is tied to a link hears no ICMP of this very host (tcp_v6_err in net/ipv6/tcp_ipv6.c), and would wait. */
const REFUSED = chain('refused', [
  `ip6 daddr ${ON_LINK_ONLY} meta l4proto tcp reject with tcp reset`,
  'reject with icmpx admin-prohibited',
])

/**
 * What may leave by other interfaces than that of the mesh. Programs are told at once where they are refused; the last guard
 * stands where the interface is settled, whoever has turned a packet before it. A question that was led to a name server
 * of the exit goes by the mesh, but is known by its former interface until then.
 */
function guardChains(input: ExitSetupInput, uplinks: readonly string[]): readonly string[] {
  const internet = (verdict: string) => [`ip daddr @internet4 ${verdict}`, `ip6 daddr @internet6 ${verdict}`]
  const leaving = (verdict: string): readonly string[] => [
    ...zoneLines(input),
    ...(uplinks.length === 0 ? [] : [`oifname ${quoted(uplinks)} ${QUESTIONS} ${verdict}`]),
    'ip daddr @near4 accept',
    'ip6 daddr @near6 accept',
    ...internet(verdict),
  ]
  const guard = (name: string, hook: string, next: readonly string[]): string =>
    chain(name, [
      `type filter hook ${hook} priority filter; policy accept;`,
      'oifname "lo" accept',
      `oifname "${input.interface}" ${input.isLost && hook !== 'postrouting' ? 'goto lost' : 'accept'}`,
      'ct direction reply accept',
      ...next,
    ])
  const led = `ct status dnat ${QUESTIONS} ${input.isLost ? 'goto refused' : 'accept'}`
  const own = ownLines(input)
  return [
    REFUSED,
    ...(input.isLost ? [chain('lost', internet('goto refused'))] : []),
    chain('leaving', leaving('goto refused')),
    guard('guard_out', 'output', [...own, led, 'goto leaving']),
    guard('guard_through', 'forward', ['goto leaving']),
    guard('guard_last', 'postrouting', [...own, ...leaving('drop')]),
  ]
}

/** Where nothing else is refused: questions that could not be led to a name server of the exit. */
function askedChains(input: ExitSetupInput, uplinks: readonly string[]): readonly string[] {
  if (uplinks.length === 0) return []
  const asked = `oifname ${quoted(uplinks)} ${QUESTIONS}`
  const guard = (name: string, hook: string, own: readonly string[]): string =>
    chain(name, [
      `type filter hook ${hook} priority filter; policy accept;`,
      'ct direction reply accept',
      ...own,
      ...zoneLines(input),
      `ct status dnat ${asked} accept`,
      `${asked} goto refused`,
    ])
  return [REFUSED, guard('asked_out', 'output', ownLines(input)), guard('asked_through', 'forward', [])]
}

function renderExit(input: ExitSetupInput): string {
  const { addresses, interface: name, local, mesh, whenLost } = input
  const internet = internetBlocks(mesh)
  const near = nearBlocks(local, internet)
  const uplinks = uplinksOf(local)
  const mark = `ct direction reply meta mark set meta mark | ${ANSWERS}`
  const asked = uplinks.length === 0 ? [] : questionLines(input, `oifname ${quoted(uplinks)}`)
  const behind =
    uplinks.length === 0 ? [] : questionLines(input, `iifname != "${name}" fib daddr oifname ${quoted(uplinks)}`)
  return [
    `table inet ${exitTableName} {\n`,
    ...setLines('internet', 4, internet),
    ...setLines('internet', 6, internet),
    ...setLines('near', 4, near),
    ...setLines('near', 6, near),
    chain('answers_out', ['type route hook output priority mangle; policy accept;', mark]),
    chain('answers_through', [
      'type filter hook prerouting priority mangle; policy accept;',
      `iifname != "${name}" ${mark}`,
    ]),
    ...(asked.length === 0
      ? []
      : [chain('names_out', ['type nat hook output priority -100; policy accept;', ...ownLines(input), ...asked])]),
    ...(behind.length === 0
      ? []
      : [chain('names_through', ['type nat hook prerouting priority dstnat; policy accept;', ...behind])]),
    chain('sources', [
      'type nat hook postrouting priority srcnat - 2; policy accept;',
      ...addresses.flatMap((address) => {
        const [family, ip] = [familyOf(address), IP[familyOf(address)]]
        const asks = input.resolvers.filter((resolver) => familyOf(resolver) === family)
        const others = `oifname "${name}" ${ip} saddr != ${address}`
        return [
          `${others} ${ip} daddr @internet${family} snat ${ip} to ${address}`,
          ...(asks.length === 0
            ? []
            : [`${others} ${ip} daddr { ${asks.join(', ')} } ${QUESTIONS} snat ${ip} to ${address}`]),
        ]
      }),
    ]),
    ...(whenLost === 'Closed' ? guardChains(input, uplinks) : askedChains(input, uplinks)),
    '}\n',
  ].join('')
}

/** Undefined where this host goes out by itself: also while nobody answers, and that is to leave it open. */
export function exitSetup(input: ExitSetupInput): ExitSetup | undefined {
  const { addresses, isLost, whenLost } = input
  if (isLost && whenLost === 'Open') return undefined
  return {
    interface: input.interface,
    rules: addresses.flatMap((address) => rulesOf(input, familyOf(address))),
    routes: addresses.map((source) => ({ family: familyOf(source), source })),
    ruleset: renderExit(input),
    closes: whenLost === 'Closed',
  }
}
