// Policy as the text of an nft table: deterministic, whole, replaced in one transaction. It speaks of the mesh interface only;
// traffic of any other interface passes untouched.
//
// Packets in the original direction of a flow meet the table every time, replies pass with the flow: so a changed policy
// holds for running flows at their next packet. A router stands for the subnets behind it: what goes into them meets its
// ingress, what comes out of them its egress, but for addresses that have a judgement of their own.

import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { mapAddress } from '../../shared/address/netmap.ts'
import type { Direction } from '../../shared/policy/decision.ts'
import { blockInMesh, type Enforcement, type Forward } from './enforcement.ts'
import { chain, IP } from './nft.ts'
import { type ChainBook, classAt, createChainBook, tableChains } from './nft-cells.ts'
import { judgedHere } from './nft-echo.ts'

export const policyTableName = 'holdfast_policy'

/** Neighbour discovery keeps IPv6 alive, and conntrack leaves it alone. */
const NEIGHBOURS = 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept'
/**
 * Errors of ICMP about a flow, which keep paths alive (packet-too-big and its kin), are related to it. One about nothing is
 * invalid; where the host tracks nothing, it is judged as any other packet.
 */
const REPLIES = ['ct state related accept', 'ct direction reply ct state established accept', 'ct state invalid drop']

/**
 * Somebody outside asked an address of this node: behind this hook the flow has its mesh address. Pods and others that are known
 * behind it were judged before, wherever somebody else led what they asked for.
 */
function publishedLines({ interface: name, publishes = [] }: Enforcement): readonly string[] {
  return ([4, 6] as const).flatMap((family) => {
    const blocks = publishes.filter((block) => familyOf(block) === family)
    if (blocks.length === 0) return []
    const within = blocks.length === 1 ? blocks.join() : `{ ${blocks.join(', ')} }`
    return [`oifname "${name}" ct status dnat ct original ${IP[family]} daddr != ${within} goto egress`]
  })
}

function forwardLines(policy: Enforcement): readonly string[] {
  const { forwards, interface: name } = policy
  // By what a subnet is called in the mesh; the address itself is the machine's own here already.
  const into = forwards.map((forward) => {
    const [ct, block] = [forward.mapTo === undefined ? '' : 'ct original ', blockInMesh(forward)]
    return `${ct}${IP[familyOf(block)]} daddr ${block} goto behind_ingress`
  })
  // Not translated yet.
  const out = forwards
    .filter((forward) => forward.nat !== 'masquerade')
    .map(({ destination }) => `${IP[familyOf(destination)]} saddr ${destination} goto behind_egress`)
  return [
    'type filter hook forward priority filter; policy accept;',
    `iifname != "${name}" oifname != "${name}" accept`,
    ...REPLIES,
    NEIGHBOURS,
    `iifname "${name}" oifname "${name}" drop`,
    ...judgedHere(policy),
    ...into.map((line) => `iifname "${name}" ${line}`),
    ...out.map((line) => `oifname "${name}" ${line}`),
    ...publishedLines(policy),
    'drop',
  ]
}

/** The address of a machine behind this node, as it is called there. */
function nameBehind(address: Address, forwards: readonly Forward[]): Address {
  for (const { destination, mapTo } of forwards) {
    const own = mapTo === undefined ? undefined : mapAddress(address, mapTo, destination)
    if (own !== undefined) return own
  }
  return address
}

interface Books {
  readonly cells: ChainBook
  readonly ways: ChainBook
}

/** How the node itself judges, and how those behind it do, in one direction; by the time of day where there are phases. */
function directionChains(
  direction: Direction,
  { forwards, phases, self }: Enforcement,
  { cells, ways }: Books,
): string {
  const [own, behind]: [string[], string[]] = [[], []]
  for (const { table, untilS } of phases) {
    const chains = tableChains(table, cells, (address) => nameBehind(address, forwards))
    const local = classAt(table, self)
    const until = untilS === undefined ? '' : `meta time < ${untilS} `
    const way = ways.verdictOf(chains.wayLines(local, direction))
    const others = chains.othersLines(local, direction, ways)
    own.push(until + way)
    behind.push(until + (others.length === 0 ? way : ways.verdictOf([...others, way])))
  }
  return chain(direction, own) + (forwards.length === 0 ? '' : chain(`behind_${direction}`, behind))
}

export function renderPolicy(policy: Enforcement): string {
  const own = `meta l4proto { tcp, udp } th dport ${policy.meshPort} accept`
  const base = (hook: 'input' | 'output', match: string, next: string): string =>
    chain(hook, [
      `type filter hook ${hook} priority filter; policy accept;`,
      `${match} != "${policy.interface}" accept`,
      ...REPLIES,
      NEIGHBOURS,
      own,
      `goto ${next}`,
    ])
  const books = { cells: createChainBook('cell'), ways: createChainBook('way') }
  const directions = directionChains('ingress', policy, books) + directionChains('egress', policy, books)
  return [
    `table inet ${policyTableName} {\n`,
    ...Array.from(books.cells.all, ([name, lines]) => chain(name, lines)),
    ...Array.from(books.ways.all, ([name, lines]) => chain(name, lines)),
    directions,
    base('input', 'iifname', 'ingress'),
    base('output', 'oifname', 'egress'),
    chain('forward', forwardLines(policy)),
    '}\n',
  ].join('')
}
