// Policy: who may talk to whom. One language for nodes and pods; the semantics stand in shared/policy.

import * as v from 'valibot'
import { cidr, integer, name, port, selector } from './field.ts'
import { networkRef } from './network.ts'

const portRule = v.pipe(
  v.strictObject({
    protocol: v.optional(v.picklist(['TCP', 'UDP', 'SCTP', 'ICMP'])),
    /** A number, or the name of a port of the destination. */
    port: v.optional(v.union([port, name])),
    /** Last port of a range, inclusive. */
    endPort: v.optional(port),
  }),
  v.check((p) => p.endPort === undefined || typeof p.port === 'number', 'endPort needs a numeric port'),
  v.check((p) => p.endPort === undefined || typeof p.port !== 'number' || p.endPort >= p.port, 'endPort is below port'),
  v.check((p) => p.protocol !== 'ICMP' || p.port === undefined, 'ICMP has no ports'),
)
export type PortRule = v.InferOutput<typeof portRule>

const ipBlock = v.strictObject({ cidr, except: v.optional(v.pipe(v.array(cidr), v.maxLength(64)), []) })

const peer = v.pipe(
  v.strictObject({
    nodeSelector: v.optional(selector),
    podSelector: v.optional(selector),
    namespaceSelector: v.optional(selector),
    ipBlock: v.optional(ipBlock),
    service: v.optional(name),
    /** One node by name. */
    node: v.optional(name),
  }),
  v.check(
    (p) => Object.values(p).some((part) => part !== undefined),
    'is empty: name a selector, ipBlock, service or node',
  ),
  v.check((p) => {
    const kinds = [p.nodeSelector, p.podSelector ?? p.namespaceSelector, p.ipBlock, p.service, p.node]
    return kinds.filter((kind) => kind !== undefined).length <= 1
  }, 'mixes kinds of peers: give each its own list entry'),
)
export type PolicyPeer = v.InferOutput<typeof peer>

const action = v.picklist(['Accept', 'Deny', 'Pass'])

function rule<Key extends 'from' | 'to'>(key: Key) {
  const peers = v.optional(v.pipe(v.array(peer), v.maxLength(1_000)), [])
  return v.strictObject({
    name: v.optional(name),
    /** Overrides the policy's own action for this rule. */
    action: v.optional(action),
    ports: v.optional(v.pipe(v.array(portRule), v.maxLength(256)), []),
    ...({ [key]: peers } as Record<Key, typeof peers>),
  })
}

export const policySpec = v.pipe(
  v.strictObject({
    network: networkRef,
    tier: v.optional(v.picklist(['Admin', 'Standard', 'Baseline']), 'Standard'),
    /** Lower wins; only the Admin and Baseline tiers have an order. */
    priority: v.optional(integer(0, 1_000), 500),
    action: v.optional(action, 'Accept'),
    mode: v.optional(v.picklist(['Enforce', 'Audit']), 'Enforce'),
    /** Whom the policy speaks of. */
    subject: v.strictObject({
      nodeSelector: v.optional(selector),
      /** One node by name; beside nodeSelector, only if that selects it too. */
      node: v.optional(name),
      podSelector: v.optional(selector),
      namespaceSelector: v.optional(selector),
    }),
    policyTypes: v.optional(v.pipe(v.array(v.picklist(['Ingress', 'Egress'])), v.maxLength(2))),
    ingress: v.optional(v.pipe(v.array(rule('from')), v.maxLength(1_000))),
    egress: v.optional(v.pipe(v.array(rule('to')), v.maxLength(1_000))),
  }),
  v.check(
    (p) => Object.values(p.subject).some((part) => part !== undefined),
    'subject is empty: use nodeSelector: {} for every node',
  ),
  v.check(
    (p) =>
      p.tier !== 'Standard' ||
      ![...(p.ingress ?? []), ...(p.egress ?? []), p].some((r) => r.action === 'Deny' || r.action === 'Pass'),
    'a Standard policy only accepts: put Deny and Pass in tier Admin or Baseline',
  ),
)
export type PolicySpec = v.InferOutput<typeof policySpec>
