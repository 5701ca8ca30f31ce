// The checklist of semantics, line by line, on nodes and pods. What nodes alone can show stands in nodes.test.ts.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import type { Decision, Protocol } from './decision.ts'
import { judge } from './oracle.ts'
import { endpointOf, type FakePod, fakeWorld } from './world.fake.ts'

const http = [{ name: 'http', protocol: 'TCP', port: 8080 }] as const
const PODS: readonly FakePod[] = [
  { namespace: 'shop', name: 'web', labels: { app: 'web' }, addresses: ['10.42.0.1'], ports: http },
  { namespace: 'shop', name: 'db', labels: { app: 'db' }, addresses: ['10.42.0.2'] },
  { namespace: 'ops', name: 'web', labels: { app: 'web' }, addresses: ['10.42.1.1'] },
  { namespace: 'default', name: 'web', labels: { app: 'web' }, addresses: ['10.42.2.1', 'fd42::1'] },
]
const NAMESPACES = { shop: { team: 'sales' }, ops: { team: 'ops' } }

interface Ask {
  readonly direction?: 'ingress' | 'egress'
  readonly subject?: string
  readonly other?: string
  readonly protocol?: Protocol
  readonly port?: number
}

/** TCP 8080 from `shop/db` to `shop/web` where nothing else is said. */
function decide(policies: Readonly<Record<string, object>>, ask: Ask = {}, network: object = {}): Decision {
  const world = fakeWorld({ network, policies, pods: PODS, namespaces: NAMESPACES })
  const { direction = 'ingress', other = '10.42.0.2', port = 8080, protocol = 'TCP', subject = 'shop/web' } = ask
  const question = { subject: endpointOf(world, subject), direction, other: parseAddress(other), protocol, port }
  return judge(question, world)
}

const shop = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } }
const web = { matchLabels: { app: 'web' } }
const shopWeb = { ...shop, podSelector: web }
const anyone = { nodeSelector: {}, podSelector: {}, namespaceSelector: {} }
const allow = { defaultPolicy: 'Allow' }
const from = (...peers: readonly object[]): object => ({ subject: shopWeb, ingress: [{ from: peers }] })
const deny = { tier: 'Admin', action: 'Deny', subject: anyone }

const table: readonly (readonly [string, Readonly<Record<string, object>>, Ask, 'accept' | 'drop'])[] = [
  ['a policy of nodes leaves pods alone', { p: { subject: { nodeSelector: {} } } }, {}, 'accept'],
  [
    'the lower priority number is asked first, whatever stands between them in another tier',
    {
      p0: { tier: 'Admin', action: 'Deny', subject: anyone, ingress: [{ from: [] }] },
      p1: { priority: 1, subject: anyone },
      p2: { tier: 'Admin', action: 'Accept', priority: 1, subject: anyone, ingress: [{ from: [] }] },
    },
    {},
    'accept',
  ],
  ['a policy of pods isolates them', { p: { subject: shopWeb } }, {}, 'drop'],
  ['… and no other pod', { p: { subject: shopWeb } }, { subject: 'ops/web' }, 'accept'],
  ['… and no node', { p: { subject: shopWeb } }, { subject: 'a' }, 'accept'],
  ['a subject may be of nodes and pods', { p: { subject: anyone } }, { subject: 'a' }, 'drop'],
  ['pods alone are those of the namespace default', { p: { subject: { podSelector: web } } }, {}, 'accept'],
  ['… and are selected there', { p: { subject: { podSelector: web } } }, { subject: 'default/web' }, 'drop'],
  ['a namespace alone is all its pods', { p: { subject: shop } }, { subject: 'shop/db' }, 'drop'],
  [
    'labels of the namespace select it',
    { p: from({ namespaceSelector: { matchLabels: { team: 'sales' } } }) },
    {},
    'accept',
  ],
  ['both selectors of one peer must fit', { p: from(shopWeb) }, {}, 'drop'],
  ['several peers: one is enough', { p: from(shopWeb, shop) }, {}, 'accept'],
  ['a peer of pods alone is of the namespace default', { p: from({ podSelector: {} }) }, {}, 'drop'],
  ['… and matches there', { p: from({ podSelector: {} }) }, { other: 'fd42::1' }, 'accept'],
  ['no selector of nodes matches a pod', { p: from({ nodeSelector: {} }) }, {}, 'drop'],
  ['no selector of pods matches a node', { p: from({ namespaceSelector: {} }) }, { other: '10.77.0.1' }, 'drop'],
  ['a block also matches known pods', { p: from({ ipBlock: { cidr: '10.42.0.0/24' } }) }, {}, 'accept'],
  [
    'except narrows its block',
    { p: from({ ipBlock: { cidr: '10.42.0.0/24', except: ['10.42.0.2/32'] } }) },
    {},
    'drop',
  ],
  [
    'except is no deny',
    { p: from({ ipBlock: { cidr: '10.42.0.0/24', except: ['10.42.0.2/32'] } }, { ipBlock: { cidr: '10.42.0.0/16' } }) },
    {},
    'accept',
  ],
  [
    'a block of one family is none of the other',
    { p: from({ ipBlock: { cidr: '0.0.0.0/0' } }) },
    { other: 'fd42::1' },
    'drop',
  ],
  [
    'a named port is that of the destination',
    { p: { subject: shopWeb, ingress: [{ ports: [{ port: 'http' }] }] } },
    {},
    'accept',
  ],
  ['… at its number', { p: { subject: shopWeb, ingress: [{ ports: [{ port: 'http' }] }] } }, { port: 80 }, 'drop'],
  [
    '… in its protocol',
    { p: { subject: shopWeb, ingress: [{ ports: [{ port: 'http', protocol: 'UDP' }] }] } },
    { protocol: 'UDP' },
    'drop',
  ],
  [
    '… also where it goes out',
    { p: { subject: anyone, egress: [{ ports: [{ port: 'http' }] }] } },
    { direction: 'egress', subject: 'shop/db', other: '10.42.0.1' },
    'accept',
  ],
  [
    '… and not of the source',
    { p: { subject: anyone, egress: [{ ports: [{ port: 'http' }] }] } },
    { direction: 'egress' },
    'drop',
  ],
  ['no port listed includes other protocols', { p: from() }, { protocol: 'other' }, 'accept'],
  [
    'a port listed excludes other protocols',
    { p: { subject: shopWeb, ingress: [{ ports: [{ protocol: 'UDP' }] }] } },
    { protocol: 'other' },
    'drop',
  ],
  [
    'no destination port means any of its protocol',
    { p: { subject: shopWeb, ingress: [{ ports: [{}] }] } },
    { port: 1 },
    'accept',
  ],
  ['a Deny above is final', { d: { ...deny, ingress: [{}] }, p: from() }, {}, 'drop'],
  [
    'a lower number comes first',
    { d: { ...deny, ingress: [{}] }, e: { ...deny, action: 'Accept', priority: 499, ingress: [{}] } },
    {},
    'accept',
  ],
  [
    'where priorities tie, the name that sorts first wins',
    { d: { ...deny, ingress: [{}] }, c: { ...deny, action: 'Accept', ingress: [{}] } },
    {},
    'accept',
  ],
  [
    'rules of one policy go by their order',
    { d: { ...deny, ingress: [{ action: 'Accept', ports: [{ port: 8080 }] }, {}] } },
    {},
    'accept',
  ],
  [
    'Pass leaves its tier, and the next decides',
    { d: { ...deny, ingress: [{ action: 'Pass' }, {}] }, p: { subject: shopWeb } },
    {},
    'drop',
  ],
  [
    'Standard decides for good where it isolates',
    { b: { ...deny, tier: 'Baseline', ingress: [{}] }, p: from(shop) },
    {},
    'accept',
  ],
  ['Baseline decides where it does not', { b: { ...deny, tier: 'Baseline', ingress: [{}] } }, {}, 'drop'],
  [
    'a Pass of Baseline leaves it to the network',
    { b: { ...deny, tier: 'Baseline', ingress: [{ action: 'Pass' }, {}] } },
    {},
    'accept',
  ],
]
for (const [name, policies, ask, verdict] of table) {
  test(name, () => assert.is(decide(policies, ask, allow).verdict, verdict))
}

test('a decision names its rule', () => {
  const policies = { p: { subject: shopWeb, ingress: [{ ports: [{ port: 1 }] }, { name: 'from-shop', from: [shop] }] } }
  const reason = { kind: 'rule', policy: 'p', tier: 'Standard', direction: 'ingress', index: 1, name: 'from-shop' }
  assert.equal(decide(policies), { verdict: 'accept', reason })
  assert.equal(decide(policies, { other: '10.42.1.1' }), {
    verdict: 'drop',
    reason: { kind: 'isolated', direction: 'ingress', policies: ['p'] },
  })
  assert.equal(decide({}), { verdict: 'drop', reason: { kind: 'default', direction: 'ingress' } })
})

test('a policy in Audit mode decides nothing, and says what it would do', () => {
  const audited = decide({ d: { ...deny, mode: 'Audit', ingress: [{}] } }, {}, allow)
  assert.is(audited.verdict, 'accept')
  assert.equal(audited.audit, {
    verdict: 'drop',
    reason: { kind: 'rule', policy: 'd', tier: 'Admin', direction: 'ingress', index: 0 },
  })
  const isolates = decide({ p: { subject: shopWeb, mode: 'Audit' } }, {}, allow)
  assert.is(isolates.audit?.verdict, 'drop')
  assert.is(decide({ p: { ...from(shop), mode: 'Audit' } }, {}, allow).audit, undefined)
})

test('a kind of peer that is unknown here fails closed', () => {
  const decided = (action: 'Accept' | 'Deny' | 'Pass'): Decision => {
    const known = { ...deny, action, ingress: [{ from: [{ namespaceSelector: {} }] }] }
    const world = fakeWorld({ pods: PODS, network: allow, policies: { p: known } })
    const [policy] = world.policies
    const [rule] = policy?.spec.ingress ?? []
    assert.ok(policy && rule)
    // As a reader would have it that leaves out what it does not know.
    const spec = { ...policy.spec, ingress: [{ ...rule, from: [...rule.from, {}] }] }
    const other = parseAddress('10.42.0.2')
    const question = { subject: endpointOf(world, 'shop/web'), direction: 'ingress', other, protocol: 'TCP' } as const
    return judge({ ...question, port: 1 }, { ...world, policies: [{ ...policy, spec }] })
  }
  assert.is(decided('Accept').reason.kind, 'default')
  for (const action of ['Deny', 'Pass'] as const) {
    const { reason, verdict } = decided(action)
    assert.is(verdict, 'drop')
    assert.ok(reason.kind === 'rule' && reason.unread === true)
  }
})

test.run()
