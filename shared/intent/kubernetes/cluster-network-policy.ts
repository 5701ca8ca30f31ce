// ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2) as a Policy of tier Admin or Baseline. Its nodes are the nodes of
// the mesh, by the labels that they have here.

import * as v from 'valibot'
import { integer, port, selector } from '../field.ts'
import { asPolicy, block as cidr, clusterMetadata, isNameFit, policyName, portName, wordOf } from './object.ts'

export const clusterNetworkPolicyVersion = 'policy.networking.k8s.io/v1alpha2'

/** Of every list in it. */
const LIST_MAX = 25
const RULE_NAME_MAX = 100

function hasOne(parts: object): boolean {
  return Object.values(parts).filter((part) => part !== undefined).length === 1
}

function list<S extends v.GenericSchema>(schema: S) {
  return v.pipe(v.array(schema), v.minLength(1), v.maxLength(LIST_MAX))
}

const pods = v.strictObject({ namespaceSelector: v.optional(selector, {}), podSelector: selector })
const podPeer = { namespaces: v.optional(selector), pods: v.optional(pods) }

const fromPeer = v.pipe(
  v.strictObject(podPeer),
  v.check((parts) => hasOne(parts), 'does not have exactly one field: use namespaces or pods'),
)

const toPeer = v.pipe(
  v.strictObject({
    ...podPeer,
    nodes: v.optional(selector),
    networks: v.optional(list(cidr)),
    domainNames: v.optional(
      v.pipe(
        v.unknown(),
        v.check(() => false, 'is not supported: a name has other addresses on every node. Use networks'),
      ),
    ),
  }),
  v.check((parts) => hasOne(parts), 'does not have exactly one field: use namespaces, pods, nodes or networks'),
)
type Peer = v.InferOutput<typeof fromPeer> & Partial<v.InferOutput<typeof toPeer>>

const destinationPort = v.pipe(
  v.strictObject({
    number: v.optional(port),
    range: v.optional(
      v.pipe(
        v.strictObject({ start: port, end: port }),
        v.check(({ end, start }) => start < end, 'does not end above its start'),
      ),
    ),
  }),
  v.check((parts) => hasOne(parts), 'does not have exactly one field: use number or range'),
)
const protocolMatch = v.optional(v.strictObject({ destinationPort }))

const protocol = v.pipe(
  v.strictObject({
    tcp: protocolMatch,
    udp: protocolMatch,
    sctp: protocolMatch,
    destinationNamedPort: v.optional(portName),
  }),
  v.check((parts) => hasOne(parts), 'does not have exactly one field: use tcp, udp, sctp or destinationNamedPort'),
)
type ProtocolRule = v.InferOutput<typeof protocol>

/** Free text there. Here explanations and flows call the rule by it, so it becomes a word. */
const ruleName = v.pipe(
  v.string(),
  v.maxLength(RULE_NAME_MAX),
  v.transform((text) => wordOf(text, 63)),
)

const ruleFields = {
  name: v.optional(ruleName),
  action: v.picklist(['Accept', 'Deny', 'Pass']),
  protocols: v.optional(list(protocol), undefined),
}

const egressRule = v.pipe(
  v.strictObject({ ...ruleFields, to: list(toPeer) }),
  v.forward(
    v.check(
      ({ protocols = [], to }) =>
        protocols.every(({ destinationNamedPort }) => destinationNamedPort === undefined) ||
        to.every(({ networks, nodes }) => networks === undefined && nodes === undefined),
      'has a destinationNamedPort, which only pods have: use a number for networks and nodes',
    ),
    ['protocols'],
  ),
)

export const clusterNetworkPolicySpec = v.strictObject({
  tier: v.picklist(['Admin', 'Baseline']),
  priority: integer(0, 1_000),
  subject: v.pipe(
    v.strictObject(podPeer),
    v.check((parts) => hasOne(parts), 'does not have exactly one field: use namespaces or pods'),
  ),
  ingress: v.optional(
    v.pipe(v.array(v.strictObject({ ...ruleFields, from: list(fromPeer) })), v.maxLength(LIST_MAX)),
    [],
  ),
  egress: v.optional(v.pipe(v.array(egressRule), v.maxLength(LIST_MAX)), []),
})

function translatePeer({ namespaces, networks, nodes, pods: own }: Peer): readonly object[] {
  if (networks !== undefined) return networks.map((block) => ({ ipBlock: { cidr: block } }))
  if (nodes !== undefined) return [{ nodeSelector: nodes }]
  return [own ?? { namespaceSelector: namespaces }]
}

/** A port by name is of whatever protocol the pod has it in. */
function translateProtocol({ destinationNamedPort, sctp, tcp, udp }: ProtocolRule): readonly object[] {
  if (destinationNamedPort !== undefined) {
    return ['TCP', 'UDP', 'SCTP'].map((one) => ({ protocol: one, port: destinationNamedPort }))
  }
  return Object.entries({ TCP: tcp, UDP: udp, SCTP: sctp }).flatMap(([one, match]) => {
    if (match === undefined) return []
    const { number, range } = match.destinationPort
    return [{ protocol: one, ...(range === undefined ? { port: number } : { port: range.start, endPort: range.end }) }]
  })
}

interface Rule {
  readonly name?: string | undefined
  readonly action: string
  readonly protocols?: readonly ProtocolRule[] | undefined
}

function translateRule({ action, name: label, protocols = [] }: Rule, peers: object): object {
  return {
    ...(label === undefined ? {} : { name: label }),
    action,
    ports: protocols.flatMap(translateProtocol),
    ...peers,
  }
}

/** The spec of a `Policy` that means the same, still to be checked as any other. */
export function policyOfCluster(own: v.InferOutput<typeof clusterNetworkPolicySpec>): object {
  const [subject] = translatePeer(own.subject)
  return {
    tier: own.tier,
    priority: own.priority,
    subject,
    ingress: own.ingress.map((rule) => translateRule(rule, { from: rule.from.flatMap(translatePeer) })),
    egress: own.egress.map((rule) => translateRule(rule, { to: rule.to.flatMap(translatePeer) })),
  }
}

/** A `ClusterNetworkPolicy` in, a `Policy` out, still to be checked as any other. */
export const clusterNetworkPolicy = v.pipe(
  v.strictObject({
    apiVersion: v.literal(clusterNetworkPolicyVersion),
    kind: v.literal('ClusterNetworkPolicy'),
    metadata: v.pipe(
      clusterMetadata,
      v.forward(
        v.check(
          (meta) => isNameFit(policyName('cnp', meta.name)),
          'is too long: with "cnp--" in front it has to fit into 63 characters',
        ),
        ['name'],
      ),
    ),
    spec: clusterNetworkPolicySpec,
    status: v.optional(v.unknown()),
  }),
  v.transform(({ metadata, spec: own }) => {
    const source = `${clusterNetworkPolicyVersion} ClusterNetworkPolicy ${metadata.name}`
    return asPolicy(policyName('cnp', metadata.name), source, metadata, policyOfCluster(own))
  }),
)
