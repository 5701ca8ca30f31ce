// Decisions in sentences: which policy, tier and rule, or why none.

import { HoldfastError } from '../errors.ts'
import type { Outcome } from './assertions.ts'
import type { Decision, Judgement, Reason } from './decision.ts'
import { decideFlow, type FlowDecision, type Judge, type Leg } from './flow.ts'
import { endsOf, pairsOf, type Service } from './target.ts'
import type { World } from './world.ts'

const VERDICTS = { accept: 'accepted', drop: 'refused' } as const

function ruleText({ direction, index, name, policy, tier, unread }: Extract<Reason, { kind: 'rule' }>): string {
  const label = name === undefined ? '' : ` "${name}"`
  const why = unread === true ? ', which names a kind of peer that is unknown here' : ''
  return `${direction}[${index}]${label} of policy ${policy}, tier ${tier}${why}`
}

export function judgementText({ reason, verdict }: Judgement): string {
  const said = VERDICTS[verdict]
  switch (reason.kind) {
    case 'rule':
      return `${said} by ${ruleText(reason)}`
    case 'isolated':
      return `${said}: none of the rules accepts it in ${reason.policies.join(', ')}, which speak${reason.policies.length === 1 ? 's' : ''} of its ${reason.direction}`
    case 'default': {
      if (reason.direction === 'egress') return `${said}: no policy decides about its egress, which is open then`
      const fallback = verdict === 'accept' ? 'Allow' : 'Deny'
      return `${said}: no policy decides about its ingress, and the network’s defaultPolicy is ${fallback}`
    }
  }
}

function auditLine({ audit }: Decision): readonly string[] {
  return audit === undefined ? [] : [`    with policies in Audit mode: ${judgementText(audit)}`]
}

function legLines({ at, decision, direction }: Leg): readonly string[] {
  const where = direction === 'egress' ? `out of ${at.name}` : `into ${at.name}`
  return [`  ${where}: ${judgementText(decision)}`, ...auditLine(decision)]
}

const EXEMPT = {
  agent: '  the agents’ own port: no policy can close it',
  local: '  it does not leave its node: policy of the mesh does not see it',
} as const

function whyLines({ exempt, legs }: FlowDecision): readonly string[] {
  if (exempt !== undefined) return [EXEMPT[exempt]]
  return legs.length === 0 ? ['  neither end is of this mesh'] : legs.flatMap(legLines)
}

function serviceText({ port, protocol }: Service): string {
  return protocol === 'ICMP' || protocol === 'other' ? protocol : `${protocol} ${port}`
}

function endText({ address, name }: { readonly name: string; readonly address: string }): string {
  return name === address ? name : `${name} (${address})`
}

export interface Explained {
  readonly from: string
  readonly to: string
  readonly service: Service
  readonly decision: FlowDecision
}

/** Every pair of addresses of the two ends: policy may speak of one IP version and not of the other. */
export function explainFlow(
  world: World,
  { from, service, to }: { readonly from: string; readonly to: string; readonly service: Service },
  judgeAt: Judge,
): readonly Explained[] {
  const pairs = pairsOf(endsOf(world, from), endsOf(world, to))
  if (pairs.length === 0) {
    throw new HoldfastError(
      'invalid',
      `"${from.slice(0, 70)}" and "${to.slice(0, 70)}" are the same, or of different IP versions`,
      {
        remedy: 'Name two ends that could talk to each other.',
      },
    )
  }
  return pairs.map(([source, target]) => ({
    from: endText(source),
    to: endText(target),
    service,
    decision: decideFlow(world, { from: source.address, to: target.address, ...service }, judgeAt),
  }))
}

export function explainLines(all: readonly Explained[]): readonly string[] {
  return all.flatMap(({ decision, from, service, to }) => [
    `${from} → ${to}, ${serviceText(service)}: ${VERDICTS[decision.verdict]}`,
    ...whyLines(decision),
  ])
}

/** What is not as asserted, each with its reason. */
export function outcomeLines({ failed }: Outcome): readonly string[] {
  return failed.flatMap(({ decision, from, service, to, wanted }) => [
    `${endText(from)} → ${endText(to)}, ${serviceText(service)}: must ${wanted === 'reach' ? 'reach it, and does not' : 'not reach it, and does'}`,
    ...whyLines(decision),
  ])
}
