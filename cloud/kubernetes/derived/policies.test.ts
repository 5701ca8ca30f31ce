// What a cluster's policies become: what the same words mean in a file, and what is closed where the words are not known.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../../shared/address/cidr.ts'
import { translate } from '../../../shared/intent/kubernetes/translate.ts'
import { parseResource, type Resource } from '../../../shared/intent/resource.ts'
import { PODS } from '../../../shared/policy/kubernetes.fake.ts'
import { judge } from '../../../shared/policy/oracle.ts'
import { endpointOf, fakeWorld } from '../../../shared/policy/world.fake.ts'
import type { InputKind, InputObject } from '../input.ts'
import { derivePolicy } from './policies.ts'

const options = { clusterName: 'kube', network: 'default' }

function input(kind: InputKind, spec: unknown, more: Partial<InputObject> = {}): InputObject {
  const namespace = kind === 'NetworkPolicy' ? 'x' : ''
  return {
    kind,
    namespace,
    name: 'p',
    uid: 'u',
    resourceVersion: '1',
    generation: 1,
    annotations: {},
    labels: {},
    spec,
    ...more,
  }
}

function specOf(kind: InputKind, spec: unknown, more: Partial<InputObject> = {}) {
  const { fault, resource } = derivePolicy(input(kind, spec, more), options)
  return { fault, spec: (resource as Resource<'Policy'>).spec }
}

/** Whether `y/b` may open TCP 80 of `x/a`, in a world that is open where no policy speaks. */
function isOpen(...inputs: readonly InputObject[]): boolean {
  const policies = Object.fromEntries(
    inputs.map((one, index) => [`p${index}`, derivePolicy(one, options).resource.spec]),
  )
  const namespaces = { x: { ns: 'x' }, y: { ns: 'y' }, z: { ns: 'z' } }
  const world = fakeWorld({ network: { defaultPolicy: 'Allow' }, policies, pods: PODS, namespaces })
  const question = {
    subject: endpointOf(world, 'x/a'),
    direction: 'ingress',
    other: parseAddress('10.42.1.1'),
    protocol: 'TCP',
    port: 80,
  } as const
  return judge(question, world).verdict === 'accept'
}

const y = { namespaceSelector: { matchLabels: { ns: 'y' } } }
const words = {
  ingress: [{ from: [{ podSelector: {} }, y], ports: [{ port: 80 }, { port: 'http', protocol: 'UDP' }] }],
  egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }],
  podSelector: { matchLabels: { pod: 'a' } },
  policyTypes: ['Ingress', 'Egress'],
}

test('a policy of the cluster means what it means in a file', () => {
  const file = translate({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace: 'x' },
    spec: words,
  })
  assert.equal(specOf('NetworkPolicy', words), { fault: undefined, spec: parseResource(file).spec })
  const guard = {
    tier: 'Baseline',
    priority: 3,
    subject: { pods: { podSelector: { matchLabels: { pod: 'a' } } } },
    egress: [{ action: 'Deny', to: [{ networks: ['0.0.0.0/0'] }] }],
  }
  const cluster = translate({
    apiVersion: 'policy.networking.k8s.io/v1alpha2',
    kind: 'ClusterNetworkPolicy',
    metadata: { name: 'p' },
    spec: guard,
  })
  assert.equal(specOf('ClusterNetworkPolicy', guard), { fault: undefined, spec: parseResource(cluster).spec })
})

test('the annotation names the network; one that is none is a fault, and closed in the usual one', () => {
  const at = (network: string) =>
    specOf('NetworkPolicy', words, { annotations: { 'holdfast.dev/network': network, other: 'x'.repeat(9) } })
  assert.is(at('second').spec.network, 'second')
  const bad = at('Not a name')
  assert.is(bad.fault?.field, 'metadata.annotations[holdfast.dev/network]')
  assert.equal([bad.spec.network, bad.spec.policyTypes], ['default', ['Ingress', 'Egress']])
})

test('a rule that can’t be read allows nothing; the others stay', () => {
  const unknown = { from: [{ serviceSelector: {} }] }
  const { fault, spec } = specOf('NetworkPolicy', { ...words, ingress: [unknown, { from: [y] }] })
  assert.is(fault?.field, 'spec.ingress[0].from[0].serviceSelector')
  assert.equal(
    spec.ingress?.map(({ from }) => from),
    [[y]],
  )
  assert.is(spec.egress?.length, 1)
})

for (const [spec, field] of [
  [{ podSelector: {}, ingress: [{}], mood: 1 }, 'spec.mood'],
  [{ podSelector: { matchAny: {} }, ingress: [{}] }, 'spec.podSelector.matchAny'],
  [{ podSelector: {}, policyTypes: ['Sideways'], ingress: [{ from: [{ podSelector: {} }] }] }, 'spec.policyTypes[0]'],
  [{ podSelector: { matchLabels: { pod: 'a' } }, ingress: 7 }, 'spec.ingress'],
  [{ podSelector: {}, ingress: [{ from: [{}] }] }, 'spec.ingress[0].from[0]'],
  [
    { podSelector: {}, ingress: [{ ports: [{ port: 80, protocol: 'QUIC' }] }] },
    'spec.ingress[0].ports[0].protocol',
    true,
  ],
  [7, 'spec'],
] as const) {
  test(`closed for whom it speaks of: ${JSON.stringify(spec)}`, () => {
    assert.is(specOf('NetworkPolicy', spec).fault?.field, field)
    assert.is(isOpen(input('NetworkPolicy', spec)), false)
  })
}

const deny = { action: 'Deny', from: [{ namespaces: {} }] }
const open = { action: 'Accept', from: [{ namespaces: {} }] }
const admin = { tier: 'Admin', priority: 5, subject: { namespaces: {} } }

test('a policy that can’t be read opens nobody whom it may not speak of', () => {
  const isolating = input('NetworkPolicy', { podSelector: { matchLabels: { pod: 'a' } } })
  for (const spec of [
    { podSelector: { matchAny: { pod: 'b' } }, ingress: [{}] },
    { podSelector: {}, policyTypes: ['Sideways'], ingress: [{}] },
    { podSelector: {}, except: { pod: 'a' }, ingress: [{}] },
  ])
    assert.not.ok(isOpen(isolating, input('NetworkPolicy', spec)), JSON.stringify(spec))
  const denying = input('ClusterNetworkPolicy', { ...admin, priority: 900, ingress: [deny] })
  const unread = { ...admin, subject: { pods: { podSelector: {}, zone: 'a' } }, ingress: [open] }
  assert.not.ok(isOpen(denying, input('ClusterNetworkPolicy', unread)))
})

for (const [name, spec, isStillOpen] of [
  ['an Accept that can’t be read accepts nothing', { ...admin, ingress: [{ ...open, when: 'night' }, deny] }, false],
  ['and takes nothing from the rules behind it', { ...admin, ingress: [{ ...open, when: 'night' }, open] }, true],
  [
    'a Deny that can’t be read denies everything',
    { ...admin, ingress: [{ action: 'Deny', from: [{ zones: 1 }] }, open] },
    false,
  ],
  ['a Pass that can’t be read denies everything', { ...admin, ingress: [{ action: 'Pass', from: [{}] }, open] }, false],
  ['an action that is not known denies everything', { ...admin, ingress: [{ ...open, action: 'Log' }, open] }, false],
  ['a subject that can’t be read is everybody', { ...admin, subject: { zones: {} }, ingress: [deny] }, false],
  ['a tier that is not known comes first', { ...admin, tier: 'Root', ingress: [deny] }, false],
  ['a field that is not known makes every Accept unread', { ...admin, ingress: [open], egress: [], mood: 1 }, true],
  [
    'and every Deny a whole one',
    { ...admin, ingress: [open, { ...deny, from: [{ namespaces: { matchLabels: { ns: 'z' } } }] }], mood: 1 },
    false,
  ],
] as const) {
  test(name, () => {
    const one = input('ClusterNetworkPolicy', spec)
    assert.is(isOpen(one), isStillOpen)
    assert.is(derivePolicy(one, options).fault === undefined, false)
  })
}

test('what is taken where the hub refuses the whole is closed for all that it speaks of', () => {
  const { closed, fault } = derivePolicy(input('NetworkPolicy', { podSelector: {}, ingress: [{}] }), options)
  assert.is(fault, undefined)
  assert.ok(closed !== undefined)
  const refused = closed({ field: 'Policy/p', message: 'as a record it is too large' } as never)
  assert.equal((refused.spec as Resource<'Policy'>['spec']).ingress, [])
  assert.match(refused.metadata.annotations?.['holdfast.dev/refused'] ?? '', /too large/)
})

test.run()
