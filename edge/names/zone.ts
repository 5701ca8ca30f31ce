// The names of the mesh as the records say them: what is asked of the resolver is looked up here. Pure.

import { type Address, type Cidr, compareCidr, contains, hostCidr } from '../../shared/address/cidr.ts'
import { mainAddresses, meshBlocks } from '../../shared/address/mesh-blocks.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import { clustersetNames, clustersetZone } from './clusterset.ts'
import { mappingsFor } from './mapped.ts'
import { createNameBook, type Pages } from './name-book.ts'
import { type Answering, podsBelow } from './pod-names.ts'
import type { SiteZones } from './site-zones.ts'

export interface Zone extends Pages {
  /** Whole names by address. */
  readonly names: ReadonlyMap<Address, string>
  /** Those of services. */
  readonly virtual: ReadonlySet<Address>
  /** Blocks of the mesh: whoever has an address in them is known here or is nobody. */
  readonly blocks: readonly Cidr[]
  /** Asked of other name servers. */
  readonly siteZones: SiteZones
  /** Counts changes of intent, as zones do (RFC 1035 §3.3.13). */
  readonly serial: number
}

type ZoneRecords = Pick<ParsedRecords, 'network' | 'nodes' | 'services'> & Partial<Pick<ParsedRecords, 'routes'>>

/** Below the domain a service is found by this label at any rate: a node of the same name has the shorter one. */
const SERVICES = 'svc'

/**
 * `answering`: who is ready behind services that have no address. Nodes that are switched off keep their names: they may be asked
 * for, and are not there. `serial` wraps as in RFC 1982.
 */
export function zoneOf(
  { network, nodes, routes, services }: ZoneRecords,
  serial: number,
  answering: Answering = new Map(),
): Zone | undefined {
  if (network === undefined) return undefined
  const { dnsDomain: domain, dnsZones = [] } = network.spec
  const hasExports = services.some(({ spec }) => spec.export !== undefined)
  const book = createNameBook(hasExports ? [domain, clustersetZone] : [domain])
  const names = new Map<Address, string>()
  for (const { addresses, name } of nodes) {
    const whole = `${name}.${domain}`
    book.host(whole, mainAddresses(addresses))
    for (const address of addresses) names.set(address, whole)
  }
  const taken = new Set(nodes.map(({ name }) => name))
  for (const { addresses, name, spec } of services) {
    const long = `${name}.${SERVICES}.${domain}`
    const all = taken.has(name) || name === SERVICES ? [long] : [`${name}.${domain}`, long]
    for (const whole of all) {
      if (spec.headless === true) {
        book.pods(whole, spec.ports, podsBelow(whole, spec.export?.service ?? name, answering.get(name)))
        continue
      }
      book.host(whole, mainAddresses(addresses))
      book.ports(whole, spec.ports)
    }
    for (const address of addresses) if (!names.has(address)) names.set(address, all[0] ?? long)
  }
  if (hasExports) clustersetNames(book, services, answering)
  const blocks = meshBlocks(network.spec).toSorted(compareCidr)
  const siteZones = dnsZones.map((zone) => ({ ...zone, mappings: mappingsFor(zone.servers, routes) }))
  const virtual = new Set(services.flatMap(({ addresses }) => addresses))
  return { ...book.pages(), names, virtual, blocks, siteZones, serial: serial >>> 0 }
}

/** Whether the mesh knows who has that address, or that nobody has. */
export function isWithin({ blocks }: Pick<Zone, 'blocks'>, address: Address): boolean {
  return blocks.some((block) => contains(block, hostCidr(address)))
}
