// The least policy that the flows on record need: one for this node, made of what was accepted and answered, and of nothing else.
//
// Least means: each rule is peers × ports, and each pair of peer and port in it is needed by a flow that was learned; no pair
// is said twice, also not by a selector that takes in another; so without any of them a flow that was learned is refused. What
// is accepted beyond is who carries the labels of a peer that was learned, at the ports that peer used.

import type { Address } from '../address/cidr.ts'
import { hostCidr } from '../address/cidr.ts'
import { compareText } from '../bytes.ts'
import { type Labels, selects } from '../intent/field.ts'
import type { PolicyPeer, PolicySpec, PortRule } from '../intent/policy.ts'
import type { Protocol } from '../policy/decision.ts'
import { type Endpoint, namespaceNameLabel } from '../policy/world.ts'
import { encodeCanonicalText } from '../record/canonical.ts'
import { suggestedPeersMax, suggestedPortsMax, suggestedRulesMax } from '../suggest-limits.ts'
import type { FlowEnd } from './batch.ts'
import type { Dealing } from './dealings.ts'
import { type Directory, endpointThen, sinceThen } from './ends.ts'
import { hasUnknownPorts, protocolOf } from './judge.ts'

export type SuggestedRule = NonNullable<PolicySpec['ingress']>[number] | NonNullable<PolicySpec['egress']>[number]

/** What a rule was learned from. */
export interface Evidence {
  readonly flows: number
  readonly firstMs: number
  /** Milliseconds since the Unix epoch. */
  readonly lastMs: number
  /** Names or addresses of other ends, sorted; a few of them. */
  readonly examples: readonly string[]
  /** How many other ends there were. */
  readonly ends: number
}

export interface Learned {
  readonly rule: SuggestedRule
  readonly evidence: Evidence
}

/** Why flows that were accepted taught nothing. */
export type Unlearned = 'one-sided' | 'backwards' | 'override' | 'gone' | 'wordless' | 'ports' | 'room' | 'pod'

export interface Left {
  readonly why: Unlearned
  readonly flows: number
  readonly examples: readonly string[]
}

export interface Suggestion {
  readonly subject: PolicySpec['subject']
  /** Names of other nodes that it speaks of, sorted: nothing is known of their flows. */
  readonly alsoOf: readonly string[]
  /** Absent where nothing was learned of that direction: it is left as it is. */
  readonly ingress?: readonly Learned[]
  readonly egress?: readonly Learned[]
  readonly left: readonly Left[]
}

export interface SuggestInput {
  readonly dealings: readonly Dealing[]
  /** This node, as it is today. */
  readonly self: Endpoint
  readonly today: Directory
  /** Keys of labels that selectors may have; absent: peers by all of theirs, and this node by its name. */
  readonly by?: readonly string[] | undefined
  /** Only one of the two. */
  readonly direction?: Dealing['direction'] | undefined
}

const EXAMPLES = 3

function picked(labels: Labels, by: readonly string[] | undefined): Labels {
  const entries = Object.entries(labels).filter(([key]) => by === undefined || by.includes(key))
  return Object.fromEntries(entries.sort(([a], [b]) => compareText(a, b)))
}

/** By labels; by name where there are none, for an empty selector is everybody. */
function peerOf({ address }: FlowEnd, other: Endpoint | undefined, by: SuggestInput['by']): PolicyPeer {
  if (other === undefined) return { ipBlock: { cidr: hostCidr(address), except: [] } }
  const name = other.name as NonNullable<PolicyPeer['node']>
  if (other.kind === 'service') return { service: name }
  const labels = picked(other.labels, by)
  if (other.kind === 'node')
    return Object.keys(labels).length === 0 ? { node: name } : { nodeSelector: { matchLabels: labels } }
  const namespace = { [namespaceNameLabel]: other.namespace?.[namespaceNameLabel] ?? '' }
  return { podSelector: { matchLabels: labels }, namespaceSelector: { matchLabels: namespace } }
}

interface Need {
  readonly direction: Dealing['direction']
  readonly peer: PolicyPeer
  readonly protocol: Exclude<Protocol, 'other'>
  readonly port: number | undefined
  readonly dealing: Dealing
  readonly other: string
}

/** The other end as it is today, where it still is: a policy is for tomorrow. */
function otherToday(end: FlowEnd, today: Directory): Endpoint | undefined | 'gone' {
  const since = sinceThen(end, today)
  if (since === 'relabelled' || since === 'known') return today.get(end.address)
  // Whoever comes with its labels stands in its place; without any, nobody does.
  if (since !== 'gone' && since !== 'other') return endpointThen(end, today)
  const then = endpointThen(end, today)
  return then?.kind === 'node' && Object.keys(then.labels).length > 0 ? then : 'gone'
}

function needOf(dealing: Dealing, { by, self, today }: SuggestInput): Need | Unlearned {
  const { answered, backwards, destination, direction, port, reason, source } = dealing
  if (answered === 0) return backwards === 0 ? 'one-sided' : 'backwards'
  if (reason.kind === 'rule' && reason.policy.startsWith('+')) return 'override'
  const [own, far] = direction === 'ingress' ? [destination, source] : [source, destination]
  if (own.node === self.node && own.name?.includes('/') === true) return 'pod'
  if (hasUnknownPorts(dealing)) return 'ports'
  const protocol = protocolOf(dealing)
  if (protocol === 'other') return 'wordless'
  const other = otherToday(far, today)
  if (other === 'gone') return 'gone'
  return { direction, peer: peerOf(far, other, by), protocol, port, dealing, other: far.name ?? far.address }
}

function isWithin(inner: PolicyPeer, outer: PolicyPeer): boolean {
  const [wanted, has] = [outer.nodeSelector, inner.nodeSelector?.matchLabels]
  return wanted !== undefined && has !== undefined && selects(wanted, has)
}

function serviceText({ port, protocol }: Need): string {
  return `${protocol} ${String(port ?? 0).padStart(5, '0')}`
}

function portOf({ port, protocol }: Need): PortRule {
  return port === undefined || protocol === 'ICMP' ? { protocol } : { protocol, port }
}

/** Peers that use the same ports, as rules; what no selector of another peer says already. */
function groupsOf(needs: readonly Need[]): readonly (readonly Need[])[] {
  const byService = Map.groupBy(needs, serviceText)
  const kept = new Map<string, Need[]>()
  for (const users of byService.values()) {
    const peers = new Map(users.map((need) => [encodeCanonicalText(need.peer), need.peer]))
    const wider = [...peers.values()]
    for (const need of users) {
      const text = encodeCanonicalText(need.peer)
      // The widest one that takes it in stands for it; of several the first by its text.
      const outer = wider
        .filter((one) => isWithin(need.peer, one))
        .toSorted((a, b) => compareText(encodeCanonicalText(a), encodeCanonicalText(b)))
        .filter((one, _, all) => !all.some((other) => other !== one && isWithin(one, other)))
      const peer = outer[0] ?? need.peer
      const key = outer.length === 0 ? text : encodeCanonicalText(peer)
      kept.set(key, [...(kept.get(key) ?? []), { ...need, peer }])
    }
  }
  const portsText = (own: readonly Need[]): string => [...new Set(own.map(serviceText))].sort(compareText).join()
  const bySet = Map.groupBy([...kept.values()], portsText)
  return [...bySet].sort(([a], [b]) => compareText(a, b)).map(([, own]) => own.flat())
}

function evidenceOf(needs: readonly Need[]): Evidence {
  const ends = [...new Set(needs.map(({ other }) => other))].sort(compareText)
  return {
    flows: needs.reduce((total, { dealing }) => total + dealing.answered, 0),
    firstMs: Math.min(...needs.map(({ dealing }) => dealing.firstMs)),
    lastMs: Math.max(...needs.map(({ dealing }) => dealing.lastMs)),
    examples: ends.slice(0, EXAMPLES),
    ends: ends.length,
  }
}

function chunks<T>(list: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size))
}

function uniqueBy<T>(list: readonly T[], textFor: (one: T) => string): readonly T[] {
  const texts = new Map(list.map((one) => [textFor(one), one]))
  return [...texts].sort(([a], [b]) => compareText(a, b)).map(([, one]) => one)
}

/** One group as rules, more than one only where a rule would have more peers or ports than a policy takes. */
function rulesOf(group: readonly Need[], direction: Dealing['direction']): readonly Learned[] {
  const peers = uniqueBy(
    group.map(({ peer }) => peer),
    encodeCanonicalText,
  )
  const services = uniqueBy(group, serviceText)
  return chunks(peers, suggestedPeersMax).flatMap((some) => {
    const texts = new Set(some.map(encodeCanonicalText))
    return chunks(services, suggestedPortsMax).map((own) => {
      const asked = new Set(own.map(serviceText))
      const users = group.filter((need) => asked.has(serviceText(need)) && texts.has(encodeCanonicalText(need.peer)))
      const ports = own.map(portOf)
      const rule = direction === 'ingress' ? { from: [...some], ports } : { to: [...some], ports }
      return { rule, evidence: evidenceOf(users) }
    })
  })
}

const WHYS = [
  'one-sided',
  'backwards',
  'override',
  'gone',
  'wordless',
  'ports',
  'pod',
  'room',
] as const satisfies readonly Unlearned[]

function leftOf(all: readonly (readonly [Unlearned, string, number])[]): readonly Left[] {
  return WHYS.flatMap((why) => {
    const own = all.filter(([one]) => one === why)
    if (own.length === 0) return []
    const examples = [...new Set(own.map(([, text]) => text))].sort(compareText).slice(0, EXAMPLES)
    return [{ why, flows: own.reduce((total, [, , flows]) => total + flows, 0), examples }]
  })
}

function dealingText({ destination, port, protocol, source }: Dealing): string {
  const [from, to] = [source, destination].map(
    ({ address, name }: { address: Address; name?: string | undefined }) => name ?? address,
  )
  return `${from} → ${to} ${protocolOf({ protocol })}${port === undefined ? '' : ` ${port}`}`
}

export function suggest(input: SuggestInput): Suggestion {
  const { by, dealings, direction, self } = input
  const needs: Need[] = []
  const left: [Unlearned, string, number][] = []
  for (const dealing of dealings) {
    if (dealing.verdict === 'drop' || (direction !== undefined && dealing.direction !== direction)) continue
    const need = needOf(dealing, input)
    if (typeof need === 'string') left.push([need, dealingText(dealing), dealing.flows])
    else needs.push(need)
  }
  const learned = (way: Dealing['direction']): readonly Learned[] | undefined => {
    const own = needs.filter((need) => need.direction === way)
    if (own.length === 0) return undefined
    const rules = groupsOf(own).flatMap((group) => rulesOf(group, way))
    for (const { evidence } of rules.slice(suggestedRulesMax))
      left.push(['room', evidence.examples.join(', '), evidence.flows])
    return rules.slice(0, suggestedRulesMax)
  }
  const [ingress, egress] = [learned('ingress'), learned('egress')]
  const labels = by === undefined ? {} : picked(self.labels, by)
  const name = self.name as NonNullable<PolicySpec['subject']['node']>
  const isByName = Object.keys(labels).length === 0
  const alike = [...new Set(input.today.values())].filter(
    (one) => one.kind === 'node' && one.name !== self.name && selects({ matchLabels: labels }, one.labels),
  )
  return {
    subject: isByName ? { node: name } : { nodeSelector: { matchLabels: labels } },
    alsoOf: isByName ? [] : alike.map((one) => one.name).sort(compareText),
    ...(ingress === undefined ? {} : { ingress }),
    ...(egress === undefined ? {} : { egress }),
    left: leftOf(left),
  }
}
