// Policies to the rules of one node: tiers in order, peers as address blocks. Pure; drivers enforce what it returns.
//
// Semantics are those of NetworkPolicy in the Standard tier and of ClusterNetworkPolicy in the others. A direction of a
// node walks admin → standard → baseline → fallback; `pass` leaves a tier. The fallback of ingress is the network's
// defaultPolicy. Egress that no policy isolates is open: what may arrive is decided where it arrives.

import { type Cidr, hostCidr, sortCidrs } from '../address/cidr.ts'
import { subtract } from '../address/subtract.ts'
import { compareText } from '../bytes.ts'
import { type Selector, selects } from '../intent/field.ts'
import type { PolicyPeer, PolicySpec, PortRule } from '../intent/policy.ts'
import type { ParsedRecords } from '../record/parsed.ts'
import type { BodyOf } from '../record/record.ts'
import type { Direction } from './decision.ts'
import { hostsOf } from './hosts.ts'
import { selectsNode, speaksOf } from './subject.ts'

export type Verdict = 'accept' | 'drop' | 'pass'

export interface PortMatch {
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'icmp'
  /** Inclusive range of destination ports; absent is every port. */
  readonly ports?: readonly [number, number]
}

export interface Rule {
  /** `policy/rule` that it came from, for people. */
  readonly origin: string
  readonly verdict: Verdict
  /** The other end: sorted blocks, or anyone. An empty list matches nobody. */
  readonly peers: readonly Cidr[] | 'any'
  /** An empty list matches nothing. */
  readonly ports: readonly PortMatch[] | 'any'
  /** Seconds since the Unix epoch; what opens for a while says so itself, because whoever would end it may be gone. */
  readonly untilS?: number
}

export interface DirectionRules {
  readonly admin: readonly Rule[]
  /** True if a Standard policy speaks of this direction: then what `standard` doesn't accept is dropped. */
  readonly isolated: boolean
  readonly standard: readonly Rule[]
  readonly baseline: readonly Rule[]
  readonly fallback: 'accept' | 'drop'
}

export interface NodeRules {
  readonly ingress: DirectionRules
  readonly egress: DirectionRules
  /** Parts of policies about this node that this engine can't resolve; they were read so that nothing opens. */
  readonly unsupported: readonly string[]
}

type Node = BodyOf<'node'>
/** `expiresAt`, milliseconds since the Unix epoch: of one that is laid over intent. */
type Policy = BodyOf<'policy'> & { readonly expiresAt?: number }
type RuleSpec = NonNullable<PolicySpec['ingress']>[number] | NonNullable<PolicySpec['egress']>[number]

const VERDICT = { Accept: 'accept', Deny: 'drop', Pass: 'pass' } as const

function isKnown({ nodeSelector, node, ipBlock, service }: PolicyPeer): boolean {
  return nodeSelector !== undefined || node !== undefined || ipBlock !== undefined || service !== undefined
}

function isAmong(peers: readonly PolicyPeer[], backends: readonly Selector[], { name, labels }: Node): boolean {
  return (
    backends.some((selector) => selects(selector, labels)) ||
    peers.some((peer) => peer.node === name || (peer.nodeSelector !== undefined && selects(peer.nodeSelector, labels)))
  )
}

/** What the peers of a rule stand for, sorted, each block once. A service is its backends and its virtual addresses. */
function resolvePeers(peers: readonly PolicyPeer[], { nodes, services }: Resolver): readonly Cidr[] {
  const meant = services.filter(({ name }) => peers.some((peer) => peer.service === name))
  const backends = meant.map(({ spec }) => spec.backends)
  const hosts = hostsOf(nodes)
    .filter(({ node }) => isAmong(peers, backends, node))
    .map(({ cidr }) => cidr)
  const blocks = [
    ...meant.flatMap(({ addresses }) => addresses.map(hostCidr)),
    ...peers.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : subtract(ipBlock.cidr, ipBlock.except))),
  ]
  return blocks.length === 0 ? [...new Set(hosts)] : sortCidrs(new Set([...hosts, ...blocks]))
}

/** Undefined where the port is a name. */
function resolvePort(port: PortRule): PortMatch | undefined {
  if (typeof port.port === 'string') return undefined
  const protocol = (port.protocol ?? 'TCP').toLowerCase() as PortMatch['protocol']
  return port.port === undefined ? { protocol } : { protocol, ports: [port.port, port.endPort ?? port.port] }
}

function peersOf(rule: RuleSpec): readonly PolicyPeer[] {
  return 'from' in rule ? rule.from : rule.to
}

interface Resolver {
  readonly nodes: readonly Node[]
  readonly services: readonly BodyOf<'service'>[]
  readonly unsupported: string[]
}

function resolveRule(rule: RuleSpec, policy: Policy, where: string, resolver: Resolver): Rule {
  const { unsupported } = resolver
  const peers = peersOf(rule)
  const unknownPeer = !peers.every(isKnown)
  const ports = rule.ports.map(resolvePort)
  if (unknownPeer) unsupported.push(`Policy/${policy.name} ${where}: a peer that selects pods`)
  if (ports.includes(undefined)) unsupported.push(`Policy/${policy.name} ${where}: a named port`)
  // What can't be resolved must not open anything: an accept then matches less, and a deny or a pass, which would lead past
  // denies that come later, denies all.
  const wanted = VERDICT[rule.action ?? policy.spec.action]
  const everything = wanted !== 'accept' && (unknownPeer || ports.includes(undefined))
  const verdict = everything ? 'drop' : wanted
  const known = ports.filter((port) => port !== undefined)
  return {
    origin: `${policy.name}/${rule.name ?? where}`,
    verdict,
    peers: everything || peers.length === 0 ? 'any' : resolvePeers(peers, resolver),
    ports: everything || ports.length === 0 ? 'any' : known,
    ...(policy.expiresAt === undefined || verdict === 'drop' ? {} : { untilS: Math.ceil(policy.expiresAt / 1_000) }),
  }
}

function directionRules(
  policies: readonly Policy[],
  direction: Direction,
  fallback: 'accept' | 'drop',
  resolver: Resolver,
): DirectionRules {
  const concerned = policies.filter((policy) => speaksOf(policy.spec, direction))
  const rulesOf = (tier: PolicySpec['tier']): readonly Rule[] =>
    concerned
      .filter((policy) => policy.spec.tier === tier)
      .sort((a, b) => (tier === 'Standard' ? 0 : a.spec.priority - b.spec.priority) || compareText(a.name, b.name))
      .flatMap((policy) =>
        (policy.spec[direction] ?? []).map((rule, index) =>
          resolveRule(rule, policy, `${direction}[${index}]`, resolver),
        ),
      )
  return {
    admin: rulesOf('Admin'),
    isolated: concerned.some((policy) => policy.spec.tier === 'Standard'),
    standard: rulesOf('Standard'),
    baseline: rulesOf('Baseline'),
    fallback,
  }
}

/** The rules that `self` enforces. Policies in Audit mode are not among them. */
export function rulesFor(records: ParsedRecords, self: Node): NodeRules {
  const policies: readonly Policy[] = records.policies.filter(
    ({ spec }) => spec.mode === 'Enforce' && selectsNode(spec.subject, self),
  )
  const resolver: Resolver = { nodes: records.nodes, services: records.services, unsupported: [] }
  const fallback = records.network?.spec.defaultPolicy === 'Allow' ? 'accept' : 'drop'
  return {
    ingress: directionRules(policies, 'ingress', fallback, resolver),
    egress: directionRules(policies, 'egress', 'accept', resolver),
    unsupported: resolver.unsupported,
  }
}
