// A NetworkPolicy means here what it means in Kubernetes: its semantics, written down once more on the object itself.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { contains, hostCidr, parseAddress, parseCidr } from '../address/cidr.ts'
import { selects } from '../intent/field.ts'
import { PODS, worldWith } from './kubernetes.fake.ts'
import { judge } from './oracle.ts'
import type { Endpoint } from './world.ts'

const NETWORK = 'networking.k8s.io/v1'

interface Peer {
  podSelector?: { matchLabels?: Record<string, string> }
  namespaceSelector?: { matchLabels?: Record<string, string> }
  ipBlock?: { cidr: string; except?: string[] }
}
interface Rule {
  from?: Peer[]
  to?: Peer[]
  ports?: { protocol?: string; port?: number | string; endPort?: number }[]
}
interface NetworkPolicy {
  metadata: { name: string; namespace: string }
  spec: {
    podSelector: { matchLabels?: Record<string, string> }
    policyTypes?: string[]
    ingress?: Rule[]
    egress?: Rule[]
  }
}

const pick = fc.constantFrom
const pods = pick<Peer['podSelector'][]>({}, { matchLabels: { pod: 'a' } }, { matchLabels: { pod: 'c' } })
const spaces = pick<Peer['namespaceSelector'][]>({}, { matchLabels: { ns: 'x' } }, { matchLabels: { ns: 'y' } })
const peer: fc.Arbitrary<Peer> = fc.oneof(
  pods.map((podSelector): Peer => ({ podSelector: podSelector ?? {} })),
  spaces.map((namespaceSelector): Peer => ({ namespaceSelector: namespaceSelector ?? {} })),
  fc
    .tuple(pods, spaces)
    .map(([podSelector = {}, namespaceSelector = {}]): Peer => ({ podSelector, namespaceSelector })),
  pick<Peer[]>(
    { ipBlock: { cidr: '10.42.0.0/23', except: ['10.42.1.0/31'] } },
    { ipBlock: { cidr: '10.42.2.2/32' } },
    { ipBlock: { cidr: '0.0.0.0/0' } },
  ),
)
const port = pick<NonNullable<Rule['ports']>[number][]>(
  {},
  { port: 80 },
  { port: 79, endPort: 81, protocol: 'UDP' },
  { protocol: 'SCTP' },
  { port: 'http' },
  { port: 'http-udp', protocol: 'UDP' },
)

function rule(key: 'from' | 'to'): fc.Arbitrary<Rule> {
  return fc.record(
    { [key]: fc.array(peer, { maxLength: 3 }), ports: fc.array(port, { maxLength: 2 }) },
    { requiredKeys: [] },
  ) as fc.Arbitrary<Rule>
}

const networkPolicy: fc.Arbitrary<NetworkPolicy> = fc.record({
  apiVersion: fc.constant(NETWORK),
  kind: fc.constant('NetworkPolicy'),
  metadata: fc.record({ name: pick('one', 'two'), namespace: pick('x', 'y') }),
  spec: fc.record(
    {
      podSelector: pods.map((selector) => selector ?? {}),
      policyTypes: pick<string[][]>([], ['Ingress'], ['Egress'], ['Ingress', 'Egress']),
      ingress: fc.array(rule('from'), { maxLength: 2 }),
      egress: fc.array(rule('to'), { maxLength: 2 }),
    },
    { requiredKeys: ['podSelector'] },
  ),
}) as fc.Arbitrary<NetworkPolicy>

interface Flow {
  readonly from: Endpoint
  readonly to: Endpoint
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly port: number
}

function spaceOf({ name }: Endpoint): string {
  return name.split('/')[0] ?? ''
}

function isPeer({ ipBlock, namespaceSelector, podSelector }: Peer, own: string, pod: Endpoint): boolean {
  if (ipBlock !== undefined) {
    const host = hostCidr(pod.addresses[0] ?? parseAddress('::'))
    const inside = (block: string): boolean => contains(parseCidr(block), host)
    return inside(ipBlock.cidr) && !(ipBlock.except ?? []).some(inside)
  }
  const space = namespaceSelector === undefined ? spaceOf(pod) === own : selects(namespaceSelector, pod.namespace ?? {})
  return space && (podSelector === undefined || selects(podSelector, pod.labels))
}

function passes(rules: readonly Rule[], own: string, other: Endpoint, { port: asked, protocol, to }: Flow): boolean {
  return rules.some(({ from = [], ports = [], to: out = [] }) => {
    const peers = [...from, ...out]
    if (peers.length > 0 && !peers.some((one) => isPeer(one, own, other))) return false
    return (
      ports.length === 0 ||
      ports.some((one) => {
        if ((one.protocol ?? 'TCP') !== protocol) return false
        if (one.port === undefined) return true
        if (typeof one.port === 'number') return asked >= one.port && asked <= (one.endPort ?? one.port)
        return to.ports.some((named) => named.name === one.port && named.protocol === protocol && named.port === asked)
      })
    )
  })
}

function kubernetesAllows(policies: readonly NetworkPolicy[], way: 'ingress' | 'egress', flow: Flow): boolean {
  const [subject, other] = way === 'ingress' ? [flow.to, flow.from] : [flow.from, flow.to]
  const concerned = policies.filter(({ metadata, spec }) => {
    if (metadata.namespace !== spaceOf(subject) || !selects(spec.podSelector, subject.labels)) return false
    const given = (spec.policyTypes ?? []).length > 0
    const types = given ? spec.policyTypes : ['Ingress', ...((spec.egress ?? []).length > 0 ? ['Egress'] : [])]
    return types?.includes(way === 'ingress' ? 'Ingress' : 'Egress')
  })
  if (concerned.length === 0) return true
  return concerned.some(({ metadata, spec }) => passes(spec[way] ?? [], metadata.namespace, other, flow))
}

test('a NetworkPolicy means what it means in Kubernetes', () => {
  const list = fc.uniqueArray(networkPolicy, {
    maxLength: 3,
    selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
  })
  const who = fc.nat(PODS.length - 1)
  const asks = fc.array(fc.tuple(who, who, pick('TCP', 'UDP', 'SCTP'), pick(79, 80, 81, 82)), {
    minLength: 20,
    maxLength: 20,
  })
  fc.assert(
    fc.property(list, asks, (policies, flows) => {
      const world = worldWith(...policies)
      const known = world.endpoints.filter(({ kind }) => kind === 'pod')
      for (const [source, target, protocol, asked] of flows) {
        const [from, to] = [known[source], known[target]]
        assert.ok(from && to)
        for (const direction of ['ingress', 'egress'] as const) {
          const [subject, far] = direction === 'ingress' ? [to, from] : [from, to]
          const [other] = far.addresses
          assert.ok(other)
          const { verdict } = judge({ subject, direction, other, protocol, port: asked }, world)
          const allowed = kubernetesAllows(policies, direction, { from, to, protocol, port: asked })
          assert.is(verdict === 'accept', allowed, JSON.stringify({ policies, direction, protocol, asked }))
        }
      }
    }),
    { numRuns: 150 },
  )
})

test.run()
