// The enumerated set of policies that every way of enforcing is held against: each selector × peer × port × direction, once as a
// NetworkPolicy, and each action of the other tiers.

import { worldWith } from './kubernetes.fake.ts'
import type { World } from './world.ts'

const SUBJECTS = [{}, { matchLabels: { pod: 'a' } }]

const PEERS: readonly (readonly object[])[] = [
  [],
  [{ podSelector: {} }],
  [{ podSelector: { matchLabels: { pod: 'b' } } }],
  [{ namespaceSelector: {} }],
  [{ namespaceSelector: { matchLabels: { ns: 'y' } } }],
  [{ namespaceSelector: { matchLabels: { ns: 'y' } }, podSelector: { matchLabels: { pod: 'b' } } }],
  [{ podSelector: { matchLabels: { pod: 'b' } } }, { namespaceSelector: { matchLabels: { ns: 'z' } } }],
  [{ namespaceSelector: { matchExpressions: [{ key: 'ns', operator: 'NotIn', values: ['x', 'y'] }] } }],
  [{ ipBlock: { cidr: '10.42.0.0/23' } }],
  [{ ipBlock: { cidr: '10.42.0.0/16', except: ['10.42.1.0/31'] } }],
]

const PORTS: readonly (readonly object[])[] = [
  [],
  [{ port: 80 }],
  [{ port: 81, protocol: 'UDP' }],
  [{ port: 80, endPort: 81 }],
  [{ protocol: 'UDP' }],
  [{ protocol: 'SCTP' }],
  [{ port: 'http' }],
  [{ port: 80 }, { port: 'http-udp', protocol: 'UDP' }, { protocol: 'SCTP', port: 81 }],
]

export interface Case {
  readonly name: string
  readonly world: World
}

function standard(): readonly object[] {
  return SUBJECTS.flatMap((podSelector) =>
    PEERS.flatMap((peers) =>
      PORTS.flatMap((ports) => [
        { podSelector, policyTypes: ['Ingress'], ingress: [{ from: peers, ports }] },
        { podSelector, policyTypes: ['Egress'], egress: [{ to: peers, ports }] },
      ]),
    ),
  )
}

function networkPolicy(spec: object): object {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'p', namespace: 'x' }, spec }
}

function ordered(tier: string, name: string, priority: number, rules: object): object {
  return {
    apiVersion: 'policy.networking.k8s.io/v1alpha2',
    kind: 'ClusterNetworkPolicy',
    metadata: { name },
    spec: { tier, priority, subject: { namespaces: {} }, ...rules },
  }
}

const y = { namespaces: { matchLabels: { ns: 'y' } } }
const tcp80 = [{ tcp: { destinationPort: { number: 80 } } }]

/** Two policies of one tier, and one of Standard in between or none. */
function tiers(): readonly (readonly object[])[] {
  const actions = ['Accept', 'Deny', 'Pass']
  const between = [undefined, {}, { ingress: [{ from: [{ podSelector: {} }] }] }]
  return ['Admin', 'Baseline'].flatMap((tier) =>
    actions.flatMap((first) =>
      actions.flatMap((second) =>
        between.map((spec) => [
          ordered(tier, 'z-first', 1, { ingress: [{ action: first, from: [y], protocols: tcp80 }] }),
          ordered(tier, 'a-second', 2, {
            ingress: [{ action: second, from: [y] }],
            egress: [{ action: second, to: [y] }],
          }),
          ...(spec === undefined ? [] : [networkPolicy({ podSelector: {}, ...spec })]),
        ]),
      ),
    ),
  )
}

export function truthTable(): readonly Case[] {
  const all = [...standard().map((spec) => [networkPolicy(spec)]), ...tiers()]
  return all.map((objects) => ({ name: JSON.stringify(objects), world: worldWith(...objects) }))
}
