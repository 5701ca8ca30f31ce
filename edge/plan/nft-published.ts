// What of services is found from outside the mesh, as lines of their table: whoever comes to a published port of an own address,
// from where people let them come, is led to a backend as anybody is who asks for the service here. Beyond this node such a flow
// has its mesh address for a source, so that the answer finds back, and so that policy judges it as what the node itself asks.

import { type Address, type Cidr, contains, familyOf, sortCidrs } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import { IP } from './nft.ts'

/** A port of an own address that a service is published at. */
export interface PublishedPort {
  /** That the address is of, and by which they come. */
  readonly interface: string
  readonly address: Address
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
  /** Of the same family; nobody else gets in. */
  readonly from: readonly Cidr[]
  /** Of the same family. */
  readonly virtual: Address
  readonly servicePort: number
}

export interface PublishedLines {
  /** By name, each once. */
  readonly chains: readonly (readonly [string, readonly string[]])[]
  /** For those who come from outside, before anything else. */
  readonly choose: readonly string[]
  readonly masquerade: readonly string[]
}

const FAMILIES = [4, 6] as const

/** Blocks of a set must not lie in each other. */
function outermost(blocks: readonly Cidr[]): readonly Cidr[] {
  const all = sortCidrs(new Set(blocks))
  return all.filter((block) => !all.some((other) => other !== block && contains(other, block)))
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key) ?? []
    groups.set(key, group)
    group.push(item)
  }
  return [...groups].sort(([a], [b]) => compareText(a, b))
}

/** `leadOf`: the chain that leads flows of that port of a service; undefined where nobody serves it: then nobody listens. */
export function publishedLines(
  published: readonly PublishedPort[],
  usedSets: Readonly<Record<4 | 6, string>>,
  leadOf: (port: PublishedPort) => string | undefined,
  mesh: string,
): PublishedLines {
  const names = new Map<string, string>()
  const keyOf = ({ address, port, protocol }: PublishedPort): string => `${address} . ${protocol} . ${port}`
  const sorted = published.toSorted((a, b) => compareText(keyOf(a), keyOf(b)) || compareText(a.interface, b.interface))
  const nameOf = (one: PublishedPort): string => {
    const family = familyOf(one.virtual)
    const lead = leadOf(one)
    const from = `${IP[family]} saddr { ${outermost(one.from).join(', ')} }`
    const line = `${from} update @${usedSets[family]} { ${one.virtual} }${lead === undefined ? '' : ` goto ${lead}`}`
    const name = names.get(line) ?? `published_${names.size}`
    names.set(line, name)
    return name
  }
  const choose = grouped(sorted, (one) => `${one.interface} ${familyOf(one.address)}`).flatMap(([, ports]) => {
    const [first] = ports
    if (first === undefined) return []
    const entries = ports.map((one) => `${keyOf(one)} : goto ${nameOf(one)}`)
    const key = `${IP[familyOf(first.address)]} daddr . meta l4proto . th dport`
    return [`iifname "${first.interface}" ${key} vmap { ${[...new Set(entries)].join(', ')} }`]
  })
  const masquerade = FAMILIES.flatMap((family) =>
    grouped(
      sorted.filter(({ address }) => familyOf(address) === family),
      ({ address, protocol }) => `ct original ${IP[family]} daddr ${address} meta l4proto ${protocol}`,
    ).map(([key, ports]) => {
      const numbers = [...new Set(ports.map(({ port }) => port))].sort((a, b) => a - b)
      return `oifname "${mesh}" ${key} ct original proto-dst { ${numbers.join(', ')} } masquerade`
    }),
  )
  return { chains: Array.from(names, ([line, name]) => [name, [line]] as const), choose, masquerade }
}

/** Flows that came by a published port to a backend that nothing comes back from. */
export function lostLines(
  published: readonly PublishedPort[],
  lost: readonly { readonly virtual: Address; readonly backend: Address }[],
): readonly string[] {
  return FAMILIES.flatMap((family) => {
    const ip = IP[family]
    const own = published.filter(({ virtual }) => familyOf(virtual) === family)
    const lines = own.flatMap(({ address, port, protocol, virtual }) => {
      const backends = lost.filter((one) => one.virtual === virtual).map(({ backend }) => backend)
      if (backends.length === 0) return []
      const flow = `meta l4proto ${protocol} ct status dnat ct original ${ip} daddr ${address}`
      return [
        `${flow} ct original proto-dst ${port} ct reply ${ip} saddr { ${[...new Set(backends)].sort(compareText).join(', ')} } goto refuse`,
      ]
    })
    return [...new Set(lines)].sort(compareText)
  })
}
