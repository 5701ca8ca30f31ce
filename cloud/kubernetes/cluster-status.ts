// What the hub says of an object in Kubernetes, in the manner of that place. Pure.

import { describeError, type HoldfastError } from '../../shared/errors.ts'
import { uplinkIn } from '../fleet/uplink.ts'
import type { Shown } from '../hub.ts'
import type { ResourceCondition } from '../resource-condition.ts'
import type { ClusterCondition, ClusterObject, ClusterStatus } from './cluster.ts'

export type Said<Type extends string = ResourceCondition['type']> = Pick<
  ResourceCondition,
  'status' | 'reason' | 'message'
> & { readonly type: Type }

function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function refusal(fault: HoldfastError, shown: Shown | undefined): Said {
  const rest = shown === undefined ? '' : ' The hub goes on with what it took before.'
  const words = describeError(fault)
  const message = `${words}${/[.!?]$/.test(words) ? '' : '.'}${rest}`
  const reason = fault.code === 'conflict' ? 'Conflict' : fault.code === 'invalid' ? 'Invalid' : 'Refused'
  return { type: 'Accepted', status: 'False', reason, message }
}

/** Of a device `Ready` is its own word; of everything else, that all who are concerned do it. */
function readiness(said: readonly Said[]): Said {
  const told = said.find(({ type }) => type === 'Ready')
  if (told !== undefined) return told
  const open = said.find(({ status, type }) => type === 'Enrolled' && status !== 'True')
  const programmed = said.find(({ type }) => type === 'Programmed')
  const from = open ?? programmed
  if (from === undefined)
    return { type: 'Ready', status: 'Unknown', reason: 'NotPublished', message: 'not published yet' }
  return { ...from, type: 'Ready' }
}

function saidOf(shown: Shown | undefined, fault: HoldfastError | undefined): readonly Said[] {
  if (fault === undefined && shown !== undefined) {
    const said = shown.status.conditions
    return [...said.filter(({ type }) => type !== 'Ready'), readiness(said)]
  }
  const refused =
    fault === undefined
      ? {
          type: 'Accepted' as const,
          status: 'Unknown' as const,
          reason: 'Pending',
          message: 'the hub has not looked yet',
        }
      : refusal(fault, shown)
  const rest = (shown?.status.conditions ?? []).filter(({ type }) => type === 'Programmed' || type === 'Enrolled')
  return [refused, ...rest, { type: 'Ready', status: 'False', reason: refused.reason, message: 'see Accepted' }]
}

/** `accepted` in place of what is said otherwise; an object that is not taken as it is can't be ready. */
function withAccepted(said: readonly Said[], accepted: Said | undefined): readonly Said[] {
  if (accepted === undefined) return said
  const { reason, status } = accepted
  return said.map((one): Said => {
    if (one.type === 'Accepted') return accepted
    return one.type === 'Ready' && status === 'False' ? { ...one, status, reason, message: 'see Accepted' } : one
  })
}

function isLoose(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function since(before: unknown, { status, type }: Said<string>): string | undefined {
  const list: unknown = isLoose(before) ? before['conditions'] : undefined
  const held = Array.isArray(list) ? list.filter(isLoose).find((one) => one['type'] === type) : undefined
  return held?.['status'] === status ? wordOf(held['lastTransitionTime']) : undefined
}

/** As they are written: dated, and of the generation that was looked at. */
export function conditionsOf(
  object: { readonly generation: number; readonly status?: unknown },
  all: readonly Said<string>[],
  now: number,
): readonly ClusterCondition[] {
  const at = `${new Date(now).toISOString().slice(0, 19)}Z`
  return all.map((said) => ({
    type: said.type,
    status: said.status,
    observedGeneration: object.generation,
    lastTransitionTime: since(object.status, said) ?? at,
    reason: said.reason,
    message: said.message,
  }))
}

/**
 * `fault`: why the hub did not take the object as it is now. `accepted`: what else is to be known of that. `now` in milliseconds
 * since the Unix epoch; the time of a condition moves only when its status does, whoever wrote it before.
 */
export function clusterStatus(
  object: Pick<ClusterObject, 'generation' | 'status'>,
  shown: Shown | undefined,
  fault: HoldfastError | undefined,
  now: number,
  accepted?: Said,
): ClusterStatus {
  const revision = wordOf(shown?.status['revision'])
  const programmed = wordOf(shown?.status['programmed'])
  const uplink = uplinkIn(shown)
  return {
    observedGeneration: object.generation,
    ...(revision === undefined ? {} : { revision }),
    ...(programmed === undefined ? {} : { programmed }),
    ...(uplink === undefined ? {} : { uplink }),
    conditions: conditionsOf(object, withAccepted(saidOf(shown, fault), accepted), now),
  }
}
