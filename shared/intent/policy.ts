// Policy: who may talk to whom. One language for nodes and pods; the semantics stand in shared/policy.

import * as v from 'valibot'
import { cidr, integer, name, port, selector } from './field.ts'
import { networkRef } from './network.ts'
import { about, rule } from './rule.ts'

const portRule = v.pipe(
  v.strictObject({
    protocol: about(v.optional(v.picklist(['TCP', 'UDP', 'SCTP', 'ICMP'])), 'TCP where absent.'),
    port: about(v.optional(v.union([port, name])), 'A number, or the name of a port of the destination.'),
    endPort: about(v.optional(port), 'Last port of a range, inclusive.'),
  }),
  rule((p) => p.endPort === undefined || typeof p.port === 'number', 'endPort needs a numeric port'),
  rule((p) => p.endPort === undefined || typeof p.port !== 'number' || p.endPort >= p.port, 'endPort is below port'),
  rule((p) => p.protocol !== 'ICMP' || p.port === undefined, 'ICMP has no ports'),
)
export type PortRule = v.InferOutput<typeof portRule>

const ipBlock = v.strictObject({
  cidr: about(cidr, 'The block.'),
  except: about(v.optional(v.pipe(v.array(cidr), v.maxLength(64)), []), 'Parts of it that are not meant.'),
})

const peer = v.pipe(
  v.strictObject({
    nodeSelector: about(v.optional(selector), 'Nodes by their labels.'),
    podSelector: about(v.optional(selector), 'Pods by their labels; with namespaceSelector, of those namespaces.'),
    namespaceSelector: about(v.optional(selector), 'Pods of namespaces by the labels of these.'),
    ipBlock: about(v.optional(ipBlock), 'Addresses outside of the network.'),
    service: about(v.optional(name), 'The backends of a Service.'),
    node: about(v.optional(name), 'One node by name.'),
  }),
  rule(
    (p) => Object.values(p).some((part) => part !== undefined),
    'is empty: name a selector, ipBlock, service or node',
  ),
  rule((p) => {
    const kinds = [p.nodeSelector, p.podSelector ?? p.namespaceSelector, p.ipBlock, p.service, p.node]
    return kinds.filter((kind) => kind !== undefined).length <= 1
  }, 'mixes kinds of peers: give each its own list entry'),
)
export type PolicyPeer = v.InferOutput<typeof peer>

const action = v.picklist(['Accept', 'Deny', 'Pass'])

function directed<Key extends 'from' | 'to'>(key: Key) {
  const peers = about(
    v.optional(v.pipe(v.array(peer), v.maxLength(1_000)), []),
    key === 'from' ? 'Who may come; everybody if empty.' : 'Where one may go; everywhere if empty.',
  )
  return v.strictObject({
    name: about(v.optional(name), 'By which explanations and flows call it.'),
    action: about(v.optional(action), 'Overrides the policy’s own action for this rule.'),
    ports: about(
      v.optional(v.pipe(v.array(portRule), v.maxLength(256)), []),
      'What may be reached; everything if empty.',
    ),
    ...({ [key]: peers } as Record<Key, typeof peers>),
  })
}

export const policySpec = v.pipe(
  v.strictObject({
    network: networkRef,
    tier: about(
      v.optional(v.picklist(['Admin', 'Standard', 'Baseline']), 'Standard'),
      'Admin decides before Standard, Baseline where neither spoke.',
    ),
    priority: about(
      v.optional(integer(0, 1_000), 500),
      'The lower wins; only the Admin and Baseline tiers have an order.',
    ),
    action: about(v.optional(action, 'Accept'), 'What becomes of what a rule matches.'),
    mode: about(
      v.optional(v.picklist(['Enforce', 'Audit']), 'Enforce'),
      'Audit lets everything pass and tells what Enforce would do.',
    ),
    subject: about(
      v.strictObject({
        nodeSelector: about(v.optional(selector), 'Nodes by their labels; {} is every node.'),
        node: about(v.optional(name), 'One node by name; beside nodeSelector, only if that selects it too.'),
        podSelector: about(v.optional(selector), 'Pods by their labels.'),
        namespaceSelector: about(v.optional(selector), 'Pods of namespaces by the labels of these.'),
      }),
      'Whom the policy speaks of.',
    ),
    policyTypes: about(
      v.optional(v.pipe(v.array(v.picklist(['Ingress', 'Egress'])), v.maxLength(2))),
      'Directions that the policy closes; those it has rules for, and Ingress, where absent.',
    ),
    ingress: about(v.optional(v.pipe(v.array(directed('from')), v.maxLength(1_000))), 'What may come in.'),
    egress: about(v.optional(v.pipe(v.array(directed('to')), v.maxLength(1_000))), 'What may go out.'),
  }),
  rule(
    (p) => Object.values(p.subject).some((part) => part !== undefined),
    'subject is empty: use nodeSelector: {} for every node',
    'has(self.subject.nodeSelector) || has(self.subject.node) || has(self.subject.podSelector) || has(self.subject.namespaceSelector)',
  ),
  rule(
    (p) =>
      p.tier !== 'Standard' ||
      ![...(p.ingress ?? []), ...(p.egress ?? []), p].some((r) => r.action === 'Deny' || r.action === 'Pass'),
    'a Standard policy only accepts: put Deny and Pass in tier Admin or Baseline',
    "self.tier != 'Standard' || self.action == 'Accept' && (!has(self.ingress) || self.ingress.all(r, !has(r.action) || r.action == 'Accept')) && (!has(self.egress) || self.egress.all(r, !has(r.action) || r.action == 'Accept'))",
  ),
)
export type PolicySpec = v.InferOutput<typeof policySpec>
