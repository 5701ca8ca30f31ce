// NetworkPolicy (networking.k8s.io/v1) as a Policy of tier Standard. What it says by being in a namespace is said by that
// namespace's name label here.

import * as v from 'valibot'
import { contains } from '../../address/cidr.ts'
import { port, type Selector, selector } from '../field.ts'
import { asPolicy, block as cidr, isNameFit, namespacedMetadata, policyName, portName } from './object.ts'

export const networkPolicyVersion = 'networking.k8s.io/v1'

const portRule = v.pipe(
  v.strictObject({
    protocol: v.optional(v.picklist(['TCP', 'UDP', 'SCTP'])),
    port: v.optional(v.union([port, portName])),
    endPort: v.optional(port),
  }),
  v.check((p) => p.endPort === undefined || typeof p.port === 'number', 'endPort needs a numeric port'),
  v.check((p) => p.endPort === undefined || typeof p.port !== 'number' || p.endPort >= p.port, 'endPort is below port'),
)

const ipBlock = v.pipe(
  v.strictObject({ cidr, except: v.optional(v.pipe(v.array(cidr), v.maxLength(64)), []) }),
  v.check(
    ({ cidr: block, except }) => except.every((hole) => hole !== block && contains(block, hole)),
    'except lies outside cidr, or is all of it: list blocks inside it',
  ),
)

const peer = v.pipe(
  v.strictObject({
    podSelector: v.optional(selector),
    namespaceSelector: v.optional(selector),
    ipBlock: v.optional(ipBlock),
  }),
  v.check(
    (p) => Object.values(p).some((part) => part !== undefined),
    'is empty: name podSelector, namespaceSelector or ipBlock',
  ),
  v.check(
    (p) => p.ipBlock === undefined || (p.podSelector ?? p.namespaceSelector) === undefined,
    'mixes ipBlock and selectors: give each its own list entry',
  ),
)
type Peer = v.InferOutput<typeof peer>

const peers = v.optional(v.pipe(v.array(peer), v.maxLength(1_000)), [])
const ports = v.optional(v.pipe(v.array(portRule), v.maxLength(256)), [])

export const networkPolicySpec = v.strictObject({
  podSelector: v.optional(selector, {}),
  policyTypes: v.optional(v.pipe(v.array(v.picklist(['Ingress', 'Egress'])), v.maxLength(2)), []),
  ingress: v.optional(v.pipe(v.array(v.strictObject({ from: peers, ports })), v.maxLength(1_000)), []),
  egress: v.optional(v.pipe(v.array(v.strictObject({ to: peers, ports })), v.maxLength(1_000)), []),
})
type NetworkPolicySpec = v.InferOutput<typeof networkPolicySpec>

/** A policy of a namespace says so by the label that every namespace has. */
export function inNamespace(namespace: string): Selector {
  return { matchLabels: { 'kubernetes.io/metadata.name': namespace } }
}

/** Pods alone are those of the policy's own namespace. */
function translatePeer(own: Peer, namespace: string): object {
  if (own.podSelector === undefined || own.namespaceSelector !== undefined) return own
  return { podSelector: own.podSelector, namespaceSelector: inNamespace(namespace) }
}

/** Unset or empty: Ingress, and Egress if it has rules for it. */
function typesOf({ egress, policyTypes }: NetworkPolicySpec): readonly string[] {
  if (policyTypes.length > 0) return policyTypes
  return egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress']
}

/** The spec of a `Policy` that means the same, still to be checked as any other. */
export function policyOfNamespace(own: NetworkPolicySpec, namespace: string): object {
  return {
    subject: { podSelector: own.podSelector, namespaceSelector: inNamespace(namespace) },
    policyTypes: typesOf(own),
    ingress: own.ingress.map((rule) => ({ ...rule, from: rule.from.map((one) => translatePeer(one, namespace)) })),
    egress: own.egress.map((rule) => ({ ...rule, to: rule.to.map((one) => translatePeer(one, namespace)) })),
  }
}

function nameOf({ name, namespace }: v.InferOutput<typeof namespacedMetadata>): string {
  return policyName('np', namespace, name)
}

/** A `NetworkPolicy` in, a `Policy` out, still to be checked as any other. */
export const networkPolicy = v.pipe(
  v.strictObject({
    apiVersion: v.literal(networkPolicyVersion),
    kind: v.literal('NetworkPolicy'),
    metadata: v.pipe(
      namespacedMetadata,
      v.forward(
        v.check(
          ({ namespace }) => !namespace.includes('--'),
          'has two hyphens in a row, which stand between namespace and name in the name of a Policy: use another namespace',
        ),
        ['namespace'],
      ),
      v.forward(
        v.check(
          (meta) => isNameFit(nameOf(meta)),
          'is too long: with "np--" and the namespace in front it has to fit into 63 characters',
        ),
        ['name'],
      ),
    ),
    spec: v.optional(networkPolicySpec, {}),
    status: v.optional(v.unknown()),
  }),
  v.transform(({ metadata, spec: own }) => {
    const { name, namespace } = metadata
    const source = `${networkPolicyVersion} NetworkPolicy ${namespace}/${name}`
    return asPolicy(nameOf(metadata), source, metadata, policyOfNamespace(own, namespace))
  }),
)
