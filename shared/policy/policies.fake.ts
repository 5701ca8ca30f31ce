// Random policies for properties: few labels, blocks, ports and priorities, so that they meet, touch and contradict each other.

import * as fc from 'fast-check'
import type { Address } from '../address/cidr.ts'
import type { Protocol } from './decision.ts'
import { type FakePod, fakeWorld } from './world.fake.ts'
import type { World } from './world.ts'

const PODS: readonly FakePod[] = [
  {
    namespace: 'shop',
    name: 'web',
    labels: { app: 'web' },
    addresses: ['10.42.0.1', 'fd42::1'],
    ports: [
      { name: 'http', protocol: 'TCP', port: 81 },
      { name: 'dns', protocol: 'UDP', port: 80 },
    ],
  },
  { namespace: 'shop', name: 'db', labels: { app: 'db' }, addresses: ['10.42.0.2'] },
  {
    namespace: 'default',
    name: 'web',
    labels: { app: 'web' },
    addresses: ['10.42.0.4'],
    ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
  },
]

/** Of nodes, pods, a service, of what lies just inside and outside of blocks, and of nobody. */
export const others = [
  '10.77.0.1',
  '10.77.0.2',
  '10.77.0.3',
  'fd77::2',
  'fd77::3',
  '10.77.0.201',
  '10.42.0.1',
  '10.42.0.2',
  '10.42.0.3',
  '10.42.0.4',
  'fd42::1',
  '10.41.255.255',
  '192.0.2.1',
  '2001:db8::1',
] as Address[]
/** Around every edge of the port lists below. */
export const ports = [1, 79, 80, 81, 90, 91, 1023, 1024, 65_535]
export const protocols: readonly Protocol[] = ['TCP', 'UDP', 'SCTP', 'ICMP', 'other']

const nodeSelector = fc.constantFrom<object[]>(
  {},
  { matchLabels: { role: 'web' } },
  { matchLabels: { role: 'db', site: 'x' } },
  { matchExpressions: [{ key: 'site', operator: 'NotIn', values: ['x'] }] },
  { matchExpressions: [{ key: 'role', operator: 'DoesNotExist' }] },
)
const podSelector = fc.constantFrom<object[]>({}, { matchLabels: { app: 'web' } }, { matchLabels: { app: 'db' } })
const namespaceSelector = fc.constantFrom<object[]>(
  {},
  { matchLabels: { team: 'sales' } },
  { matchLabels: { 'kubernetes.io/metadata.name': 'default' } },
)
const nodeName = fc.constantFrom('a', 'b', 'gone')
const pods = fc.oneof(
  fc.record({ podSelector }),
  fc.record({ namespaceSelector }),
  fc.record({ podSelector, namespaceSelector }),
)
const peer = fc.oneof(
  fc.record({ nodeSelector }),
  pods,
  fc.record({ node: nodeName }),
  fc.record({ service: fc.constantFrom('shop', 'gone') }),
  fc.record({
    ipBlock: fc.constantFrom(
      { cidr: '0.0.0.0/0', except: ['10.42.0.0/24', '10.77.0.2/32'] },
      { cidr: '10.42.0.0/24', except: ['10.42.0.2/31'] },
      { cidr: '10.42.0.0/30' },
      { cidr: '10.42.0.2/32' },
      { cidr: '10.77.0.0/24', except: ['10.77.0.0/24'] },
      { cidr: '::/0' },
      { cidr: 'fd77::/64', except: ['fd77::2/127'] },
      { cidr: 'fd42::1/128' },
    ),
  }),
)
const port = fc.constantFrom<object[]>(
  {},
  { port: 80 },
  { port: 80, endPort: 90 },
  { port: 81, endPort: 1023 },
  { port: 1, endPort: 65_535 },
  { port: 65_535 },
  { protocol: 'UDP', port: 80 },
  { protocol: 'UDP' },
  { protocol: 'SCTP', port: 79, endPort: 81 },
  { protocol: 'ICMP' },
  { port: 'http' },
  { protocol: 'UDP', port: 'dns' },
)

function rules(key: 'from' | 'to', ordered: boolean): fc.Arbitrary<object[]> {
  const one = fc.record({
    // Often anyone and any port, so that rules meet.
    peers: fc.oneof(fc.constant([]), fc.array(peer, { maxLength: 2 })),
    ports: fc.oneof(fc.constant([]), fc.array(port, { maxLength: 3 })),
    action: fc.constantFrom('Accept', 'Deny', 'Pass'),
  })
  return fc.array(
    one.map(({ action, peers, ports: own }) => ({ [key]: peers, ports: own, ...(ordered ? { action } : {}) })),
    { maxLength: 3 },
  )
}

const subject = fc.oneof(
  fc.constant({ nodeSelector: {}, namespaceSelector: {} }),
  fc.record({ nodeSelector }),
  fc.record({ node: nodeName }),
  pods,
  fc.record({ nodeSelector, namespaceSelector }),
)

export const randomPolicy: fc.Arbitrary<object> = fc.constantFrom('Admin', 'Standard', 'Baseline').chain((tier) =>
  fc.record(
    {
      tier: fc.constant(tier),
      mode: fc.constantFrom('Enforce', 'Enforce', 'Enforce', 'Audit'),
      priority: fc.constantFrom(1, 2),
      subject,
      policyTypes: fc.constantFrom<string[][]>([], ['Ingress'], ['Egress'], ['Ingress', 'Egress']),
      ingress: rules('from', tier !== 'Standard'),
      egress: rules('to', tier !== 'Standard'),
    },
    { requiredKeys: ['tier', 'subject'] },
  ),
)

export interface Draft {
  readonly defaultPolicy: 'Allow' | 'Deny'
  readonly policies: Readonly<Record<string, object>>
}

export function worldOfDraft({ defaultPolicy, policies }: Draft): World {
  return fakeWorld({
    network: { defaultPolicy },
    policies,
    pods: PODS,
    namespaces: { shop: { team: 'sales' }, default: {} },
    services: { shop: { ports: [{ port: 80 }], backends: { matchLabels: { role: 'db' } } } },
  })
}

export const randomDraft: fc.Arbitrary<Draft> = fc.record({
  defaultPolicy: fc.constantFrom('Allow', 'Deny'),
  policies: fc
    .array(randomPolicy, { maxLength: 6 })
    .map((list) => Object.fromEntries(list.map((policy, index) => [`p${index}`, policy]))),
})
