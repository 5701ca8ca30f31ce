// Status of intent, as Kubernetes has it. `Programmed` is true only when every device concerned said so.

import type { Name } from '../../shared/ids.ts'
import { compareVersion, formatVersion, type Version } from '../../shared/record/head.ts'
import type { FleetNode, ResourceCondition, Stored } from '../hub.ts'

/** How far one revision has come in its network. */
export interface Progress {
  readonly version: Version
  readonly members: number
  readonly acknowledged: number
  readonly pending: readonly Name[]
  readonly offline: readonly Name[]
}

/** Members are the approved devices of a network; those that are offline count, because they will run it one day. */
export function progress(version: Version, members: readonly FleetNode[]): Progress {
  const behind = members.filter(
    (node) => compareVersion(node.report?.revision.applied ?? { epoch: 0, revision: 0 }, version) < 0,
  )
  return {
    version,
    members: members.length,
    acknowledged: members.length - behind.length,
    pending: behind.filter((node) => node.state === 'online').map((node) => node.name),
    offline: behind.filter((node) => node.state !== 'online').map((node) => node.name),
  }
}

function names(list: readonly Name[]): string {
  return list.length <= 5 ? list.join(', ') : `${list.slice(0, 5).join(', ')} and ${list.length - 5} more`
}

function programmed(stored: Stored, now: Progress, at: number): ResourceCondition {
  const { acknowledged, members, offline, pending } = now
  const done = acknowledged === members
  const waits = [
    pending.length === 0 ? '' : `pending: ${names(pending)}`,
    offline.length === 0 ? '' : `offline: ${names(offline)}`,
  ]
  const tail = waits.filter((part) => part !== '').join('; ')
  return {
    type: 'Programmed',
    status: done ? 'True' : 'False',
    reason: done ? 'Acknowledged' : pending.length > 0 ? 'Pending' : 'NodesOffline',
    message: `${acknowledged} of ${members} nodes run revision ${formatVersion(now.version)}${tail === '' ? '' : `; ${tail}`}`,
    observedGeneration: stored.generation,
    lastTransitionAt: at,
  }
}

function enrolled(stored: Stored, node: FleetNode | undefined): ResourceCondition {
  const state = node === undefined ? 'NotEnrolled' : node.state === 'pending' ? 'AwaitsApproval' : 'Enrolled'
  const messages = {
    NotEnrolled: 'no device has joined under this name',
    AwaitsApproval: `a device waits: holdfast-hub approve ${stored.resource.metadata.name}`,
    Enrolled: `device ${node?.nodeId ?? ''}`,
  }
  return {
    type: 'Enrolled',
    status: state === 'Enrolled' ? 'True' : 'False',
    reason: state,
    message: messages[state],
    observedGeneration: stored.generation,
    lastTransitionAt: node?.since ?? stored.createdAt,
  }
}

function ready(stored: Stored, node: FleetNode): ResourceCondition {
  const critical = node.health.length
  const online = node.state === 'online'
  return {
    type: 'Ready',
    status:
      node.state === 'never-seen' || node.state === 'offline' ? 'Unknown' : online && critical === 0 ? 'True' : 'False',
    reason: !online ? 'Offline' : critical === 0 ? 'Healthy' : 'HasConditions',
    message: !online ? 'not connected; it goes on by itself from its cache' : node.health.map((c) => c.code).join(', '),
    observedGeneration: stored.generation,
    lastTransitionAt: node.since,
  }
}

export function conditionsOf(
  stored: Stored,
  now: Progress | undefined,
  node: FleetNode | undefined,
): readonly ResourceCondition[] {
  const accepted: ResourceCondition = {
    type: 'Accepted',
    status: 'True',
    reason: 'Valid',
    message: '',
    observedGeneration: stored.generation,
    lastTransitionAt: stored.createdAt,
  }
  const out = [accepted]
  if (stored.resource.kind === 'Node') out.push(enrolled(stored, node))
  if (now !== undefined) out.push(programmed(stored, now, stored.createdAt))
  if (stored.resource.kind === 'Node' && node !== undefined && node.state !== 'pending') out.push(ready(stored, node))
  return out
}
