// The part of the controller that reads what a cluster holds besides our kinds: what follows from it, what became of that, and
// the mirrors in which people see it.

import type { Clock, Log } from '../../../shared/effects.ts'
import { HoldfastError } from '../../../shared/errors.ts'
import type { AnyResource, Resource } from '../../../shared/intent/resource.ts'
import { encodeCanonicalText } from '../../../shared/record/canonical.ts'
import type { Actor } from '../../audit.ts'
import type { Hub } from '../../hub.ts'
import type { Cluster, ClusterCondition, ClusterKind, ClusterObject } from '../cluster.ts'
import { keyOf, readObjects, resourceKey } from '../cluster-intent.ts'
import { conditionsOf, type Said } from '../cluster-status.ts'
import { createGatewayFollower, withRoutesHeard } from '../gateway/follower.ts'
import { type InputKind, type InputObject, type Inputs, inputName } from '../input.ts'
import { inTurns, unlessStale } from '../writes.ts'
import {
  asLost,
  clusterOf,
  type Derived,
  type DeriveOptions,
  isDerived,
  isLost,
  refusalOf,
  sourceOf,
} from './derived.ts'
import { deriveExport, type Export, exportSaid } from './exports.ts'
import { type Gone, planDerived } from './plan.ts'
import { derivePods, type PodPlace, podPlaces, podSitesOf, withoutPods, withPods } from './pods.ts'
import { derivePolicy, policyName } from './policies.ts'
import { createTeller } from './teller.ts'

export interface DerivedSyncOptions {
  readonly derive: DeriveOptions
  readonly hub: Pick<Hub, 'delete' | 'get' | 'list' | 'note' | 'put'>
  /** What the cluster's objects are set against: devices that it may speak of, and what else has names and addresses. */
  readonly fleet: Pick<Hub, 'list'>
  /** What devices have said last, where it may be told there. */
  readonly reports?: Pick<Hub, 'fleet'> | undefined
  readonly cluster: Cluster
  readonly clock: Clock
  readonly log: Log
  readonly actor: Actor
}

/** What anything follows as. */
const derivedKinds = ['Policy', 'Route', 'Service'] as const

/** What the cluster held in one turn. */
export interface DerivedTurn {
  /** Objects that people wrote. */
  readonly written: readonly ClusterObject[]
  /** To be taken by the hub beside what is written there. */
  readonly put: readonly AnyResource[]
  /** Takes the place of `put` where the hub refused one. */
  readonly derived: readonly Derived[]
  readonly exports: readonly Export[]
  /** What is written there, with what follows from other objects of the cluster. */
  complete(resource: AnyResource): AnyResource
  /** Whether the hub lets go of what a leaving object says; undefined while that can't be told. */
  isDismissed(object: ClusterObject): boolean | undefined
  /** Mirrors whose source was deleted go. */
  retire(goesOn: () => boolean): Promise<void>
}

export interface DerivedSync {
  read(objects: readonly ClusterObject[]): DerivedTurn
  /** Closes what the hub refused of it, by `faults`. To be called right after the hub took the rest. */
  close(turn: DerivedTurn, faults: Faults): void
  /** What the hub has, as people would have written it. */
  bare(resource: AnyResource): AnyResource
  /** What is to be said of a mirror beside what the hub says of its resource. */
  accepted(key: string): Said | undefined
  /** Resolves to the milliseconds after which there is more to tell; 0 where all is told. */
  tell(goesOn: () => boolean): Promise<number>
}

type Faults = Map<string, HoldfastError>

/** The object as far as its annotations go. */
function annotated({ intent }: ClusterObject): Parameters<typeof isDerived>[0] {
  return { metadata: (intent as Parameters<typeof isDerived>[0]).metadata }
}

/** Metadata as people or we wrote it: whose object it is is told by its annotations. */
function isMirror(object: ClusterObject): boolean {
  return isDerived(annotated(object))
}

const lost: Said = {
  type: 'Accepted',
  status: 'True',
  reason: 'SourceLost',
  message:
    'The object that this follows from is not in the cluster, and nobody is known to have deleted it: was the cluster restored from a backup? It stays in force. Delete it here where it is to go.',
}

/** A policy that is not taken as it is is not accepted; a node is, though not with its pods. */
function faultSaid(one: Derived): Said {
  const status = one.resource === undefined || one.resource.kind === 'Route' ? 'True' : 'False'
  return { type: 'Accepted', status, reason: one.reason, message: refusalOf(one) }
}

/** While services are not heard, none is missing for those that export them. */
function heardOf(cluster: Pick<Cluster, 'inputs'>): Inputs {
  const { ServiceExport: exports, ...rest } = withRoutesHeard(cluster.inputs())
  return rest.Service === undefined || exports === undefined ? rest : { ...rest, ServiceExport: exports }
}

/** Whether they all stand there already, among those of others. Older definitions have no room for a generation. */
function isSaid({ status, version }: Pick<InputObject, 'status' | 'version'>, wanted: readonly ClusterCondition[]) {
  const held = (status as { readonly conditions?: unknown } | undefined)?.conditions
  const textOf = (one: object): string =>
    encodeCanonicalText(version === undefined ? one : { ...one, observedGeneration: 0 })
  const there = new Set(Array.isArray(held) ? held.map(textOf) : [])
  return wanted.every((one) => there.has(textOf(one)))
}

function all<K extends AnyResource['kind']>(hub: Pick<Hub, 'list'>, kind: K): readonly Resource<K>[] {
  return hub.list(kind).map(({ resource }) => resource as unknown as Resource<K>)
}

export function createDerivedSync(options: DerivedSyncOptions): DerivedSync {
  const { actor, cluster, fleet, hub, log } = options
  const teller = createTeller(options)
  const gateways = createGatewayFollower(options)
  const made = new WeakMap<InputObject, { readonly derived: Derived; readonly wasTaken: boolean }>()
  let said = new Map<string, Said>()
  let faulty: readonly Derived[] = []
  let exported: readonly { readonly input: InputObject; readonly said: readonly Said<string>[] }[] = []
  /** As nodes were completed by last. */
  let places: ReadonlyMap<string, PodPlace> = new Map()

  /** It follows from an object of another cluster, which that one's own agent tells of. */
  const isForeign = (object: ClusterObject): boolean => {
    const whose = clusterOf(annotated(object))
    return whose !== undefined && whose !== options.derive.clusterName
  }

  const derive = (input: InputObject, isTaken: (name: string) => boolean): Derived => {
    const wasTaken = isTaken(policyName(input, options.derive))
    const held = made.get(input)
    if (held?.wasTaken === wasTaken) return held.derived
    const derived = derivePolicy(input, options.derive, wasTaken)
    made.set(input, { derived, wasTaken })
    return derived
  }

  const deriveAll = (inputs: Inputs, written: readonly ClusterObject[]) => {
    const listed = (kind: InputKind): readonly InputObject[] => {
      const heard = inputs[kind]
      return heard === undefined || heard === 'unserved' ? [] : heard
    }
    const own = [...all(fleet, 'Policy'), ...all(fleet, 'Service')].filter(
      (one) => !isDerived(one),
    ) as readonly AnyResource[]
    const taken = new Set([...own.map(resourceKey), ...written.map(keyOf)])
    const isTaken =
      (kind: 'Policy' | 'Service') =>
      (name: string): boolean =>
        taken.has(keyOf({ kind, name }))
    const nodes = new Map(all(fleet, 'Node').map((node) => [node.metadata.name as string, node]))
    const services = new Map(listed('Service').map((service) => [inputName(service), service]))
    const derived: readonly Derived[] = [
      ...[...listed('NetworkPolicy'), ...listed('ClusterNetworkPolicy')].map((one) => derive(one, isTaken('Policy'))),
      ...derivePods(listed('Node'), { nodes, routes: all(fleet, 'Route') }, options.derive),
    ]
    const podSites = podSitesOf(listed('Node'), { nodes }, options.derive)
    const around = { ...options.derive, podSites, services: all(fleet, 'Service') }
    const exports = listed('ServiceExport').map((one) =>
      deriveExport(one, services.get(inputName(one)), around, isTaken('Service')),
    )
    const routed = gateways.read(inputs, nodes.values(), { ...options.derive, podSites, isTaken: isTaken('Service') })
    return { derived, exports, routed }
  }

  const planFor = (mirrors: readonly ClusterObject[], written: readonly ClusterObject[]) => {
    const inputs = heardOf(cluster)
    const { derived, exports, routed } = deriveAll(inputs, written)
    const held = derivedKinds.flatMap((kind) => all(hub, kind)).filter(isDerived) as readonly AnyResource[]
    // A mirror of who speaks for itself alone brings back nothing that the hub does not have.
    const mirrored = options.derive.confined === undefined ? readObjects(mirrors).resources : []
    const known = [...mirrored, ...held]
    const byKey = new Map(known.map((resource) => [resourceKey(resource), resource]))
    for (const mirror of mirrors) if (mirror.isLeaving) byKey.delete(keyOf(mirror))
    const wanted = [...[...derived, ...exports].flatMap(({ resource }) => resource ?? []), ...routed]
    return { inputs, derived, exports, ...planDerived(wanted, [...byKey.values()], inputs, options.derive) }
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

  /** With what became of it at the hub; undefined where nothing is at fault. */
  const closeOne = (one: Derived, faults: Faults): Derived | undefined => {
    const key = one.resource === undefined ? undefined : resourceKey(one.resource)
    const fault = key === undefined ? undefined : faults.get(key)
    if (key === undefined || fault === undefined) return one.fault === undefined ? undefined : one
    try {
      if (one.closed !== undefined) hub.put(one.closed(fault), actor)
      faults.delete(key)
      return { ...one, fault }
    } catch (error) {
      // Nothing of it fits, such as where its network is not there.
      if (!(error instanceof HoldfastError)) throw error
      return { ...one, fault, consequence: 'Nothing of it was taken.' }
    }
  }

  return {
    read(objects) {
      const mirrors = objects.filter(isMirror)
      const written = objects.filter((object) => !isMirror(object))
      const { derived, exports, gone, inputs, put } = planFor(mirrors, written)
      for (const resource of put) move(resource)
      const wanted = new Set(put.filter((one) => !isLost(one)).map(resourceKey))
      places = podPlaces(all(hub, 'Route'))
      return {
        written,
        put,
        derived,
        exports,
        complete: (resource) => withPods(resource, places),
        isDismissed(object) {
          if (!isMirror(object)) return true
          if (isForeign(object)) return false
          const source = sourceOf(object.intent as Parameters<typeof sourceOf>[0], options.derive.clusterName)
          if (source !== undefined && inputs[source.kind] === undefined) return undefined
          return !wanted.has(keyOf(object))
        },
        async retire(goesOn) {
          await inTurns(gone, goesOn, retireOne)
          // What followed from another cluster's object goes from here when the hub has it no more, which is not for here to say.
          const left = mirrors.filter(
            (one) => isForeign(one) && !one.isLeaving && hub.get(one.kind, one.name) === undefined,
          )
          await inTurns(left, goesOn, async ({ kind, name }) => void (await cluster.remove(kind, name)))
        },
      }
    },
    close({ derived, exports, put }, faults) {
      exported = exports.map((one) => {
        const key = one.resource === undefined ? undefined : resourceKey(one.resource)
        const fault = key === undefined ? undefined : faults.get(key)
        const conditions =
          key === undefined ? [] : (hub.get('Service', one.resource?.metadata.name ?? '')?.status.conditions ?? [])
        return {
          input: one.input,
          said: exportSaid(
            one,
            fault,
            conditions.find(({ type }) => type === 'Programmed'),
          ),
        }
      })
      gateways.close(faults)
      said = new Map(put.filter(isLost).map((resource) => [resourceKey(resource), lost]))
      faulty = derived.flatMap((one) => {
        const told = closeOne(one, faults)
        if (told === undefined) return []
        said.set(told.about, faultSaid(told))
        return [told]
      })
    },
    bare: (resource) => withoutPods(resource, places),
    accepted: (key) => said.get(key),
    async tell(goesOn) {
      await inTurns(exported, goesOn, async ({ input, said: conditions }) => {
        const wanted = conditionsOf(input, conditions, options.clock.now())
        if (!isSaid(input, wanted)) await unlessStale(cluster.putConditions(input, wanted))
      })
      await gateways.tell(goesOn)
      return await teller.tell(faulty)
    },
  }
}
