// The semantics of policy the slow, obvious way: every question goes through every policy, with no tables and nothing worked
// out ahead of time. What the compiled rules, the compiled table and the drivers are compared with, so it shares nothing with
// them but the shapes of the resources.
//
// Standard tier: Kubernetes NetworkPolicy. A subject is isolated in a direction once a policy of that direction selects it;
// then what any of them accepts passes, and nothing else. Admin and Baseline: ClusterNetworkPolicy v1alpha2. Policies by
// priority and then by name, rules by their order, the first that matches decides; Pass leaves the tier. Admin comes before
// Standard, Baseline is asked where no Standard policy isolates, and the network's default decides last.

import { type Address, type Cidr, contains, hostCidr } from '../address/cidr.ts'
import type { Labels, Selector } from '../intent/field.ts'
import type { PolicyPeer, PolicySpec, PortRule } from '../intent/policy.ts'
import type { Decision, Direction, Judgement, Protocol } from './decision.ts'
import { defaultNamespace, type Endpoint, namespaceNameLabel, type World } from './world.ts'

export interface Question {
  /** Who judges: the destination of what comes in, the source of what goes out. */
  readonly subject: Endpoint
  readonly direction: Direction
  /** Address of the other end. */
  readonly other: Address
  readonly protocol: Protocol
  /** Destination port; means nothing for ICMP and other protocols. */
  readonly port: number
}

type Policy = World['policies'][number]
type Rule = NonNullable<PolicySpec['ingress']>[number] | NonNullable<PolicySpec['egress']>[number]

function fits(selector: Selector, labels: Labels): boolean {
  const valueOf = (key: string): string | undefined => (Object.hasOwn(labels, key) ? labels[key] : undefined)
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (valueOf(key) !== value) return false
  }
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const value = valueOf(key)
    const listed = value !== undefined && (values ?? []).includes(value)
    if (operator === 'In' && !listed) return false
    if (operator === 'NotIn' && listed) return false
    if (operator === 'Exists' && value === undefined) return false
    if (operator === 'DoesNotExist' && value !== undefined) return false
  }
  return true
}

/** Both selectors of one place must fit; pods alone are those of the namespace `default`. */
function podFits(
  pods: Selector | undefined,
  namespaces: Selector | undefined,
  { labels, namespace }: Endpoint,
): boolean {
  if (namespace === undefined) return false
  if (namespaces !== undefined && !fits(namespaces, namespace)) return false
  if (namespaces === undefined && namespace[namespaceNameLabel] !== defaultNamespace) return false
  return pods === undefined || fits(pods, labels)
}

function isSubject({ subject }: PolicySpec, endpoint: Endpoint): boolean {
  const { namespaceSelector, node, nodeSelector, podSelector } = subject
  if (endpoint.kind === 'pod') {
    if (podSelector === undefined && namespaceSelector === undefined) return false
    return podFits(podSelector, namespaceSelector, endpoint)
  }
  if (endpoint.kind !== 'node') return false
  if (node === undefined && nodeSelector === undefined) return false
  if (node !== undefined && node !== endpoint.name) return false
  return nodeSelector === undefined || fits(nodeSelector, endpoint.labels)
}

/** `policyTypes` unset or empty: Ingress always, Egress if there is an egress section; without order in the other tiers. */
function speaksOf(spec: PolicySpec, direction: Direction): boolean {
  if (spec.policyTypes !== undefined && spec.policyTypes.length > 0) {
    return spec.policyTypes.includes(direction === 'ingress' ? 'Ingress' : 'Egress')
  }
  if (spec.tier === 'Standard' && direction === 'ingress') return true
  return spec[direction] !== undefined
}

function peerFits(peer: PolicyPeer, { other }: Question, world: World): boolean {
  const { ipBlock } = peer
  const inside = (block: Cidr): boolean => contains(block, hostCidr(other))
  if (ipBlock !== undefined) return inside(ipBlock.cidr) && !ipBlock.except.some(inside)
  const owner = world.endpoints.find(({ addresses }) => addresses.includes(other))
  if (owner === undefined) return false
  if (peer.nodeSelector !== undefined) return owner.kind === 'node' && fits(peer.nodeSelector, owner.labels)
  if (peer.node !== undefined) return owner.kind === 'node' && owner.name === peer.node
  if (peer.service !== undefined) {
    const service = world.services.find(({ name }) => name === peer.service)
    if (owner.kind === 'service') return owner.name === peer.service
    if (owner.kind === 'pod') return owner.serves?.includes(peer.service) === true
    return service !== undefined && service.pods === undefined && fits(service.backends, owner.labels)
  }
  return owner.kind === 'pod' && podFits(peer.podSelector, peer.namespaceSelector, owner)
}

const KNOWN_PEERS = ['nodeSelector', 'podSelector', 'namespaceSelector', 'ipBlock', 'service', 'node'] as const

function isUnread(peer: PolicyPeer): boolean {
  return KNOWN_PEERS.every((kind) => peer[kind] === undefined)
}

/** A port without protocol is of TCP; a name is that of a port of the destination, in the same protocol. */
function portFits(rule: PortRule, question: Question, world: World): boolean {
  const { direction, other, port, protocol, subject } = question
  if ((rule.protocol ?? 'TCP') !== protocol) return false
  if (rule.port === undefined) return true
  if (typeof rule.port === 'number') return port >= rule.port && port <= (rule.endPort ?? rule.port)
  const destination = direction === 'ingress' ? subject : world.endpoints.find((one) => one.addresses.includes(other))
  return (destination?.ports ?? []).some(
    (named) => named.name === rule.port && named.protocol === protocol && named.port === port,
  )
}

function ruleFits(rule: Rule, question: Question, world: World): boolean {
  const peers = 'from' in rule ? rule.from : rule.to
  // Ports first: they are the cheaper question, and a week of flows asks it of every rule.
  if (rule.ports.length > 0 && !rule.ports.some((one) => portFits(one, question, world))) return false
  return peers.length === 0 || peers.some((one) => peerFits(one, question, world))
}

type Outcome = Judgement | 'pass'

/** What one rule says; undefined where it does not match. */
function outcome(policy: Policy, index: number, question: Question, world: World): Outcome | undefined {
  const { direction } = question
  const rule = policy.spec[direction]?.[index]
  if (rule === undefined) return undefined
  const { tier } = policy.spec
  const action = rule.action ?? policy.spec.action
  const unread = ('from' in rule ? rule.from : rule.to).some(isUnread)
  if (!unread && !ruleFits(rule, question, world)) return undefined
  const name = rule.name === undefined ? {} : { name: rule.name }
  const reason = { kind: 'rule', policy: policy.name, tier, direction, index, ...name } as const
  // A kind of peer that is unknown here fails closed: such an Accept matches nothing, such a Deny or Pass denies everything.
  if (unread) {
    return action === 'Accept' ? undefined : { verdict: 'drop', reason: { ...reason, unread: true } }
  }
  if (action === 'Pass') return 'pass'
  return { verdict: action === 'Accept' ? 'accept' : 'drop', reason }
}

/** The first rule that matches, of all these policies in their order. */
function first(policies: readonly Policy[], question: Question, world: World): Outcome | undefined {
  for (const policy of policies) {
    for (const index of (policy.spec[question.direction] ?? []).keys()) {
      const found = outcome(policy, index, question, world)
      if (found !== undefined) return found
    }
  }
  return undefined
}

function byName(a: Policy, b: Policy): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

function decide(policies: readonly Policy[], question: Question, world: World): Judgement {
  const { direction, subject } = question
  const concerned = policies.filter(({ spec }) => isSubject(spec, subject) && speaksOf(spec, direction))
  const ofTier = (tier: PolicySpec['tier']): readonly Policy[] =>
    concerned.filter(({ spec }) => spec.tier === tier).sort(byName)
  // Sorting is stable: by name where priorities are the same.
  const byPriority = (tier: PolicySpec['tier']): readonly Policy[] =>
    ofTier(tier).toSorted((a, b) => a.spec.priority - b.spec.priority)

  const admin = first(byPriority('Admin'), question, world)
  if (admin !== undefined && admin !== 'pass') return admin

  const standard = ofTier('Standard')
  if (standard.length > 0) {
    const accepted = first(standard, question, world)
    if (accepted !== undefined && accepted !== 'pass') return accepted
    return { verdict: 'drop', reason: { kind: 'isolated', direction, policies: standard.map(({ name }) => name) } }
  }

  const baseline = first(byPriority('Baseline'), question, world)
  if (baseline !== undefined && baseline !== 'pass') return baseline

  const open = direction === 'egress' || world.defaultPolicy === 'Allow'
  return { verdict: open ? 'accept' : 'drop', reason: { kind: 'default', direction } }
}

/** Of the first packet of a flow, at one of its ends. */
export function judge(question: Question, world: World): Decision {
  const enforcing = world.policies.filter(({ spec }) => spec.mode === 'Enforce')
  const enforced = decide(enforcing, question, world)
  if (enforcing.length === world.policies.length) return enforced
  const audited = decide(world.policies, question, world)
  return audited.verdict === enforced.verdict ? enforced : { ...enforced, audit: audited }
}
