// Services as the text of an nft table: deterministic, whole, replaced in one transaction. Whoever opens a flow to a virtual
// address, on this node or behind it, is led to one of the backends, and conntrack keeps the flow there whatever the table says
// later. Only the destination is changed: policy at either end, by programs or by nft, sees the true source and the backend.
//
// Which service it is costs one look into a map, however many there are; and packets of a flow that is open already, none.

import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import { chain, IP } from './nft.ts'
import { lostLines, type PublishedPort, publishedLines } from './nft-published.ts'

export const servicesTableName = 'holdfast_services'

export interface Place {
  readonly address: Address
  readonly port: number
}

/** A port of a service. */
export interface ServiceWay {
  readonly virtual: Address
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
  /** Flows from one address go to one of them, not each by lot. */
  readonly byClient?: boolean
  /** Of the same family; nobody: it is refused. */
  readonly to: readonly Place[]
}

export interface ServiceTable {
  /** Of the mesh. */
  readonly interface: string
  /** All virtual addresses, those without any backend included. */
  readonly virtual: readonly Address[]
  readonly ways: readonly ServiceWay[]
  /** Flows of these are refused, so that whoever has them asks anew. */
  readonly lost: readonly { readonly virtual: Address; readonly backend: Address }[]
  /** Where this node takes connections for services from outside the mesh. */
  readonly published?: readonly PublishedPort[]
}

/** The kernel forgets who was asked for so long ago, seconds. */
export const usedForS = 600
const USED_MAX = 4_096

const FAMILIES = [4, 6] as const
export const usedSets = { 4: 'used4', 6: 'used6' } as const

/** Ahead of others' translations: the first rule that gives a new flow its destination gives it for good. */
const FIRST = -102
/** Likewise of its source: ahead of the own table's, for subnets. */
const FIRST_OUT = 'srcnat - 2'

function set(items: Iterable<string>): string {
  const all = [...new Set(items)].sort(compareText)
  return all.length === 1 ? (all[0] ?? '') : `{ ${all.join(', ')} }`
}

function placeText({ address, port }: Place, joint: ' . ' | ':'): string {
  return joint === ':' && familyOf(address) === 6 ? `[${address}]:${port}` : `${address}${joint}${port}`
}

/** Clients are dealt to so many heaps: four for each place where there are the most of them (`serviceSpreadMax`). */
const HEAPS = 256
/** Any but zero, for which the kernel takes another one each time that the table is laid. */
const SEED = 0x68_66_73_76

function hashOf(text: string, seed: number): number {
  // FNV-1a, and the last steps of MurmurHash3, without which its upper bits say little.
  let hash = seed ^ 0x81_1c_9d_c5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * Of each heap the place that it draws the highest number for (rendezvous hashing, Thaler and Ravishankar 1998): of those that
 * come and go nobody else's clients are moved, and a table that is laid anew deals as the one before it.
 */
function dealt(to: readonly Place[]): readonly Place[] {
  return Array.from({ length: HEAPS }, (_, heap) => {
    const drawn = to.map((place) => ({
      place,
      number: hashOf(placeText(place, ' . '), Math.imul(heap + 1, 0x9e_37_79_b1)),
    }))
    return drawn.reduce((best, one) => (one.number > best.number ? one : best)).place
  })
}

/** What leads a new flow of that protocol to one of these places, by lot or by who its client is. */
function leadLine({ byClient, protocol, to, virtual }: ServiceWay): string {
  const lead = `meta l4proto ${protocol} dnat ${IP[familyOf(virtual)]} to`
  const [only, more] = to
  if (only !== undefined && more === undefined) return `${lead} ${placeText(only, ':')}`
  const lots = (byClient ? dealt(to) : to).map((place, at) => `${at} : ${placeText(place, ' . ')}`)
  if (byClient) {
    const heap = `jhash ${IP[familyOf(virtual)]} saddr mod ${HEAPS} seed 0x${SEED.toString(16)}`
    return `${lead} ${heap} map { ${lots.join(', ')} }`
  }
  return `${lead} numgen random mod ${to.length} map { ${lots.join(', ')} }`
}

function bySort(ways: readonly ServiceWay[]): readonly ServiceWay[] {
  const sorted = ways.map((way) => ({ ...way, to: [...way.to].sort(comparePlaces) }))
  return sorted.sort((a, b) => compareText(wayKey(a), wayKey(b)))
}

function comparePlaces(a: Place, b: Place): number {
  return compareText(a.address, b.address) || a.port - b.port
}

interface Leads {
  /** Chains by name, each once. */
  readonly chains: readonly (readonly [string, readonly string[]])[]
  readonly choose: readonly string[]
  /** By address, protocol and port of the service. */
  readonly byWay: ReadonlyMap<string, string>
}

function wayKey({ port, protocol, virtual }: Pick<ServiceWay, 'port' | 'protocol' | 'virtual'>): string {
  return `${virtual} . ${protocol} . ${port}`
}

function leads({ virtual, ways }: ServiceTable): Leads {
  const names = new Map<string, string>()
  const byWay = new Map<string, string>()
  const entries: Record<4 | 6, string[]> = { 4: [], 6: [] }
  for (const way of bySort(ways)) {
    if (way.to.length === 0) continue
    const line = leadLine(way)
    const name = names.get(line) ?? `lead_${names.size}`
    names.set(line, name)
    byWay.set(wayKey(way), name)
    entries[familyOf(way.virtual)].push(`${wayKey(way)} : goto ${name}`)
  }
  const choose = FAMILIES.flatMap((family) => {
    const ip = IP[family]
    const own = virtual.filter((address) => familyOf(address) === family)
    if (own.length === 0) return []
    const map = entries[family]
    return [
      `${ip} daddr ${set(own)} update @${usedSets[family]} { ${ip} daddr }`,
      ...(map.length === 0 ? [] : [`${ip} daddr . meta l4proto . th dport vmap { ${map.join(', ')} }`]),
    ]
  })
  return { chains: Array.from(names, ([line, name]) => [name, [line]] as const), choose, byWay }
}

/** What was led nowhere, and what nothing comes back to. */
function refusals({ lost, published = [], virtual }: ServiceTable): readonly string[] {
  const outside = lostLines(published, lost)
  const inside = FAMILIES.flatMap((family) => {
    const ip = IP[family]
    const own = virtual.filter((address) => familyOf(address) === family)
    const gone = lost.filter((one) => familyOf(one.virtual) === family)
    return [
      ...(own.length === 0 ? [] : [`${ip} daddr ${set(own)} goto refuse`]),
      ...(gone.length === 0
        ? []
        : [
            `ct status dnat ct original ${ip} daddr . ct reply ${ip} saddr { ${[
              ...new Set(gone.map(({ backend, virtual: to }) => `${to} . ${backend}`)),
            ]
              .sort(compareText)
              .join(', ')} } goto refuse`,
          ]),
    ]
  })
  return [...inside, ...outside]
}

function usedSet(family: 4 | 6): string {
  const lines = [`type ipv${family}_addr`, `size ${USED_MAX}`, 'flags dynamic,timeout', `timeout ${usedForS}s`]
  return `\tset ${usedSets[family]} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`
}

/** Empty where there are no services: then there is no table. */
export function renderServices(table: ServiceTable): string {
  if (table.virtual.length === 0) return ''
  const { interface: name, published = [] } = table
  const { byWay, chains, choose } = leads(table)
  const leadOf = ({ protocol, servicePort: port, virtual }: PublishedPort): string | undefined =>
    byWay.get(wayKey({ port, protocol, virtual }))
  const outside = publishedLines(published, usedSets, leadOf, name)
  const refuse = refusals(table)
  return [
    `table inet ${servicesTableName} {\n`,
    ...FAMILIES.map(usedSet),
    ...[...chains, ...outside.chains].map(([chainName, lines]) => chain(chainName, lines)),
    chain('choose', choose),
    chain('refuse', ['meta l4proto tcp reject with tcp reset', 'reject with icmpx type port-unreachable']),
    chain('from_here', [`type nat hook output priority ${FIRST}; policy accept;`, 'jump choose']),
    chain('from_behind', [
      `type nat hook prerouting priority ${FIRST}; policy accept;`,
      ...outside.choose,
      `iifname != "${name}" jump choose`,
    ]),
    ...(published.length === 0
      ? []
      : [
          chain('published_out', [
            `type nat hook postrouting priority ${FIRST_OUT}; policy accept;`,
            ...outside.masquerade,
          ]),
        ]),
    chain('refuse_here', [
      'type filter hook output priority filter - 1; policy accept;',
      `oifname != "${name}" accept`,
      ...refuse,
    ]),
    chain('refuse_behind', [
      'type filter hook forward priority filter - 1; policy accept;',
      `oifname != "${name}" accept`,
      ...refuse,
    ]),
    '}\n',
  ].join('')
}
