// ClusterNetworkPolicy by its checklist, alone and beside NetworkPolicy; what can't be read of either is refused with its
// field.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import { isHoldfastError } from '../errors.ts'
import { translate } from '../intent/kubernetes/translate.ts'
import { parseResource } from '../intent/resource.ts'
import { worldWith } from './kubernetes.fake.ts'
import { judge } from './oracle.ts'
import { endpointOf } from './world.fake.ts'

const NETWORK = 'networking.k8s.io/v1'
const CLUSTER = 'policy.networking.k8s.io/v1alpha2'

const all = { namespaces: {} }
const cluster = (name: string, spec: object): object => ({
  apiVersion: CLUSTER,
  kind: 'ClusterNetworkPolicy',
  metadata: { name },
  spec: { tier: 'Admin', priority: 5, subject: all, ...spec },
})
const denyAll = cluster('deny', { ingress: [{ action: 'Deny', from: [all] }] })
const isolating: object = {
  apiVersion: NETWORK,
  kind: 'NetworkPolicy',
  metadata: { name: 'closed', namespace: 'x' },
  spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
}
const y = { namespaces: { matchLabels: { ns: 'y' } } }
const yB = { pods: { namespaceSelector: { matchLabels: { ns: 'y' } }, podSelector: { matchLabels: { pod: 'b' } } } }
const tcp = (number: number): object => ({ tcp: { destinationPort: { number } } })

/** From `y/b` to `x/a` at TCP 80, judged at its end; egress at its start. */
const table: readonly (readonly [string, readonly object[], 'ingress' | 'egress', 'accept' | 'drop'])[] = [
  ['a Deny is final', [denyAll], 'ingress', 'drop'],
  ['a policy without rules of a direction does not touch it', [denyAll], 'egress', 'accept'],
  [
    'a lower priority comes first',
    [denyAll, cluster('open', { priority: 4, ingress: [{ action: 'Accept', from: [y] }] })],
    'ingress',
    'accept',
  ],
  [
    'pods of namespaces',
    [denyAll, cluster('open', { priority: 4, ingress: [{ action: 'Accept', from: [yB] }] })],
    'ingress',
    'accept',
  ],
  [
    'an Accept of the Admin tier passes by NetworkPolicy',
    [isolating, cluster('open', { ingress: [{ action: 'Accept', from: [y] }] })],
    'ingress',
    'accept',
  ],
  [
    'a Pass leaves it to NetworkPolicy',
    [
      isolating,
      cluster('pass', {
        ingress: [
          { action: 'Pass', from: [y] },
          { action: 'Accept', from: [y] },
        ],
      }),
    ],
    'ingress',
    'drop',
  ],
  [
    'NetworkPolicy decides before Baseline',
    [isolating, cluster('late', { tier: 'Baseline', ingress: [{ action: 'Accept', from: [y] }] })],
    'ingress',
    'drop',
  ],
  [
    'Baseline decides where none isolates',
    [cluster('late', { tier: 'Baseline', ingress: [{ action: 'Deny', from: [y] }] })],
    'ingress',
    'drop',
  ],
  [
    'a subject of other pods',
    [cluster('d', { subject: yB, ingress: [{ action: 'Deny', from: [all] }] })],
    'ingress',
    'accept',
  ],
  [
    'networks',
    [cluster('d', { egress: [{ action: 'Deny', to: [{ networks: ['192.0.2.0/24', '10.42.0.0/24'] }] }] })],
    'egress',
    'drop',
  ],
  ['nodes are not pods', [cluster('d', { egress: [{ action: 'Deny', to: [{ nodes: {} }] }] })], 'egress', 'accept'],
  ['a number', [cluster('d', { egress: [{ action: 'Deny', to: [all], protocols: [tcp(80)] }] })], 'egress', 'drop'],
  [
    'another number',
    [cluster('d', { egress: [{ action: 'Deny', to: [all], protocols: [tcp(81)] }] })],
    'egress',
    'accept',
  ],
  [
    'a range',
    [
      cluster('d', {
        egress: [
          { action: 'Deny', to: [all], protocols: [{ tcp: { destinationPort: { range: { start: 79, end: 80 } } } }] },
        ],
      }),
    ],
    'egress',
    'drop',
  ],
  [
    'another protocol',
    [
      cluster('d', {
        egress: [{ action: 'Deny', to: [all], protocols: [{ udp: { destinationPort: { number: 80 } } }] }],
      }),
    ],
    'egress',
    'accept',
  ],
  [
    'a named port',
    [cluster('d', { ingress: [{ action: 'Deny', from: [all], protocols: [{ destinationNamedPort: 'http' }] }] })],
    'ingress',
    'drop',
  ],
  [
    'another named port',
    [cluster('d', { ingress: [{ action: 'Deny', from: [all], protocols: [{ destinationNamedPort: 'http-udp' }] }] })],
    'ingress',
    'accept',
  ],
]
for (const [name, objects, direction, verdict] of table) {
  test(`ClusterNetworkPolicy: ${name}`, () => {
    const world = worldWith(...objects)
    const [source, target] = [endpointOf(world, 'y/b'), endpointOf(world, 'x/a')]
    const [subject, far] = direction === 'ingress' ? [target, source] : [source, target]
    const [other] = far.addresses
    assert.ok(other)
    assert.is(judge({ subject, direction, other, protocol: 'TCP', port: 80 }, world).verdict, verdict)
  })
}

test('a named port of a ClusterNetworkPolicy is of any protocol', () => {
  const world = worldWith(
    cluster('d', { ingress: [{ action: 'Deny', from: [all], protocols: [{ destinationNamedPort: 'http-udp' }] }] }),
  )
  const question = {
    subject: endpointOf(world, 'x/a'),
    direction: 'ingress',
    other: parseAddress('10.42.1.1'),
  } as const
  assert.is(judge({ ...question, protocol: 'UDP', port: 81 }, world).verdict, 'drop')
  assert.is(judge({ ...question, protocol: 'UDP', port: 80 }, world).verdict, 'accept')
})

test('names say where a policy comes from; what the API server keeps for itself stays there', () => {
  const { metadata, spec } = parseResource(
    translate({
      ...isolating,
      metadata: {
        name: 'closed',
        namespace: 'x',
        uid: 'u',
        resourceVersion: '7',
        generation: 1,
        creationTimestamp: 'then',
        managedFields: [],
        labels: { app: 'x' },
        annotations: {
          note: 'n',
          'kubectl.kubernetes.io/last-applied-configuration': '{}',
          'holdfast.dev/network': 'plant',
        },
      },
      status: {},
    }),
  )
  assert.is((spec as { network: string }).network, 'plant')
  const source = 'networking.k8s.io/v1 NetworkPolicy x/closed'
  assert.equal(metadata, {
    name: 'np--x--closed',
    labels: { app: 'x' },
    annotations: { note: 'n', 'holdfast.dev/source': source },
  })
})

const np = (spec: object, metadata: object = {}): object => ({
  apiVersion: NETWORK,
  kind: 'NetworkPolicy',
  metadata: { name: 'p', ...metadata },
  spec,
})
const egress = (to: object, protocols?: object): object => ({
  egress: [{ action: 'Deny', to: [to], ...(protocols === undefined ? {} : { protocols: [protocols] }) }],
})
for (const [field, object] of [
  ['apiVersion', { ...denyAll, apiVersion: 'policy.networking.k8s.io/v1alpha1' }],
  ['kind', { ...np({}), kind: 'Ingress' }],
  ['metadata.namespace', np({}, { namespace: 'a--b' })],
  ['metadata.name', np({}, { name: 'n'.repeat(60) })],
  ['metadata.name', np({}, { name: 'with.dots' })],
  ['spec.podSelectors', np({ podSelectors: {} })],
  ['spec.policyTypes[0]', np({ policyTypes: ['Both'] })],
  ['spec.ingress[0].from[0]', np({ ingress: [{ from: [{}] }] })],
  [
    'spec.ingress[0].from[0].ipBlock',
    np({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/8'] } }] }] }),
  ],
  ['spec.ingress[0].from[0].ipBlock.cidr', np({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.1/33' } }] }] })],
  ['spec.ingress[0].from[0]', np({ ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] })],
  ['spec.ingress[0].ports[0]', np({ ingress: [{ ports: [{ endPort: 80 }] }] })],
  ['spec.ingress[0].ports[0]', np({ ingress: [{ ports: [{ port: 'http', endPort: 80 }] }] })],
  ['spec.ingress[0].ports[0]', np({ ingress: [{ ports: [{ port: 81, endPort: 80 }] }] })],
  ['spec.ingress[0].ports[0].port', np({ ingress: [{ ports: [{ port: '80' }] }] })],
  ['spec.ingress[0].ports[0].protocol', np({ ingress: [{ ports: [{ protocol: 'ICMP' }] }] })],
  ['spec.tier', cluster('c', { tier: 'Standard' })],
  ['spec.priority', cluster('c', { priority: 1001 })],
  ['spec.subject', cluster('c', { subject: {} })],
  ['spec.subject.nodes', cluster('c', { subject: { nodes: {} } })],
  ['spec.ingress[0].from', cluster('c', { ingress: [{ action: 'Deny', from: [] }] })],
  [
    'spec.ingress[0].from[0].networks',
    cluster('c', { ingress: [{ action: 'Deny', from: [{ networks: ['10.0.0.0/8'] }] }] }),
  ],
  ['spec.egress[0].to[0].domainNames', cluster('c', egress({ domainNames: ['example.org'] }))],
  ['spec.egress[0].protocols', cluster('c', egress({ networks: ['10.0.0.0/8'] }, { destinationNamedPort: 'http' }))],
  ['spec.egress[0].protocols[0].tcp.destinationPort', cluster('c', egress(all, { tcp: {} }))],
  ['spec.egress[0].protocols[0]', cluster('c', egress(all, { ...tcp(1), udp: { destinationPort: { number: 1 } } }))],
] as const) {
  test(`refused with its field: ${field} of ${JSON.stringify(object).slice(0, 160)}`, () => {
    try {
      parseResource(translate(object))
      assert.unreachable()
    } catch (error) {
      assert.ok(isHoldfastError(error, 'invalid'))
      if (isHoldfastError(error)) assert.is(error.field, field)
    }
  })
}

test.run()
