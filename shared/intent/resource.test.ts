// Every kind of intent: what is accepted, what is filled in, and for each mistake the field that is named.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeError } from '../errors.ts'
import { faultOf } from '../fuzz.fake.ts'
import { apiVersion, type Kind, kinds, parseResource, plural, specs } from './resource.ts'
import { durationS } from './token.ts'

function resource(kind: Kind, spec: unknown, meta: object = {}): unknown {
  return { apiVersion, kind, metadata: { name: 'x', ...meta }, spec }
}

const least: Readonly<Record<Kind, object>> = {
  Network: { cidr: '10.7.0.0/16' },
  Canary: { percent: 10 },
  AgentUpdate: { version: '1.2.3' },
  Node: {},
  Policy: { subject: { nodeSelector: {} } },
  Route: { destination: '192.168.1.0/24', via: { matchLabels: { role: 'router' } } },
  Service: { ports: [{ port: 80 }], backends: {} },
  JoinToken: {},
}

for (const kind of kinds) {
  test(`the least ${kind} is filled with defaults, and reading it again changes nothing`, () => {
    const once = parseResource(resource(kind, least[kind]))
    assert.is(once.kind, kind)
    assert.equal(parseResource(once), once)
    assert.equal(parseResource(structuredClone({ ...once, status: { any: 'thing' } })), once)
  })
  test(`${kind} refuses what it does not know`, () => {
    assert.match(
      describeError(faultOf(() => parseResource(resource(kind, { ...least[kind], colour: 1 })))),
      /^spec\.colour: is not a known field/,
    )
  })
}

test('the tables of kinds agree', () => {
  assert.equal(Object.keys(specs).sort(), [...kinds].sort())
  assert.equal(Object.keys(plural).sort(), [...kinds].sort())
})

test('defaults are those of the design', () => {
  const network = parseResource(resource('Network', least.Network))
  assert.equal(network.spec, {
    cidr: '10.7.0.0/16',
    dnsDomain: 'mesh.internal',
    mtu: 1_420,
    defaultPolicy: 'Deny',
    keepalive: 25,
    failover: 'normal',
    relayPolicy: [],
  })
  const token = parseResource(resource('JoinToken', {}))
  assert.equal(token.spec, { network: 'default', ttl: '1h', uses: 1, labels: {}, autoApprove: true })
  assert.equal([durationS('90s'), durationS('15m'), durationS('24h'), durationS('7d')], [90, 900, 86_400, 604_800])
})

const wrong: readonly (readonly [Kind, object, string, RegExp?])[] = [
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
  ['Service', { backends: {}, ports: [] }, 'spec.ports'],
  ['Service', { backends: {}, ports: [{ port: 80 }, { port: 80 }] }, 'spec', /twice/],
  ['Service', { ...least.Service, probe: { port: 80, path: 'no slash' } }, 'spec.probe.path'],
  ['JoinToken', { ttl: '1 h' }, 'spec.ttl', /90s, 15m, 24h or 7d/],
  ['JoinToken', { ttl: '0s' }, 'spec.ttl'],
  ['JoinToken', { uses: 0 }, 'spec.uses'],
]

for (const [kind, spec, field, message] of wrong) {
  test(`${kind} ${JSON.stringify(spec).slice(0, 90)}`, () => {
    const fault = faultOf(() => parseResource(resource(kind, spec)))
    assert.is(fault.code, 'invalid')
    assert.is(fault.field, field)
    if (message !== undefined) assert.match(fault.message, message)
  })
}

for (const [what, input, field] of [
  ['no object', 7, undefined],
  ['null', null, undefined],
  ['a list', [], 'apiVersion'],
  ['another version', { ...(resource('Node', {}) as object), apiVersion: 'v1' }, 'apiVersion'],
  ['another kind', { ...(resource('Node', {}) as object), kind: 'Pod' }, 'kind'],
  ['a kind that every object has', { ...(resource('Node', {}) as object), kind: 'constructor' }, 'kind'],
  ['no name', { apiVersion, kind: 'Node', metadata: {}, spec: {} }, 'metadata.name'],
  ['a name that is a path', resource('Node', {}, { name: '../x' }), 'metadata.name'],
  ['an unknown part', { ...(resource('Node', {}) as object), data: 1 }, 'data'],
  ['a member named __proto__', JSON.parse('{"metadata":{"__proto__":{"name":"x"}}}'), 'metadata.__proto__'],
] as const) {
  test(`refused: ${what}`, () => assert.is(faultOf(() => parseResource(input)).field, field))
}

test('a message never repeats a megabyte of input', () => {
  const fault = faultOf(() =>
    parseResource(resource('Network', { cidr: '10.7.0.0/16', failover: 'x'.repeat(1 << 20) })),
  )
  assert.ok(describeError(fault).length < 600)
})

test('nesting beyond any of ours is refused, not followed', () => {
  let deep: unknown = {}
  for (let i = 0; i < 100_000; i++) deep = [deep]
  assert.is(faultOf(() => parseResource(resource('Node', deep))).code, 'too-large')
})

test.run()
