// Intent of every kind: the least that is accepted, and one of each mistake with the field that is named. The hub's own parser
// and the definitions for Kubernetes are held to the same list.

import { apiVersion, type Kind } from './resource.ts'

export function resource(kind: Kind, spec: unknown, meta: object = {}): unknown {
  return { apiVersion, kind, metadata: { name: 'x', ...meta }, spec }
}

export const least: Readonly<Record<Kind, object>> = {
  Network: { cidr: '10.7.0.0/16' },
  Canary: { percent: 10 },
  AgentUpdate: { version: '1.2.3' },
  Node: {},
  Policy: { subject: { nodeSelector: {} } },
  Route: { destination: '192.168.1.0/24', via: { matchLabels: { role: 'router' } } },
  Exit: { nodes: {}, via: { matchLabels: { role: 'exit' } }, resolvers: ['9.9.9.9'] },
  Service: { ports: [{ port: 80 }], backends: {} },
  JoinToken: {},
}

const published = { gateways: {}, port: 80, from: ['LAN'] }

export const wrong: readonly (readonly [Kind, object, string, RegExp?])[] = [
  ['Network', {}, 'spec.cidr', /is missing/],
  ['Network', { cidr: 7 }, 'spec.cidr'],
  ['Network', { cidr: '10.7.0.1/16' }, 'spec.cidr', /Write 10\.7\.0\.0\/16/],
  ['Network', { cidr: 'fd00::/64' }, 'spec.cidr', /not an IPv4 block/],
  ['Network', { cidr: '10.7.0.0/30' }, 'spec.cidr', /too small/],
  ['Network', { cidr: '10.7.0.0/16', cidr6: '2001:db8::/64' }, 'spec.cidr6', /RFC 4193/],
  ['Network', { cidr: '10.7.0.0/16', cidr6: 'fd00::/121' }, 'spec.cidr6', /too small/],
  ['Network', { cidr: '10.7.0.0/16', mtu: 1_279 }, 'spec.mtu'],
  ['Network', { cidr: '10.7.0.0/16', mtu: 1_420.5 }, 'spec.mtu'],
  ['Network', { cidr: '10.7.0.0/16', mtu: '1420' }, 'spec.mtu'],
  ['Network', { cidr: '10.7.0.0/16', defaultPolicy: 'allow' }, 'spec.defaultPolicy'],
  ['Network', { cidr: '10.7.0.0/16', dnsDomain: 'Mesh' }, 'spec.dnsDomain'],
  ['Network', { cidr: '10.7.0.0/16', keepalive: -1 }, 'spec.keepalive'],
  ['Network', { cidr: '10.7.0.0/16', keepalive: 1e21 }, 'spec.keepalive'],
  ['Network', { cidr: '10.7.0.0/16', relayPolicy: [{ nodes: {} }] }, 'spec.relayPolicy[0].relays', /is missing/],
  ['AgentUpdate', {}, 'spec.version', /is missing/],
  ['AgentUpdate', { version: '../1.2.3' }, 'spec.version', /not a version/],
  ['AgentUpdate', { version: '1.2.3', waves: [] }, 'spec.waves'],
  ['AgentUpdate', { version: '1.2.3', waves: [{ percent: 101 }] }, 'spec.waves[0].percent'],
  ['AgentUpdate', { version: '1.2.3', waves: [{ count: 1, percent: 5 }] }, 'spec.waves[0]', /names one of/],
  ['AgentUpdate', { version: '1.2.3', waves: [{}] }, 'spec.waves[0]', /names one of/],
  ['AgentUpdate', { version: '1.2.3', maxFailed: -1 }, 'spec.maxFailed'],
  ['AgentUpdate', { version: '1.2.3', window: { from: '1:00', to: '05:00' } }, 'spec.window.from', /time of day/],
  ['AgentUpdate', { version: '1.2.3', window: { from: '05:00', to: '05:00' } }, 'spec.window', /ends when/],
  ['Node', { addresses: ['10.7.0.256'] }, 'spec.addresses[0]', /not an IP address/],
  ['Node', { addresses: ['10.7.0.2', '10.7.0.3', '10.7.0.4'] }, 'spec.addresses'],
  ['Node', { addresses: '10.7.0.2' }, 'spec.addresses'],
  ['Node', { publicEndpoint: 'gw.example.org' }, 'spec.publicEndpoint', /host:port/],
  ['Node', { labels: { 'a b': 'x' } }, 'spec.labels.a b', /label key/],
  ['Node', { labels: { a: 'x y' } }, 'spec.labels.a', /label value/],
  ['Node', { labels: { a: 1 } }, 'spec.labels.a'],
  ['Node', { labels: { prototype: 'yes' } }, 'spec.labels.prototype', /cannot be a key/],
  ['Node', { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, ''])) }, 'spec.labels', /64/],
  ['Node', { relay: { port: 1 } }, 'spec.relay.enabled', /is missing/],
  ['Node', { relay: { enabled: true, port: 65_536 } }, 'spec.relay.port'],
  ['Node', { advertise: ['192.168.1.7/24'] }, 'spec.advertise[0]', /192\.168\.1\.0\/24/],
  ['Node', { disabled: 'no' }, 'spec.disabled'],
  ['Node', { labels: ['a'] }, 'spec.labels', /a list where an object/],
  ['Policy', { subject: { nodeSelector: [] } }, 'spec.subject.nodeSelector', /a list where an object/],
  [
    'Policy',
    { subject: { nodeSelector: {} }, ingress: [{ from: [{ nodeSelector: [] }] }] },
    'spec.ingress[0].from[0].nodeSelector',
    /a list/,
  ],
  ['Route', { ...least.Route, via: [] }, 'spec.via', /a list where an object/],
  ['Node', [], 'spec', /a list where an object/],
  ['Policy', {}, 'spec.subject', /is missing/],
  ['Policy', { subject: {} }, 'spec', /subject is empty/],
  ['Policy', { subject: { nodeSelector: {} }, tier: 'Root' }, 'spec.tier'],
  ['Policy', { subject: { nodeSelector: {} }, action: 'Deny' }, 'spec', /only accepts/],
  ['Policy', { subject: { nodeSelector: {} }, ingress: [{ action: 'Deny' }] }, 'spec', /only accepts/],
  ['Policy', { subject: { nodeSelector: {} }, ingress: [{ to: [] }] }, 'spec.ingress[0].to', /not a known field/],
  ['Policy', { subject: { nodeSelector: {} }, ingress: [{ from: [{}] }] }, 'spec.ingress[0].from[0]', /is empty/],
  [
    'Policy',
    { subject: { nodeSelector: {} }, ingress: [{ from: [{ node: 'a', service: 'b' }] }] },
    'spec.ingress[0].from[0]',
    /mixes/,
  ],
  ['Policy', { subject: { nodeSelector: {} }, egress: [{ ports: [{ port: 0 }] }] }, 'spec.egress[0].ports[0].port'],
  [
    'Policy',
    { subject: { nodeSelector: {} }, egress: [{ ports: [{ protocol: 'ICMP', port: 1 }] }] },
    'spec.egress[0].ports[0]',
    /no ports/,
  ],
  [
    'Policy',
    { subject: { nodeSelector: {} }, egress: [{ ports: [{ port: 9, endPort: 8 }] }] },
    'spec.egress[0].ports[0]',
    /below/,
  ],
  [
    'Policy',
    { subject: { nodeSelector: {} }, egress: [{ ports: [{ endPort: 8 }] }] },
    'spec.egress[0].ports[0]',
    /numeric/,
  ],
  [
    'Policy',
    { subject: { nodeSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } },
    'spec.subject.nodeSelector.matchExpressions[0]',
    /needs values/,
  ],
  [
    'Policy',
    { subject: { nodeSelector: { matchExpressions: [{ key: 'a', operator: 'in', values: ['b'] }] } } },
    'spec.subject.nodeSelector.matchExpressions[0].operator',
  ],
  ['Route', { via: {} }, 'spec.destination', /is missing/],
  ['Route', { ...least.Route, destination: '0.0.0.0/0' }, 'spec', /default route/],
  ['Route', { ...least.Route, nat: 'netmap' }, 'spec', /mapTo goes with/],
  ['Route', { ...least.Route, mapTo: '10.9.1.0/24' }, 'spec', /mapTo goes with/],
  ['Route', { ...least.Route, nat: 'netmap', mapTo: '10.9.0.0/16' }, 'spec', /same family and size/],
  ['Route', { ...least.Route, nat: 'netmap', mapTo: 'fd00::/24' }, 'spec', /same family and size/],
  ['Route', { ...least.Route, probe: 'gw' }, 'spec.probe'],
  ['Exit', { ...least.Exit, resolvers: [] }, 'spec.resolvers'],
  ['Exit', { ...least.Exit, resolvers: Array.from({ length: 5 }, (_, i) => `9.9.9.${i}`) }, 'spec.resolvers'],
  ['Exit', { ...least.Exit, resolvers: ['dns.example.org'] }, 'spec.resolvers[0]'],
  ['Exit', { nodes: {}, resolvers: ['9.9.9.9'] }, 'spec.via', /is missing/],
  ['Exit', { ...least.Exit, whenLost: 'Ajar' }, 'spec.whenLost'],
  ['Service', { backends: {}, ports: [] }, 'spec.ports'],
  ['Service', { backends: {}, ports: [{ port: 80 }, { port: 80 }] }, 'spec', /twice/],
  ['Service', { backends: {}, ports: [{ port: 80, endPort: 90 }] }, 'spec.ports[0].endPort'],
  ['Service', { backends: {}, ports: [{ port: 80, targetPort: 0 }] }, 'spec.ports[0].targetPort'],
  ['Service', { backends: {}, ports: [{ port: 80, targetPort: 'http' }] }, 'spec', /only pods have/],
  ['Service', { ...least.Service, publish: [] }, 'spec.publish'],
  ['Service', { ...least.Service, publish: [{ gateways: {}, port: 80 }] }, 'spec.publish[0].from', /is missing/],
  ['Service', { ...least.Service, publish: [{ ...published, from: [] }] }, 'spec.publish[0].from'],
  ['Service', { ...least.Service, publish: [{ ...published, from: ['lan'] }] }, 'spec.publish[0].from[0]', /CIDR/],
  ['Service', { ...least.Service, publish: [{ ...published, from: ['10.0.0.1/8'] }] }, 'spec.publish[0].from[0]'],
  ['Service', { ...least.Service, publish: [{ ...published, interfaces: ['e"0'] }] }, 'spec.publish[0].interfaces[0]'],
  ['Service', { ...least.Service, publish: [{ ...published, protocol: 'TLS' }] }, 'spec.publish[0]', /TLS needs it/],
  ['Service', { ...least.Service, publish: [{ ...published, hostnames: ['a.b'] }] }, 'spec.publish[0]', /goes with/],
  ...['*', 'a.*.b', 'A.b', 'a..b', '*.'].map((bad): (typeof wrong)[number] => [
    'Service',
    { ...least.Service, publish: [{ ...published, protocol: 'TLS', hostnames: [bad] }] },
    'spec.publish[0].hostnames[0]',
  ]),
  ...[
    { paths: [{ value: '/' }] },
    { answer: 500 },
    { order: 'a' },
    { redirect: { path: '/' } },
    { weight: 1 },
    { requestHeaders: { remove: ['cookie'] } },
    { responseHeaders: { remove: ['server'] } },
    { protocol: 'TLS', hostnames: ['a.b'], answer: 500 },
  ].map((bad): (typeof wrong)[number] => [
    'Service',
    { ...least.Service, publish: [{ ...published, ...bad }] },
    'spec.publish[0]',
    /go with protocol HTTP/,
  ]),
  ...['', 'a', '/a?b', '/a#b', '/ä', '/a b', '/%2', '//', '/a//b', '/./a', '/a/..', '/a%2Fb', '/%2e%2e/a'].map(
    (value): (typeof wrong)[number] => [
      'Service',
      { ...least.Service, publish: [{ ...published, protocol: 'HTTP', paths: [{ value }] }] },
      'spec.publish[0].paths[0].value',
    ],
  ),
  ...(
    [
      ['method', 'CONNECT'],
      ['headers', []],
      ['headers[0].name', [{ name: 'X-Env', value: 'a' }]],
      ['headers[0].name', [{ name: 'a:', value: 'a' }]],
      ['headers[0].value', [{ name: 'a', value: 'a\r\nb: c' }]],
      ['headers[0].value', [{ name: 'a', value: ' a' }]],
      ['headers', [1, 2].map((value) => ({ name: 'a', value: String(value) }))],
      ['queryParams[0].name', [{ name: '', value: 'a' }]],
      ['queryParams', [1, 2].map((value) => ({ name: 'a', value: String(value) }))],
    ] as const
  ).map(([where, bad]): (typeof wrong)[number] => {
    const more = { [where.replace(/\[.*/, '')]: bad }
    return [
      'Service',
      { ...least.Service, publish: [{ ...published, protocol: 'HTTP', paths: [{ value: '/', ...more }] }] },
      `spec.publish[0].paths[0].${where}`,
    ]
  }),
  [
    'Service',
    { ...least.Service, publish: [{ ...published, protocol: 'HTTP', redirect: { status: 301 } }] },
    'spec.publish[0].redirect',
    /asked for ever/,
  ],
  [
    'Service',
    { ...least.Service, publish: [{ ...published, protocol: 'HTTP', answer: 404, redirect: { path: '/' } }] },
    'spec.publish[0]',
    /not both/,
  ],
  [
    'Service',
    { ...least.Service, publish: [{ ...published, protocol: 'HTTP', answer: 200 }] },
    'spec.publish[0].answer',
  ],
  ...['answer', 'redirect'].map((how): (typeof wrong)[number] => {
    const bad = { protocol: 'HTTP', [how]: how === 'answer' ? 404 : { path: '/' } }
    const changes = { responseHeaders: { remove: ['server'] } }
    return [
      'Service',
      { ...least.Service, publish: [{ ...published, ...bad, ...changes }] },
      'spec.publish[0]',
      /is neither/,
    ]
  }),
  ...(
    [
      ['weight', 0],
      ['weight', 1_000_001],
      ['requestHeaders', {}, /changes nothing/],
      ['requestHeaders.set', { set: [] }],
      ['requestHeaders.set', { set: [1, 2].map((value) => ({ name: 'a', value: String(value) })) }, /twice/],
      ['requestHeaders.set[0].name', { set: [{ name: 'X-Env', value: 'a' }] }],
      ['requestHeaders.add[0].value', { add: [{ name: 'a', value: 'a\r\nb: c' }] }],
      ...['host', 'content-length', 'transfer_encoding', 'te', 'x-forwarded-for', 'x_real_ip', 'proxy-x', 'via'].map(
        (name) => ['responseHeaders.remove[0]', { remove: [name] }, /the gateway itself has the say/] as const,
      ),
    ] as const
  ).map(([where, bad, why]): (typeof wrong)[number] => {
    const more = { [where.replace(/\..*/, '')]: bad }
    const spec = { ...least.Service, publish: [{ ...published, protocol: 'HTTP', ...more }] }
    const at = `spec.publish[0].${where}`
    return why === undefined ? ['Service', spec, at] : ['Service', spec, at, why]
  }),
  ['Service', { ...least.Service, publish: [{ ...published, protocol: 'UDP' }] }, 'spec', /does not have/],
  ['Service', { ...least.Service, publish: [{ ...published, servicePort: 81 }] }, 'spec', /does not have/],
  ['Service', { ...least.Service, pods: { podSelector: {} } }, 'spec.pods.namespace', /is missing/],
  ['Service', { ...least.Service, pods: { namespace: 'shop', podSelector: [] } }, 'spec.pods.podSelector', /a list/],
  ['Service', { ...least.Service, export: { cluster: 'a', namespace: 'b' } }, 'spec.export.service'],
  ['Service', { ...least.Service, probe: { port: 80, path: 'no slash' } }, 'spec.probe.path'],
  ['Service', { ...least.Service, headless: true }, 'spec', /it has pods/],
  ['Service', { ...least.Service, clientAffinityS: 0 }, 'spec.clientAffinityS'],
  [
    'Service',
    { ...least.Service, headless: true, pods: { namespace: 'shop', podSelector: {} }, clientAffinityS: 60 },
    'spec',
    /no probe, clientAffinityS or publish/,
  ],
  ['JoinToken', { ttl: '1 h' }, 'spec.ttl', /90s, 15m, 24h or 7d/],
  ['JoinToken', { ttl: '0s' }, 'spec.ttl'],
  ['JoinToken', { uses: 0 }, 'spec.uses'],
]
