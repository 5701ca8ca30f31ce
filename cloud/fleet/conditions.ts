// Status of intent, as Kubernetes has it. `Programmed` is true only when every device said that it runs the revision
// that this very object came with.

import { showCondition } from '../../shared/health.ts'
import { formatVersion } from '../../shared/record/head.ts'
import { type AddressUsage, isLow } from '../compile/address-usage.ts'
import type { FleetNode, Stored, TakenBack } from '../hub.ts'
import type { ResourceCondition } from '../resource-condition.ts'
import type { RollStanding } from '../rollout/standing.ts'
import { names } from './names.ts'
import type { Member, Progress } from './progress.ts'
import type { Reach } from './reach.ts'
import { renumberingOf } from './renumbering-condition.ts'
import { reached, touching } from './route-conditions.ts'
import type { Serving } from './serving.ts'

type Draft = Pick<ResourceCondition, 'type' | 'status' | 'reason' | 'message'>

const NAMES_SHOWN = 5

function reasons(list: readonly TakenBack[]): string {
  const rest = list.length - NAMES_SHOWN
  const shown = list.slice(0, NAMES_SHOWN).map(({ check, name }) => `${name} (${check})`)
  return rest <= 0 ? shown.join(', ') : `${shown.join(', ')} and ${rest} more`
}

function programmed(now: Progress | 'unsigned'): Draft {
  if (now === 'unsigned') {
    return { type: 'Programmed', status: 'False', reason: 'NotPublished', message: 'not signed and published yet' }
  }
  const { acknowledged, members, offline, pending, takenBack, version, waiting } = now
  const done = acknowledged === members
  const parts = [`${acknowledged} of ${members} nodes run revision ${formatVersion(version)}`]
  if (takenBack.length > 0) parts.push(`taken back by ${reasons(takenBack)}`)
  if (waiting.length > 0) parts.push(`waiting for the canary: ${names(waiting)}`)
  if (pending.length > 0) parts.push(`pending: ${names(pending)}`)
  if (offline.length > 0) parts.push(`offline: ${names(offline)}`)
  const open = pending.length > 0 ? 'Pending' : waiting.length > 0 ? 'Canary' : 'NodesOffline'
  const reason = done ? 'Acknowledged' : takenBack.length > 0 ? 'TakenBack' : open
  return { type: 'Programmed', status: done ? 'True' : 'False', reason, message: parts.join('; ') }
}

function enrolled(name: string, node: FleetNode | undefined): Draft {
  if (node === undefined) {
    return { type: 'Enrolled', status: 'False', reason: 'NotEnrolled', message: 'no device has joined under this name' }
  }
  if (node.state === 'pending') {
    const message = `a device waits: holdfast-hub approve ${name}`
    return { type: 'Enrolled', status: 'False', reason: 'AwaitsApproval', message }
  }
  if (node.state === 'unsigned') {
    const message = `approved; keys of the membership lock must sign for it: holdfast-hub lock sign ${name} --key FILE`
    return { type: 'Enrolled', status: 'False', reason: 'AwaitsSignatures', message }
  }
  return { type: 'Enrolled', status: 'True', reason: 'Enrolled', message: `device ${node.nodeId}` }
}

function ready(node: FleetNode): Draft {
  if (node.state === 'disabled') {
    return { type: 'Ready', status: 'False', reason: 'Disabled', message: 'spec.disabled keeps it out of the network' }
  }
  if (node.state === 'never-seen') {
    return {
      type: 'Ready',
      status: 'Unknown',
      reason: 'NeverSeen',
      message: 'enrolled, but it never reached the broker',
    }
  }
  if (node.state !== 'online') {
    const runs =
      node.report === undefined ? '' : `: revision ${formatVersion(node.report.revision.applied)} when last heard`
    const message = `not connected; it goes on by itself from its cache${runs}`
    return { type: 'Ready', status: 'Unknown', reason: 'Offline', message }
  }
  const shown = node.health.map(showCondition)
  const critical = shown.some((condition) => condition.severity === 'critical')
  const message = shown.map((condition) => condition.code).join(', ')
  const reason = critical ? 'Critical' : shown.length === 0 ? 'Healthy' : 'HasConditions'
  return { type: 'Ready', status: critical ? 'False' : 'True', reason, message }
}

const PHASES = {
  waiting: 'NobodyChosen',
  rolling: 'RollingOut',
  paused: 'Paused',
  halted: 'Halted',
  complete: 'Complete',
} as const satisfies Record<RollStanding['phase'], string>

function rolledOut(now: RollStanding): Draft {
  const { chosen, done, failed, haltedBy, heldBy, offline, pending, phase, selected, unable, version, wave, waves } =
    now
  const parts = [`wave ${wave} of ${waves}: ${done} of ${chosen} devices run ${version}, ${selected} are to`]
  if (haltedBy !== undefined) {
    parts.unshift(`halted: ${haltedBy}`)
    parts.push('mend it and apply another version, or a higher maxFailed; delete it to give up')
  } else if (failed.length > 0) parts.push(`failed: ${names(failed.map(({ name }) => name))}`)
  if (heldBy !== undefined) parts.push(`no wave is opened: ${heldBy}`)
  if (pending.length > 0) parts.push(`pending: ${names(pending)}`)
  if (offline.length > 0) parts.push(`offline: ${names(offline)}`)
  if (unable.length > 0) parts.push(`take no orders: ${names(unable)}`)
  return {
    type: 'Ready',
    status: phase === 'complete' ? 'True' : 'False',
    reason: PHASES[phase],
    message: parts.join('; '),
  }
}

/** Offline backends serve on by themselves: that they do is not known, and that they don't neither. */
function served({ draining, offline, online }: Serving): Draft {
  const all = online.length + offline.length
  if (all === 0) {
    const message = 'its backends select no member: it has its address and its name, and whoever asks is refused'
    return { type: 'Ready', status: 'False', reason: 'NoBackends', message }
  }
  const parts = [`${online.length} of ${all} backends are connected`]
  if (offline.length > 0) parts.push(`offline: ${names(offline)}`)
  if (draining.length > 0) parts.push(`draining: ${names(draining)}`)
  const status = online.length > 0 ? 'True' : 'Unknown'
  const reason = online.length === 0 ? 'BackendsOffline' : offline.length === 0 ? 'BackendsOnline' : 'SomeOffline'
  return { type: 'Ready', status, reason, message: parts.join('; ') }
}

function conflicting(refusedBy: readonly string[], reach: Reach | undefined): Draft {
  if (refusedBy.length === 0 && reach !== undefined) return touching(reach)
  if (refusedBy.length === 0) return { type: 'Conflict', status: 'False', reason: 'NoConflicts', message: '' }
  const message =
    `not followed by ${names(refusedBy)}, which stand in a network of the same addresses and would be cut off from it; ` +
    'their health says which. Choose another block, or map it with nat: netmap'
  return { type: 'Conflict', status: 'True', reason: 'LocalNetworks', message }
}

/** Undefined where there is room enough. */
function shortOf(usage: readonly AddressUsage[]): Draft | undefined {
  const [low, hasPools] = [usage.filter(isLow), usage.some(({ pool }) => pool !== undefined)]
  if (low.length === 0) return undefined
  const told = low.map(({ cidr, pool, room, taken }) => {
    const of = pool === undefined ? `${cidr}${hasPools ? ' outside of its pools' : ''}` : `pool ${pool} (${cidr})`
    return `${taken} of ${room} of ${of}`
  })
  const isFull = low.some(({ room, taken }) => taken >= room)
  const message = `addresses are given out: ${names(told)}. Widen the block: what was given stays`
  return { type: 'AddressesLow', status: 'True', reason: isFull ? 'Exhausted' : 'NearlyExhausted', message }
}

export interface Situation {
  /** Of a Network that is renumbered. */
  readonly members?: readonly Member[] | undefined
  /** Of a Network: how full it is. */
  readonly usage?: readonly AddressUsage[] | undefined
  /** Of a Route or Network: who does not follow it, for the sake of a network that it stands in. */
  readonly refusedBy?: readonly string[] | undefined
  /** Of a Route. */
  readonly reach?: Reach | undefined
  /** Of a Service. */
  readonly serving?: Serving | undefined
  /** Of an Exit. */
  readonly wentOut?: Draft | undefined
  /** Of a Service that is to be found from outside. */
  readonly published?: Draft | undefined
  readonly progress: Progress | 'unsigned' | undefined
  readonly node: FleetNode | undefined
  /** Of an AgentUpdate. */
  readonly rollout: RollStanding | undefined
}

export function conditionsOf(
  { createdAt, generation, resource }: Stored,
  { members = [], node, progress, published, reach, refusedBy, rollout, serving, usage = [], wentOut }: Situation,
  transitionAt: (type: ResourceCondition['type'], status: ResourceCondition['status'], first: number) => number,
): readonly ResourceCondition[] {
  const drafts: Draft[] = [{ type: 'Accepted', status: 'True', reason: 'Valid', message: '' }]
  if (resource.kind === 'Node') drafts.push(enrolled(resource.metadata.name, node))
  if (progress !== undefined) drafts.push(programmed(progress))
  if (refusedBy !== undefined) drafts.push(conflicting(refusedBy, reach))
  if (reach !== undefined) drafts.push(reached(reach))
  const renumbering = resource.kind === 'Network' ? renumberingOf(resource.spec, progress, members) : undefined
  if (renumbering !== undefined) drafts.push(renumbering)
  const short = shortOf(usage)
  if (short !== undefined) drafts.push(short)
  if (wentOut !== undefined) drafts.push(wentOut)
  if (published !== undefined) drafts.push(published)
  if (serving !== undefined) drafts.push(served(serving))
  if (rollout !== undefined) drafts.push(rolledOut(rollout))
  const isMember = node !== undefined && node.state !== 'pending' && node.state !== 'unsigned'
  if (resource.kind === 'Node' && isMember) drafts.push(ready(node))
  return drafts.map((draft) => ({
    ...draft,
    observedGeneration: generation,
    lastTransitionAt: transitionAt(
      draft.type,
      draft.status,
      draft.type === 'Ready' ? (node?.since ?? createdAt) : createdAt,
    ),
  }))
}
