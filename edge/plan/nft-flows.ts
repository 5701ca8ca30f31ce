// Counting flows by nft, in a table of its own around that of policy: one chain before it counts what is asked for, by source,
// destination and port; one behind it counts what passes, flow by flow, each way. What was asked for and did not pass was
// dropped. So the policy's table knows nothing of it, and a new policy loses no count.
//
// Sets are filled by the kernel, forget who is silent, and are bounded: flows beyond are counted by service, and what finds
// no room there either is counted as such.

import { nftFlowsMax, nftServicesMax } from '../../shared/limits.ts'
import { chain } from './nft.ts'

export const flowTableName = 'holdfast_flows'

/** Longer than any look is away from the next, and than the silence of most flows. */
const flowTimeoutS = 300

/** nft 1.0 joins ports to a key only behind a match that names protocols. All that conntrack knows by ports, or like such. */
const PORTED = 'meta l4proto { tcp, udp, icmp, ipv6-icmp, sctp, dccp, gre, udplite }'

/**
 * Packets of running flows that are looked at before policy: few of those are ever dropped, by a policy that has just changed,
 * and who is dropped sends slowly. What passes is counted behind it, every packet.
 */
const RUNNING_PER_S = 100

/**
 * What hosts of one link say to each other, and no flow: neighbours and routers (RFC 4861 §4), who listens to which group
 * (RFC 2710 §3, RFC 3810 §5, and IGMP). The kernel says such as soon as it has an interface, and conntrack knows none of it.
 */
const OF_THE_LINK = ['icmpv6 type { 130, 131, 132, 133, 134, 135, 136, 137, 143 } return', 'meta l4proto igmp return']

const FAMILIES = [
  { digit: '4', nfproto: 'ipv4', ip: 'ip' },
  { digit: '6', nfproto: 'ipv6', ip: 'ip6' },
] as const

const flowSets = ['sent', 'back', 'more_sent', 'more_back', 'asked'] as const
type FlowSet = (typeof flowSets)[number]
const BY_FLOW: ReadonlySet<FlowSet> = new Set(['sent', 'back'])

function setText(name: FlowSet, { digit }: (typeof FAMILIES)[number]): string {
  const address = `ipv${digit}_addr`
  const one = BY_FLOW.has(name)
  const ports = one ? 'inet_service . inet_service' : 'inet_service'
  return [
    `set ${name}${digit} {\n`,
    `\ttype ${address} . ${address} . inet_proto . ${ports}\n`,
    `\tsize ${one ? nftFlowsMax : nftServicesMax}\n`,
    `\tflags dynamic,timeout\n\tcounter\n\ttimeout ${flowTimeoutS}s\n`,
    '}\n',
  ].join('')
}

/** Counts under the key of who opened the flow, in either direction, and before and behind any translation of addresses. */
function countLines(name: FlowSet): readonly string[] {
  return FAMILIES.map(({ digit, ip, nfproto }) => {
    const from = `ct original ${ip} saddr . ct original ${ip} daddr . ct protocol`
    const ports = `${BY_FLOW.has(name) ? 'ct original proto-src . ' : ''}ct original proto-dst`
    return `meta nfproto ${nfproto} ${PORTED} update @${name}${digit} { ${from} . ${ports} } return`
  })
}

function baseChains(name: string): string {
  const base = (when: 'before' | 'behind', hook: 'input' | 'output' | 'forward', lines: readonly string[]): string =>
    chain(`${when}_${hook}`, [
      `type filter hook ${hook} priority filter ${when === 'before' ? '- 1' : '+ 1'}; policy accept;`,
      ...lines,
    ])
  return (['before', 'behind'] as const)
    .map((when) => {
      const [comes, goes] = [`iifname "${name}" goto ${when}`, `oifname "${name}" goto ${when}`]
      return base(when, 'input', [comes]) + base(when, 'output', [goes]) + base(when, 'forward', [comes, goes])
    })
    .join('')
}

function bodyOf(name: string): string {
  return [
    ...['total', 'unroomed', 'unasked'].map((counter) => `counter ${counter} {\n}\n`),
    ...FAMILIES.flatMap((family) => flowSets.map((set) => setText(set, family))),
    chain('before', [
      ...OF_THE_LINK,
      'ct direction reply return',
      `ct state established limit rate over ${RUNNING_PER_S}/second burst ${RUNNING_PER_S} packets return`,
      'ct state invalid return',
      ...countLines('asked'),
      'counter name "unasked"',
    ]),
    chain('answers', [...countLines('back'), ...countLines('more_back'), 'counter name "unroomed"']),
    chain('behind', [
      ...OF_THE_LINK,
      'counter name "total"',
      'ct direction reply goto answers',
      ...countLines('sent'),
      ...countLines('more_sent'),
      'counter name "unroomed"',
    ]),
    baseChains(name),
  ].join('')
}

/** `name`: of the mesh's interface. `epoch`: name of a counter that counts nothing, and names this count among all others. */
export function renderFlowTable(name: string, epoch: string): string {
  return `table inet ${flowTableName} {\ncounter ${epoch} {\n}\n${bodyOf(name)}}\n`
}
