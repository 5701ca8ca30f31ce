// IPv6 from the provider, beside what a topology has of IPv4: a prefix for each site, and an address for each host on the
// internet. Nobody translates anything; a router may let in only what somebody inside has asked for.

import type { Net } from './net.ts'
import type { Topology } from './topology.ts'

/** Of documentation (RFC 3849). */
const INTERNET = '2001:db8:ff'

const prefixOf = (topology: Topology, site: string): string =>
  `2001:db8:${topology.sites.findIndex(({ name }) => name === site) + 1}`

/** Address of the first host of a site. */
export function siteAddress6(topology: Topology, site: string): string {
  return `${prefixOf(topology, site)}::11`
}

export function internetAddress6(topology: Topology, host: string): string {
  return `${INTERNET}::a${topology.internet.indexOf(host)}`
}

/** As home routers come (RFC 6092): what comes in belongs to what went out. */
const FIREWALL = `table ip6 lab {
  chain forward {
    type filter hook forward priority filter
    policy drop
    ct state established,related accept
    iifname "lan" accept
  }
}
`

export interface Ipv6Sites {
  readonly sites: readonly string[]
  /** Hosts on the internet. */
  readonly hosts?: readonly string[]
  /** Routers let nothing in that nobody asked for. */
  readonly firewall?: boolean
}

export async function giveIpv6(net: Net, { firewall = false, hosts = [], sites }: Ipv6Sites): Promise<void> {
  const { topology } = net
  const edgeOf = (site: string): string => `${INTERNET}::${topology.sites.findIndex(({ name }) => name === site) + 1}`
  const waysTo = (others: readonly string[]): readonly string[] =>
    others.map((other) => `route add ${prefixOf(topology, other)}::/64 via ${edgeOf(other)}`)
  for (const site of sites) {
    const router = net.host(`${site}-router`)
    const inside = prefixOf(topology, site)
    await router.exec(['sysctl', '-q', '-w', 'net.ipv6.conf.all.forwarding=1'])
    await router.ip([
      `address add ${edgeOf(site)}/64 dev wan nodad`,
      `address add ${inside}::1/64 dev lan nodad`,
      ...waysTo(sites.filter((other) => other !== site)),
    ])
    if (firewall) await router.exec(['nft', '-f', '-'], { input: FIREWALL })
    const [first = ''] = topology.sites.find(({ name }) => name === site)?.hosts ?? []
    await net
      .host(first)
      .ip([
        `address add ${siteAddress6(topology, site)}/64 dev eth0 nodad`,
        `route add default via ${inside}::1 dev eth0`,
      ])
  }
  for (const name of hosts) {
    const address = `address add ${internetAddress6(topology, name)}/64 dev eth0 nodad`
    await net.host(name).ip([address, ...waysTo(sites)])
  }
}
