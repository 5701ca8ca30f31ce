// The rules of one policy, ready to be asked which of them speak of an identity. What they answer is kept as long as the
// policy is the same object, and is worked out for new identities only.

import { type Selector, selects } from '../intent/field.ts'
import type { PolicyPeer, PolicySpec, PortRule } from '../intent/policy.ts'
import type { Direction, Judgement } from './decision.ts'
import type { Identity } from './identity.ts'
import { defaultNamespace, type Endpoint, namespaceNameLabel, type World } from './world.ts'

export interface PolicyRule {
  /** Unique among the rules of a compiler. */
  readonly id: number
  /** Undefined is a Pass. */
  readonly judgement: Judgement | undefined
  readonly peers: readonly PolicyPeer[] | 'any'
  readonly ports: readonly PortRule[] | 'any'
  /** It calls a port by name, so the destination matters for more than its labels. */
  readonly named: boolean
}

export interface PreparedPolicy {
  readonly name: string
  readonly spec: PolicySpec
  readonly rules: Readonly<Record<Direction, readonly PolicyRule[]>>
  /** By index of the identity. */
  readonly matches: Readonly<Record<Direction, (readonly PolicyRule[])[]>>
}

type Services = World['services']

const KINDS = ['nodeSelector', 'podSelector', 'namespaceSelector', 'ipBlock', 'service', 'node'] as const

function isKnown(peer: PolicyPeer): boolean {
  return KINDS.some((kind) => peer[kind] !== undefined)
}

/** Undefined for an Accept that names an unknown kind of peer: it accepts nothing. */
function prepareRule(
  { name, spec }: World['policies'][number],
  direction: Direction,
  index: number,
  id: number,
): PolicyRule | undefined {
  const rule = spec[direction]?.[index]
  if (rule === undefined) return undefined
  const peers = 'from' in rule ? rule.from : rule.to
  const action = rule.action ?? spec.action
  const label = rule.name === undefined ? {} : { name: rule.name }
  const reason = { kind: 'rule', policy: name, tier: spec.tier, direction, index, ...label } as const
  if (!peers.every(isKnown)) {
    if (action === 'Accept') return undefined
    const judgement = { verdict: 'drop', reason: { ...reason, unread: true } } as const
    return { id, judgement, peers: 'any', ports: 'any', named: false }
  }
  return {
    id,
    judgement: action === 'Pass' ? undefined : { verdict: action === 'Accept' ? 'accept' : 'drop', reason },
    peers: peers.length === 0 ? 'any' : peers,
    ports: rule.ports.length === 0 ? 'any' : rule.ports,
    named: rule.ports.some(({ port }) => typeof port === 'string'),
  }
}

/** `firstId`: the ids of its rules count from there. */
export function preparePolicy(policy: World['policies'][number], firstId: number): PreparedPolicy {
  const rulesOf = (direction: Direction, from: number): readonly PolicyRule[] =>
    (policy.spec[direction] ?? []).flatMap((_, index) => prepareRule(policy, direction, index, from + index) ?? [])
  const ingress = rulesOf('ingress', firstId)
  const egress = rulesOf('egress', firstId + (policy.spec.ingress?.length ?? 0))
  const { name, spec } = policy
  return { name, spec, rules: { ingress, egress }, matches: { ingress: [], egress: [] } }
}

function podMatches(
  pods: Selector | undefined,
  namespaces: Selector | undefined,
  { labels, namespace }: Endpoint,
): boolean {
  if (namespace === undefined) return false
  const inside =
    namespaces === undefined ? namespace[namespaceNameLabel] === defaultNamespace : selects(namespaces, namespace)
  return inside && (pods === undefined || selects(pods, labels))
}

/** Whether a policy speaks of an endpoint. */
export function isSubject({ subject }: PolicySpec, endpoint: Endpoint): boolean {
  const { namespaceSelector, node, nodeSelector, podSelector } = subject
  switch (endpoint.kind) {
    case 'service':
      return false
    case 'pod':
      return (
        (podSelector !== undefined || namespaceSelector !== undefined) &&
        podMatches(podSelector, namespaceSelector, endpoint)
      )
    case 'node':
      return (
        (node !== undefined || nodeSelector !== undefined) &&
        (node ?? endpoint.name) === endpoint.name &&
        (nodeSelector === undefined || selects(nodeSelector, endpoint.labels))
      )
  }
}

function peerMatches(peer: PolicyPeer, identity: Identity, services: Services): boolean {
  const { blocks, endpoint, node } = identity
  const { ipBlock } = peer
  if (ipBlock !== undefined) return blocks.has(ipBlock.cidr) && !ipBlock.except.some((hole) => blocks.has(hole))
  if (endpoint === undefined) return false
  if (peer.node !== undefined) return peer.node === node
  switch (endpoint.kind) {
    case 'node': {
      const { service } = peer
      if (service === undefined) return peer.nodeSelector !== undefined && selects(peer.nodeSelector, endpoint.labels)
      return services.some(({ backends, name }) => name === service && selects(backends, endpoint.labels))
    }
    case 'pod':
      return (
        (peer.podSelector !== undefined || peer.namespaceSelector !== undefined) &&
        podMatches(peer.podSelector, peer.namespaceSelector, endpoint)
      )
    case 'service':
      return endpoint.name === peer.service
  }
}

const NONE: readonly PolicyRule[] = []

/** The rules of a policy whose peers are, or include, an identity; in their order. */
export function matching(
  { matches, rules }: PreparedPolicy,
  direction: Direction,
  identity: Identity,
  services: Services,
): readonly PolicyRule[] {
  const held = matches[direction][identity.index]
  if (held !== undefined) return held
  const all = rules[direction]
  const some = all.filter(({ peers }) => peers === 'any' || peers.some((peer) => peerMatches(peer, identity, services)))
  const found = some.length === 0 ? NONE : some.length === all.length ? all : some
  matches[direction][identity.index] = found
  return found
}
