// Zones of other name servers, as the network has them: at sites, mostly. Pure.

import type { NetworkSpec } from '../../shared/intent/network.ts'
import type { Mapping } from './mapped.ts'

/** With the subnets of its servers that the mesh calls otherwise. */
export type SiteZone = NonNullable<NetworkSpec['dnsZones']>[number] & { readonly mappings?: readonly Mapping[] }
export type SiteZones = readonly SiteZone[]

/** Less the name servers that are this host, and the zones that then have none. */
export function siteZonesOf(zones: SiteZones, local: ReadonlySet<string>): SiteZones {
  return zones
    .map((zone) => ({ ...zone, servers: zone.servers.filter((server) => !local.has(server)) }))
    .filter(({ servers }) => servers.length > 0)
}

/** The longest of those that the name lies in. */
export function siteZoneFor(zones: SiteZones, name: string): SiteZone | undefined {
  const asked = name.toLowerCase()
  const found = zones.filter(({ zone }) => asked === zone || asked.endsWith(`.${zone}`))
  return found.toSorted((a, b) => b.zone.length - a.zone.length)[0]
}
