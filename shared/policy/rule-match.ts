// The rules of one policy, ready to be asked which of them speak of an identity. What they answer is kept as long as the
// policy is the same object, and is worked out for new identities only.

import { selects } from '../intent/field.ts'
import type { PolicyPeer, PolicySpec, PortRule } from '../intent/policy.ts'
import type { Direction, Judgement } from './decision.ts'
import type { Identity, PeerSet, Registry } from './identity.ts'
import { isPodSelected } from './subject.ts'
import type { World } from './world.ts'

export type PeerSets = Map<string, PeerSet>

export interface PolicyRule {
  readonly tier: PolicySpec['tier']
  /** Of a policy in Audit mode. */
  readonly audit: boolean
  /** Unique among the rules of a compiler. */
  readonly id: number
  /** Undefined is a Pass. */
  readonly judgement: Judgement | undefined
  readonly peers: readonly PeerSet[] | 'any'
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

function setOf(peer: PolicyPeer, sets: PeerSets): PeerSet {
  const key = JSON.stringify(peer)
  const held = sets.get(key) ?? { peer, members: [] }
  sets.set(key, held)
  return held
}

/** Undefined for an Accept that names an unknown kind of peer: it accepts nothing. */
function prepareRule(
  { name, spec }: World['policies'][number],
  direction: Direction,
  index: number,
  { id, sets }: { readonly id: number; readonly sets: PeerSets },
): PolicyRule | undefined {
  const rule = spec[direction]?.[index]
  if (rule === undefined) return undefined
  const peers = 'from' in rule ? rule.from : rule.to
  const action = rule.action ?? spec.action
  const audit = spec.mode === 'Audit'
  const label = rule.name === undefined ? {} : { name: rule.name }
  const reason = { kind: 'rule', policy: name, tier: spec.tier, direction, index, ...label } as const
  if (!peers.every(isKnown)) {
    if (action === 'Accept') return undefined
    const judgement = { verdict: 'drop', reason: { ...reason, unread: true } } as const
    return { tier: spec.tier, audit, id, judgement, peers: 'any', ports: 'any', named: false }
  }
  return {
    tier: spec.tier,
    audit,
    id,
    judgement: action === 'Pass' ? undefined : { verdict: action === 'Accept' ? 'accept' : 'drop', reason },
    peers: peers.length === 0 ? 'any' : peers.map((peer) => setOf(peer, sets)),
    ports: rule.ports.length === 0 ? 'any' : rule.ports,
    named: rule.ports.some(({ port }) => typeof port === 'string'),
  }
}

/** `firstId`: the ids of its rules count from there. Sets of peers that are not there yet are added to `sets`. */
export function preparePolicy(policy: World['policies'][number], firstId: number, sets: PeerSets): PreparedPolicy {
  const rulesOf = (direction: Direction, from: number): readonly PolicyRule[] =>
    (policy.spec[direction] ?? []).flatMap(
      (_, index) => prepareRule(policy, direction, index, { id: from + index, sets }) ?? [],
    )
  const ingress = rulesOf('ingress', firstId)
  const egress = rulesOf('egress', firstId + (policy.spec.ingress?.length ?? 0))
  const { name, spec } = policy
  return { name, spec, rules: { ingress, egress }, matches: { ingress: [], egress: [] } }
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
      return services.some(
        ({ backends, name, pods }) => name === service && pods === undefined && selects(backends, endpoint.labels),
      )
    }
    case 'pod':
      if (peer.service !== undefined) return endpoint.serves?.includes(peer.service) === true
      return isPodSelected(peer.podSelector, peer.namespaceSelector, endpoint)
    case 'service':
      return endpoint.name === peer.service
  }
}

/** Looks at the identities that are new. `all`: by index. */
export function fillSets(sets: PeerSets, { all, within }: Pick<Registry, 'all' | 'within'>, services: Services): void {
  for (const set of sets.values()) {
    const { members, peer } = set
    for (const identity of all.slice(members.length)) {
      const is = peerMatches(peer, identity, services)
      members.push(is)
      if (is) within.set(identity, [...(within.get(identity) ?? []), set])
    }
  }
}

/** Rules of several policies in their order, found by the sets that their peers are. */
export interface RuleIndex {
  readonly rules: readonly PolicyRule[]
  /** Positions among `rules` of those about anyone. */
  readonly any: readonly number[]
  readonly bySet: ReadonlyMap<PeerSet, readonly number[]>
}

export function indexRules(policies: readonly PreparedPolicy[], direction: Direction): RuleIndex {
  const rules = policies.flatMap((policy) => policy.rules[direction])
  const any: number[] = []
  const bySet = new Map<PeerSet, number[]>()
  for (const [position, { peers }] of rules.entries()) {
    if (peers === 'any') any.push(position)
    else {
      for (const set of peers) {
        const held = bySet.get(set)
        if (held === undefined) bySet.set(set, [position])
        else held.push(position)
      }
    }
  }
  return { rules, any, bySet }
}

/** The rules about an identity, in their order: what it costs follows from how many they are, not from how many there are. */
export function rulesAbout(index: RuleIndex, sets: readonly PeerSet[]): readonly PolicyRule[] {
  const positions = new Set(index.any)
  for (const set of sets) for (const position of index.bySet.get(set) ?? []) positions.add(position)
  return [...positions].sort((a, b) => a - b).flatMap((position) => index.rules[position] ?? [])
}

const NONE: readonly PolicyRule[] = []

function isAbout({ peers }: PolicyRule, index: number): boolean {
  if (peers === 'any') return true
  for (const { members } of peers) if (members[index] === true) return true
  return false
}

/** The rules of a policy whose peers are, or include, an identity; in their order. Its sets have to be filled. */
export function matching(
  { matches, rules }: PreparedPolicy,
  direction: Direction,
  { index }: Identity,
): readonly PolicyRule[] {
  const held = matches[direction][index]
  if (held !== undefined) return held
  const some = rules[direction].filter((rule) => isAbout(rule, index))
  const found = some.length === 0 ? NONE : some
  matches[direction][index] = found
  return found
}
