// The part of the controller that reads what a cluster holds besides our kinds: what follows from it, what became of that, and
// the mirrors in which people see it.

import type { Clock, Log } from '../../../shared/effects.ts'
import { HoldfastError } from '../../../shared/errors.ts'
import type { AnyResource } from '../../../shared/intent/resource.ts'
import type { Actor, Hub } from '../../hub.ts'
import type { Cluster, ClusterKind, ClusterObject } from '../cluster.ts'
import { keyOf, readObjects, resourceKey } from '../cluster-intent.ts'
import type { Said } from '../cluster-status.ts'
import { type InputObject, inputName } from '../input.ts'
import { inTurns } from '../writes.ts'
import { asLost, type Derived, type DeriveOptions, isDerived, isLost, refusalOf } from './derived.ts'
import { type Gone, planDerived } from './plan.ts'
import { derivePolicy } from './policies.ts'
import { createTeller } from './teller.ts'

export interface DerivedSyncOptions {
  readonly derive: DeriveOptions
  readonly hub: Pick<Hub, 'delete' | 'get' | 'list' | 'note' | 'put'>
  readonly cluster: Cluster
  readonly clock: Clock
  readonly log: Log
  readonly actor: Actor
}

/** What the cluster held in one turn. */
export interface DerivedTurn {
  /** Objects that people wrote. */
  readonly written: readonly ClusterObject[]
  /** To be taken by the hub beside what is written there. */
  readonly put: readonly AnyResource[]
  /** Takes the place of `put` where the hub refused one. */
  readonly derived: readonly Derived[]
  /** Whether the hub lets go of what a leaving object says; undefined while that can't be told. */
  isDismissed(object: ClusterObject): boolean | undefined
  /** Mirrors whose source was deleted go. */
  retire(): Promise<void>
}

export interface DerivedSync {
  read(objects: readonly ClusterObject[]): DerivedTurn
  /** Closes what the hub refused of it, by `faults`. To be called right after the hub took the rest. */
  close(turn: DerivedTurn, faults: Faults): void
  /** What is to be said of a mirror beside what the hub says of its resource. */
  accepted(key: string): Said | undefined
  /** Resolves to the milliseconds after which there is more to tell; 0 where all is told. */
  tell(): Promise<number>
}

type Faults = Map<string, HoldfastError>

/** Metadata as people or we wrote it: whose object it is is told by its annotations. */
function isMirror({ intent }: ClusterObject): boolean {
  const { metadata } = intent as Parameters<typeof isDerived>[0]
  return isDerived({ metadata })
}

const lost: Said = {
  type: 'Accepted',
  status: 'True',
  reason: 'SourceLost',
  message:
    'The object that this follows from is not in the cluster, and nobody is known to have deleted it: was the cluster restored from a backup? It stays in force. Delete it here where it is to go.',
}

function refused(fault: HoldfastError): Said {
  return { type: 'Accepted', status: 'False', reason: 'NotTranslated', message: refusalOf(fault) }
}

export function createDerivedSync(options: DerivedSyncOptions): DerivedSync {
  const { actor, cluster, hub, log } = options
  const teller = createTeller(options)
  const made = new WeakMap<InputObject, Derived>()
  let said = new Map<string, Said>()
  let faulty: readonly Derived[] = []

  const derive = (input: InputObject, isTaken: (name: string) => boolean): Derived => {
    const held = made.get(input)
    if (held !== undefined && !isTaken(held.resource.metadata.name)) return held
    const derived = derivePolicy(input, options.derive, isTaken)
    made.set(input, derived)
    return derived
  }

  const planFor = (mirrors: readonly ClusterObject[], written: readonly ClusterObject[]) => {
    const inputs = cluster.inputs()
    if (inputs === undefined) return undefined
    const held = hub.list('Policy').map(({ resource }) => resource)
    const others = [...held.filter((one) => !isDerived(one)).map(resourceKey), ...written.map(keyOf)]
    const taken = new Set(others)
    const derived = Object.values(inputs)
      .flatMap((list) => (list === 'unserved' ? [] : list))
      .map((input) => derive(input, (name) => taken.has(keyOf({ kind: 'Policy', name }))))
    const known = [...readObjects(mirrors).resources, ...held.filter(isDerived)]
    const byKey = new Map(known.map((resource) => [resourceKey(resource), resource]))
    for (const mirror of mirrors) if (mirror.isLeaving) byKey.delete(keyOf(mirror))
    return { derived, ...planDerived(derived, [...byKey.values()], inputs, options.derive) }
  }

  /** A resource can't move from one network to another: it goes from the one before it is put into the other. */
  const move = ({ kind, metadata: { name }, spec }: AnyResource): void => {
    const held = hub.get(kind, name)?.resource
    if (held === undefined || !('network' in held.spec) || !('network' in spec)) return
    if (held.spec.network === spec.network || hub.get('Network', spec.network) === undefined) return
    hub.delete(kind, name, actor)
  }

  const retireOne = async ({ isReplaced, resource, source }: Gone): Promise<void> => {
    const { kind, metadata } = resource
    if (isReplaced) {
      if (!(await cluster.remove(kind as ClusterKind, metadata.name))) hub.delete(kind, metadata.name, actor)
      return
    }
    // What is heard of two kinds may be of two minds while an API server is replaced, so it is asked: for the source first.
    if (await cluster.isThere(source)) return
    const words = { object: `${source.kind} ${inputName(source)}`, resource: resourceKey(resource) }
    if (await cluster.remove(kind as ClusterKind, metadata.name)) {
      log.debug('an object was deleted in the cluster; what follows from it goes', words)
      return
    }
    log.warn('an object is gone from the cluster and was not deleted there; what follows from it stays', words)
    hub.note(actor, 'keep', `${kind.toLowerCase()}/${metadata.name}`, `${words.object} is gone and was not deleted`)
    hub.put(asLost(resource), actor)
  }

  const closeOne = (one: Derived, faults: Faults): HoldfastError | undefined => {
    const key = resourceKey(one.resource)
    const fault = faults.get(key)
    if (fault === undefined) return one.fault
    try {
      hub.put(one.closed(fault), actor)
      faults.delete(key)
    } catch (error) {
      // Nothing of it fits, such as where its network is not there.
      if (!(error instanceof HoldfastError)) throw error
    }
    return fault
  }

  return {
    read(objects) {
      const mirrors = objects.filter(isMirror)
      const written = objects.filter((object) => !isMirror(object))
      const planned = planFor(mirrors, written)
      const { derived, gone, put } = planned ?? { derived: [], gone: [], put: [] }
      for (const resource of put) move(resource)
      const wanted = new Set(derived.map(({ resource }) => resourceKey(resource)))
      return {
        written,
        put,
        derived,
        isDismissed(object) {
          if (!isMirror(object)) return true
          return planned === undefined ? undefined : !wanted.has(keyOf(object))
        },
        retire: () => inTurns(gone, retireOne),
      }
    },
    close({ derived, put }, faults) {
      said = new Map(put.filter(isLost).map((resource) => [resourceKey(resource), lost]))
      faulty = derived.flatMap((one) => {
        const fault = closeOne(one, faults)
        if (fault === undefined) return []
        said.set(resourceKey(one.resource), refused(fault))
        return [{ ...one, fault }]
      })
    },
    accepted: (key) => said.get(key),
    tell: () => teller.tell(faulty),
  }
}
