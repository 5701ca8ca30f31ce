// The fleets that scenarios are played on, and the intent they begin with.

import { apiVersion } from '../../shared/intent/resource.ts'
import type { FleetShape } from './fleet.ts'
import { internetAddress, outsideOf, type Site, type Topology } from './topology.ts'

const WIREGUARD_PORT = 51_820

/** One resource as `apply` takes it. */
export function resource(kind: string, name: string, spec: object): object {
  return { apiVersion, kind, metadata: { name }, spec }
}

const networkSpec = { cidr: '100.80.0.0/16', cidr6: 'fd5e:ad0:71d5::/64', defaultPolicy: 'Deny' }

export const network = resource('Network', 'default', networkSpec)

export const pingPolicy = resource('Policy', 'ping', {
  subject: { nodeSelector: {} },
  ingress: [{ ports: [{ protocol: 'ICMP' }] }],
})

/** A site behind a home router that forwards WireGuard's port to the first host. */
export function homeSite(name: string, hosts: readonly string[], more: Partial<Site> = {}): Site {
  const [gateway = ''] = hosts
  return { name, nat: 'eim', hosts, forwards: [{ protocol: 'udp', port: WIREGUARD_PORT, to: gateway }], ...more }
}

/** The gateway of each site that forwards WireGuard's port, with its endpoint on the internet. */
export function gatewayNodes(
  topology: Topology,
  advertise: Readonly<Record<string, readonly string[]>> = {},
): object[] {
  return topology.sites.flatMap((site) =>
    (site.forwards ?? [])
      .filter(({ port }) => port === WIREGUARD_PORT)
      .map(({ to }) =>
        resource('Node', to, {
          publicEndpoint: `${outsideOf(topology, site.name)}:${WIREGUARD_PORT}`,
          advertise: advertise[to] ?? [],
        }),
      ),
  )
}

function shapeOf(topology: Topology): FleetShape {
  return { topology, intent: [network, pingPolicy, ...gatewayNodes(topology)] }
}

/** Five devices on two sites, each behind a NAT with one forwarded port. */
export const twoSites = shapeOf({
  internet: ['hub'],
  sites: [homeSite('alpha', ['alpha-1', 'alpha-2', 'alpha-3']), homeSite('beta', ['beta-1', 'beta-2'])],
})

const relayed: Topology = {
  internet: ['hub', 'relay-1'],
  sites: [
    { name: 'alpha', nat: 'eim', hosts: ['alpha-1'] },
    { name: 'beta', nat: 'eim', hosts: ['beta-1'] },
  ],
}

/** A member on the internet that relays for the others. */
export function relayNode(topology: Topology, name: string): object {
  return resource('Node', name, {
    publicEndpoint: `${internetAddress(topology, name)}:${WIREGUARD_PORT}`,
    relay: { enabled: true },
  })
}

/** Two devices behind NATs that meet directly, and a relay between them; a dead path must be noticed at once. */
export const relayedSites: FleetShape = {
  topology: relayed,
  intent: [
    resource('Network', 'default', { ...networkSpec, failover: 'fast' }),
    pingPolicy,
    relayNode(relayed, 'relay-1'),
  ],
}

/** Two devices of one site: enough where only one device is looked at. */
export const oneSite = shapeOf({ internet: ['hub'], sites: [homeSite('alpha', ['alpha-1', 'alpha-2'])] })
