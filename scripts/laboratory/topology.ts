// What a lab's network looks like, as data: an internet with hosts on it, sites behind NATs, and networks behind gateways.
//
// The internet is 198.18.0.0/16, set aside for tests by RFC 2544, so nothing here can be mistaken for a real place.

import type { Cidr } from '../../shared/address/cidr.ts'
import type { NatKind, NatRouter } from './nat.ts'

export interface ForwardTo {
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
  /** Host of the site. */
  readonly to: string
}

/** A network behind a host of the site that serves as its gateway; its hosts run no agent. */
export interface Backyard {
  readonly gateway: string
  readonly hosts: readonly string[]
  /** Third number of its addresses, 192.168.N.0/24, for networks that overlap; else each site has one of its own. */
  readonly number?: number
}

export interface Site {
  readonly name: string
  readonly nat: NatKind
  /** Behind a second NAT of the provider, as with LTE. */
  readonly carrierNat?: boolean
  readonly hosts: readonly string[]
  readonly forwards?: readonly ForwardTo[]
  readonly backyard?: Backyard
}

export interface Topology {
  /** Hosts with an address on the internet. */
  readonly internet: readonly string[]
  /** Those that run no agent of the fleet. */
  readonly bystanders?: readonly string[]
  readonly sites: readonly Site[]
}

/** One cable: an interface of a host on a segment. */
export interface Cable {
  readonly interface: string
  readonly segment: string
  /** With its prefix length. */
  readonly address: string
}

export interface Machine {
  readonly name: string
  readonly cables: readonly Cable[]
  /** Next hop of the default route. */
  readonly gateway?: string
  readonly router?: NatRouter
}

const INTERNET = 'internet'
/** The way to all that is not on the internet, as every host there has one; nobody is at its end. */
const NOWHERE = '198.18.255.254'

function siteNumber(topology: Topology, site: Site): number {
  return topology.sites.indexOf(site) + 1
}

/** Address of a host at its site. */
function inside(topology: Topology, site: Site, host: string): string {
  return `192.168.${siteNumber(topology, site)}.${11 + site.hosts.indexOf(host)}`
}

/** Outside address of a site, as the internet sees it. */
export function outsideOf(topology: Topology, name: string): string {
  return `198.18.1.${topology.sites.findIndex((site) => site.name === name) + 1}`
}

/** Address of a host on the internet. */
export function internetAddress(topology: Topology, name: string): string {
  return `198.18.0.${10 + topology.internet.indexOf(name)}`
}

function routers(topology: Topology, site: Site): readonly Machine[] {
  const n = siteNumber(topology, site)
  const lan = `192.168.${n}.0/24` as Cidr
  const forwards = (site.forwards ?? []).map(({ port, protocol, to }) => {
    return { protocol, port, to: inside(topology, site, to) }
  })
  const lanCable: Cable = { interface: 'lan', segment: site.name, address: `192.168.${n}.1/24` }
  const wan = (segment: string, address: string): Cable => ({ interface: 'wan', segment, address })
  const outside = `${outsideOf(topology, site.name)}/16`
  if (site.carrierNat !== true) {
    const router = { kind: site.nat, lan, forwards }
    return [{ name: `${site.name}-router`, cables: [wan(INTERNET, outside), lanCable], router }]
  }
  const carrierLan = `100.64.${n}.0/24` as Cidr
  const between = `${site.name}-carrier`
  return [
    {
      name: between,
      cables: [wan(INTERNET, outside), { interface: 'lan', segment: between, address: `100.64.${n}.1/24` }],
      router: { kind: site.nat, lan: carrierLan, forwards: [] },
    },
    {
      name: `${site.name}-router`,
      cables: [wan(between, `100.64.${n}.2/24`), lanCable],
      gateway: `100.64.${n}.1`,
      router: { kind: 'eim', lan, forwards },
    },
  ]
}

function siteHosts(topology: Topology, site: Site): readonly Machine[] {
  const n = siteNumber(topology, site)
  const yard = site.backyard
  const yardSegment = `${site.name}-yard`
  const yardNumber = yard?.number ?? 76 + n
  const own = site.hosts.map((name): Machine => {
    const address = `${inside(topology, site, name)}/24`
    const cables: Cable[] = [{ interface: 'eth0', segment: site.name, address }]
    if (yard?.gateway === name)
      cables.push({ interface: 'eth1', segment: yardSegment, address: `192.168.${yardNumber}.1/24` })
    return { name, cables, gateway: `192.168.${n}.1` }
  })
  const behind = (yard?.hosts ?? []).map((name, i): Machine => {
    return {
      name,
      cables: [{ interface: 'eth0', segment: yardSegment, address: `192.168.${yardNumber}.${11 + i}/24` }],
    }
  })
  return [...own, ...behind]
}

/** Every machine of the topology with its cables, routers first. */
export function machinesOf(topology: Topology): readonly Machine[] {
  const internet = topology.internet.map((name): Machine => {
    const address = `${internetAddress(topology, name)}/16`
    return { name, cables: [{ interface: 'eth0', segment: INTERNET, address }], gateway: NOWHERE }
  })
  const sites = topology.sites.flatMap((site) => [...routers(topology, site), ...siteHosts(topology, site)])
  return [...internet, ...sites]
}

export function segmentsOf(machines: readonly Machine[]): readonly string[] {
  return [...new Set(machines.flatMap(({ cables }) => cables.map(({ segment }) => segment)))].sort()
}
