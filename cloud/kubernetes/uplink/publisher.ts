// Brings labels that tell of uplinks to the Nodes of ours and, where people asked for it, to those of the cluster. An object is
// written when its labels are others, and seldom enough that no device makes work for an API server.

import type { Clock, Log } from '../../../shared/effects.ts'
import { describeError, isHoldfastError } from '../../../shared/errors.ts'
import { encodeCanonicalText } from '../../../shared/record/canonical.ts'
import { uplinkIn } from '../../fleet/uplink.ts'
import type { Hub, Shown } from '../../hub.ts'
import type { Cluster, ClusterObject } from '../cluster.ts'
import { deviceOf } from '../derived/pods.ts'
import type { InputObject } from '../input.ts'
import { inTurns, unlessStale } from '../writes.ts'
import { uplinkLabels, uplinkLabelsIn } from './labels.ts'

export interface UplinkPublisherOptions {
  /** The devices whose cluster it is. */
  readonly fleet: Pick<Hub, 'list'>
  readonly cluster: Pick<Cluster, 'inputs' | 'putLabels'>
  readonly clock: Clock
  readonly log: Log
  /** The cluster's own Nodes have them, too. */
  readonly nodeLabels: () => boolean
}

export interface UplinkPublisher {
  /** Resolves to the milliseconds after which to look again; 0 where nothing is waited for. */
  tell(objects: readonly ClusterObject[], goesOn: () => boolean): Promise<number>
}

type Labels = Readonly<Record<string, string>>

/** By name. */
type ShownNodes = ReadonlyMap<string, Shown>

interface Target {
  readonly key: string
  readonly object: ClusterObject | InputObject
  readonly wanted: Labels
}

/** Between two writes of one object. */
const PAUSE_MS = 60_000
/** A device that went away is told of when it has stayed away; nobody says when that is. */
const AWAY_LOOK_MS = 30_000
/** … with the same labels, where somebody else's stand there instead. */
const SAME_PAUSE_MS = 10 * 60_000
/** After the cluster refused one of its Nodes. */
const REFUSED_MS = 5 * 60_000

/** Not heard, and not said to be away yet. */
function isAway(shown: Shown): boolean {
  const ready = shown.status.conditions.find(({ type }) => type === 'Ready')
  return uplinkIn(shown)?.state === 'online' && ready?.reason === 'Offline'
}

/** Those of this kind that it has, as one text. */
function heldBy(object: Target['object']): string {
  if ('uid' in object) return encodeCanonicalText(uplinkLabelsIn(object.labels))
  const { metadata } = object.intent as { readonly metadata?: { readonly labels?: Readonly<Record<string, unknown>> } }
  return encodeCanonicalText(uplinkLabelsIn(metadata?.labels ?? {}))
}

export function createUplinkPublisher(options: UplinkPublisherOptions): UplinkPublisher {
  const { clock, cluster, fleet, log, nodeLabels } = options
  /** By object: what was written last, and when. Of objects that are there only. */
  let written = new Map<string, { readonly at: number; readonly text: string }>()
  let [refusedAt, refusal] = [Number.NEGATIVE_INFINITY, '']

  const targetsOf = (objects: readonly ClusterObject[], nodesOfOurs: ShownNodes): readonly Target[] => {
    const wantedFor = (device: string): Labels => {
      const view = uplinkIn(nodesOfOurs.get(device))
      return view === undefined ? {} : uplinkLabels(view)
    }
    const own = objects
      .filter(({ isLeaving, kind }) => kind === 'Node' && !isLeaving)
      .map((object): Target => ({ key: `own ${object.name}`, object, wanted: wantedFor(object.name) }))
    const { Node: nodes } = cluster.inputs()
    if (!nodeLabels() || nodes === undefined || nodes === 'unserved') return own
    const theirs = nodes.map((object): Target => {
      return { key: `node ${object.name}`, object, wanted: wantedFor(deviceOf(object)) }
    })
    return [...own, ...theirs]
  }

  /** A cluster that refuses its Nodes keeps nothing else from being written. */
  const putTheirs = async (object: InputObject, wanted: Labels): Promise<void> => {
    if (clock.monotonic() < refusedAt + REFUSED_MS) return
    try {
      await cluster.putLabels(object, wanted)
      refusal = ''
    } catch (error) {
      if (!isHoldfastError(error, 'forbidden')) throw error
      refusedAt = clock.monotonic()
      const why = describeError(error)
      if (why !== refusal)
        log.warn('Nodes of the cluster get no labels: give the hub, or its agent there, the right to patch them', {
          why,
        })
      refusal = why
    }
  }

  /** Monotonic time from which the object may be written; undefined where it is as wanted. */
  const dueOf = ({ key, object, wanted }: Target): number | undefined => {
    const [held, text] = [heldBy(object), encodeCanonicalText(wanted)]
    if (held === text) return undefined
    const before = written.get(key)
    if (before === undefined) return Number.NEGATIVE_INFINITY
    if (before.text === `${held} ${text}`) return before.at + SAME_PAUSE_MS
    // No word of a device takes labels away for good; people do.
    return Object.keys(wanted).length === 0 ? Number.NEGATIVE_INFINITY : before.at + PAUSE_MS
  }

  const put = async ({ key, object, wanted }: Target): Promise<void> => {
    written.set(key, { at: clock.monotonic(), text: `${heldBy(object)} ${encodeCanonicalText(wanted)}` })
    await unlessStale('uid' in object ? putTheirs(object, wanted) : cluster.putLabels(object, wanted))
  }

  return {
    async tell(objects, goesOn) {
      // All at once: each by itself would count the fleet for each.
      const nodesOfOurs = new Map(fleet.list('Node').map((shown) => [shown.resource.metadata.name as string, shown]))
      const targets = targetsOf(objects, nodesOfOurs)
      const present = new Set(targets.map(({ key }) => key))
      written = new Map([...written].filter(([key]) => present.has(key)))
      const open = targets.flatMap((target) => ({ target, dueAt: dueOf(target) }))
      const now = clock.monotonic()
      const [ready, later] = [new Set<Target>(), [] as number[]]
      for (const { dueAt, target } of open) {
        if (dueAt !== undefined && dueAt <= now) ready.add(target)
        else if (dueAt !== undefined) later.push(dueAt - now)
      }
      await inTurns([...ready], goesOn, put)
      if ([...nodesOfOurs.values()].some(isAway)) later.push(AWAY_LOOK_MS)
      return later.length === 0 ? 0 : Math.min(...later)
    },
  }
}
