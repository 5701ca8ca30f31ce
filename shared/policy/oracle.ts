// The semantics of policy the slow, obvious way: no tables, no address arithmetic ahead of time. What the compiled rules
// and the drivers are compared with.

import { type Address, type Cidr, contains, hostCidr } from '../address/cidr.ts'
import { selects } from '../intent/field.ts'
import type { PolicyPeer, PolicySpec, PortRule } from '../intent/policy.ts'
import type { ParsedRecords } from '../record/parsed.ts'
import type { BodyOf } from '../record/record.ts'

export interface Packet {
  readonly direction: 'ingress' | 'egress'
  /** The node that judges. */
  readonly self: BodyOf<'node'>
  /** Address of the other end. */
  readonly other: Address
  readonly protocol: 'TCP' | 'UDP' | 'SCTP' | 'ICMP'
  /** Destination port; irrelevant for ICMP. */
  readonly port: number
}

type Answer = 'yes' | 'no' | 'unknown'
type Policy = BodyOf<'policy'>

function addressBelongs(address: Address, nodes: readonly BodyOf<'node'>[]): boolean {
  return nodes.some((node) => node.addresses.includes(address))
}

function peerMatches(peer: PolicyPeer, { other }: Packet, records: ParsedRecords): Answer {
  const { nodeSelector, node: name, ipBlock } = peer
  const yes = (is: boolean): Answer => (is ? 'yes' : 'no')
  if (nodeSelector !== undefined) {
    return yes(
      addressBelongs(
        other,
        records.nodes.filter((node) => selects(nodeSelector, node.labels)),
      ),
    )
  }
  if (name !== undefined) {
    return yes(
      addressBelongs(
        other,
        records.nodes.filter((node) => node.name === name),
      ),
    )
  }
  if (ipBlock === undefined) return 'unknown'
  const inside = (block: Cidr): boolean => contains(block, hostCidr(other))
  return yes(inside(ipBlock.cidr) && !ipBlock.except.some(inside))
}

function portMatches(rule: PortRule, { protocol, port }: Packet): Answer {
  if (typeof rule.port === 'string') return 'unknown'
  if ((rule.protocol ?? 'TCP') !== protocol) return 'no'
  if (rule.port === undefined) return 'yes'
  return port >= rule.port && port <= (rule.endPort ?? rule.port) ? 'yes' : 'no'
}

/** An empty list is everything. What is not known matches no accept and every deny. */
function someMatch(answers: readonly Answer[]): boolean {
  return answers.length === 0 || answers.includes('yes')
}

type Rule = NonNullable<PolicySpec['ingress']>[number] | NonNullable<PolicySpec['egress']>[number]

function ruleMatches(rule: Rule, action: PolicySpec['action'], packet: Packet, records: ParsedRecords): boolean {
  const peers = ('from' in rule ? rule.from : rule.to).map((peer) => peerMatches(peer, packet, records))
  const ports = rule.ports.map((port) => portMatches(port, packet))
  const unknown = [...peers, ...ports].includes('unknown')
  return (action === 'Deny' && unknown) || (someMatch(peers) && someMatch(ports))
}

function speaks({ spec }: Policy, { direction, self }: Packet): boolean {
  if (spec.mode === 'Audit') return false
  const { node, nodeSelector } = spec.subject
  const named = node !== undefined
  const selected = nodeSelector !== undefined
  if (!named && !selected) return false
  if (named && node !== self.name) return false
  if (selected && !selects(nodeSelector, self.labels)) return false
  if (spec.policyTypes !== undefined) return spec.policyTypes.includes(direction === 'ingress' ? 'Ingress' : 'Egress')
  if (spec.tier === 'Standard' && direction === 'ingress') return true
  return spec[direction] !== undefined
}

/** The first action of a tier that matches, in order of priority and then name. */
function orderedTier(tier: PolicySpec['tier'], packet: Packet, records: ParsedRecords): PolicySpec['action'] {
  const policies = records.policies.filter((policy) => policy.spec.tier === tier && speaks(policy, packet))
  policies.sort((a, b) => a.spec.priority - b.spec.priority || (a.name < b.name ? -1 : 1))
  for (const { spec } of policies) {
    for (const rule of spec[packet.direction] ?? []) {
      const action = rule.action ?? spec.action
      if (ruleMatches(rule, action, packet, records)) return action
    }
  }
  return 'Pass'
}

/** Whether the first packet of a flow may pass. @testonly */
export function isAllowed(packet: Packet, records: ParsedRecords): boolean {
  const admin = orderedTier('Admin', packet, records)
  if (admin !== 'Pass') return admin === 'Accept'
  const standard = records.policies.filter((policy) => policy.spec.tier === 'Standard' && speaks(policy, packet))
  if (standard.length > 0) {
    return standard.some(({ spec }) =>
      (spec[packet.direction] ?? []).some((rule) => ruleMatches(rule, 'Accept', packet, records)),
    )
  }
  const baseline = orderedTier('Baseline', packet, records)
  if (baseline !== 'Pass') return baseline === 'Accept'
  return packet.direction === 'egress' || records.network?.spec.defaultPolicy === 'Allow'
}
