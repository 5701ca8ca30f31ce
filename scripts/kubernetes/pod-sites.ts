// Two sites with two pods each as intent has them, for tests: what pods of one are called in the mesh is mapped, and those of the
// other serve under a name.

import { gatewayNodes, homeSite, network, pingPolicy, resource } from '../laboratory/shapes.ts'
import type { Topology } from '../laboratory/topology.ts'

export const [ALPHA, BETA] = ['10.42.1', '10.42.2']
/** What pods of beta are called in the mesh. */
export const MAPPED = '10.202.2'
/** @testonly */
export const SQL = 5_432
/** Of the service that pods of alpha serve, whose own is 80. */
export const PAGE = 8_080

export const topology: Topology = {
  internet: ['hub'],
  sites: [
    homeSite('alpha', ['alpha-1'], { backyard: { gateway: 'alpha-1', hosts: ['web', 'batch'] } }),
    homeSite('beta', ['beta-1'], { backyard: { gateway: 'beta-1', hosts: ['db', 'cache'] } }),
  ],
}

function route(site: string, block: string, nat: object): object {
  const via = { matchLabels: { site, role: 'gateway' } }
  return resource('Route', `pods-${site}`, { destination: `${block}.0/24`, via, ...nat })
}

const sales = { namespaceSelector: { matchLabels: { team: 'sales' } } }
/** @testonly */
export const intent = [
  network,
  pingPolicy,
  ...gatewayNodes(topology, { 'alpha-1': [`${ALPHA}.0/24`], 'beta-1': [`${BETA}.0/24`] }),
  route('alpha', ALPHA, { nat: 'none' }),
  route('beta', BETA, { nat: 'netmap', mapTo: `${MAPPED}.0/24` }),
  resource('Policy', 'sql', {
    subject: { ...sales, podSelector: { matchLabels: { app: 'db' } } },
    ingress: [
      {
        from: [{ ...sales, podSelector: { matchLabels: { app: 'web' } } }],
        ports: [{ port: 'sql' }, { protocol: 'ICMP' }],
      },
    ],
  }),
  resource('Policy', 'page', {
    subject: { ...sales, podSelector: { matchLabels: { app: 'web' } } },
    ingress: [{ ports: [{ port: 80 }] }],
  }),
  resource('Policy', 'quiet', {
    subject: { ...sales, podSelector: { matchLabels: { quiet: 'yes' } } },
    policyTypes: ['Egress'],
    egress: [],
  }),
  resource('Service', 'page', {
    ports: [{ name: 'page', port: PAGE, targetPort: 80 }],
    backends: { matchLabels: { role: 'gateway' } },
    pods: { namespace: 'shop', podSelector: { matchLabels: { app: 'web' } } },
    export: { cluster: 'kube', namespace: 'shop', service: 'page' },
  }),
  resource('Service', 'store', {
    ports: [{ name: 'sql', port: SQL, targetPort: 'sql' }],
    backends: { matchLabels: { role: 'gateway' } },
    pods: { namespace: 'shop', podSelector: { matchLabels: { app: 'db' } } },
    headless: true,
    export: { cluster: 'kube', namespace: 'shop', service: 'store' },
  }),
]
