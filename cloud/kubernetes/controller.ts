// The hub in a Kubernetes cluster: what people apply there is intent, and what becomes of it stands in the objects' status. A
// turn looks at both sides as they are now and takes what differs at once, and what is to be written there follows; events
// only wake it, and an API server that is away stops nothing but the writing.
//
// An object that was deleted leaves the network. One that is merely gone does not: an API server that was restored from a
// backup, or lost its definitions, must not cut a fleet off, so the hub writes it there again.

import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { type AnyResource, appliedKinds } from '../../shared/intent/resource.ts'
import { encodeCanonicalText } from '../../shared/record/canonical.ts'
import type { Actor } from '../audit.ts'
import type { Hub } from '../hub.ts'
import { type Cluster, type ClusterObject, finalizer } from './cluster.ts'
import { contentOf, keyOf, readObjects, resourceKey } from './cluster-intent.ts'
import { clusterStatus } from './cluster-status.ts'
import { type DeriveOptions, isDerived } from './derived/derived.ts'
import { createDerivedSync, type DerivedTurn } from './derived/sync.ts'
import { createImportPublisher } from './imports/publisher.ts'
import { createUplinkPublisher } from './uplink/publisher.ts'
import { inTurns, isStale, unlessStale } from './writes.ts'

export interface ControllerOptions {
  readonly derive: DeriveOptions
  /** Nodes of the cluster itself get labels that tell of the uplinks of devices, too. */
  readonly nodeLabels?: () => boolean
  /** Under whose name the audit log has what it does; `kubernetes` where absent. */
  readonly actor?: Actor
  readonly hub: Pick<Hub, 'delete' | 'get' | 'list' | 'note' | 'put' | 'putAll' | 'watch'>
  /** What the cluster's objects are set against, where that is not what it may change. */
  readonly fleet?: Pick<Hub, 'list'>
  /** What devices have said last, where it may be told there. */
  readonly reports?: Pick<Hub, 'fleet'>
  readonly cluster: Cluster
  readonly clock: Clock
  readonly log: Log
}

export interface Controller {
  start(): void
  stop(): Promise<void>
}

/** Changes come in bursts: `kubectl apply` of a directory is one revision and not ten. */
const GATHER_MS = 200
/** Reports of a thousand devices change the status of every object; people read it once a second at best. */
const STATUS_MS = 1_000
/** After writes that failed, doubled each time. */
const AGAIN_MS = 1_000
const AGAIN_MAX_MS = 60_000
const own: Actor = { name: 'kubernetes', role: 'admin' }

type Faults = Map<string, HoldfastError>

/** The cluster at one look. */
interface Seen {
  readonly objects: readonly ClusterObject[]
  readonly derived: DerivedTurn
  readonly faults: Faults
}

export function createController(options: ControllerOptions): Controller {
  const { actor = own, clock, cluster, fleet = options.hub, hub, log } = options
  const following = createDerivedSync({ ...options, actor, fleet })
  const uplinks = createUplinkPublisher({ ...options, fleet, nodeLabels: options.nodeLabels ?? (() => false) })
  const imports = createImportPublisher({ ...options, fleet, network: options.derive.network })
  let [running, busy, isAwaited] = [false, Promise.resolve(), false]
  let seen: Seen | undefined
  const goesOn = (): boolean => running
  let [timer, unwatch]: [Timer | undefined, (() => void) | undefined] = [undefined, undefined]
  let [statusAt, againMs, dueAt] = [Number.NEGATIVE_INFINITY, AGAIN_MS, Number.POSITIVE_INFINITY]

  const everyShown = () => appliedKinds.flatMap((kind) => hub.list(kind))
  const everything = () => everyShown().map(({ resource }) => resource)

  const takeOne = (resource: AnyResource, faults: Faults): boolean => {
    try {
      hub.put(resource, actor)
      return true
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
      faults.set(resourceKey(resource), error)
      return false
    }
  }

  /** All at once, so that they are one revision; where that can't be, each for itself, until no more can be taken. */
  const take = (all: readonly AnyResource[], faults: Faults): void => {
    const held = new Map(everything().map((resource) => [resourceKey(resource), resource]))
    const resources = all.filter((resource) => {
      const before = held.get(resourceKey(resource))
      return before === undefined || contentOf(before) !== contentOf(resource)
    })
    try {
      if (resources.length > 0) hub.putAll(resources, actor)
      return
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
    }
    for (let left = resources; ; ) {
      const refused = left.filter((resource) => !takeOne(resource, faults))
      if (refused.length === left.length || refused.length === 0) return
      for (const resource of refused) faults.delete(resourceKey(resource))
      left = refused
    }
  }

  /** Members go before the network that they belong to. */
  const dismiss = async ({ faults, objects }: Seen): Promise<void> => {
    const leaving = objects.filter(({ finalizers, isLeaving }) => isLeaving && finalizers.includes(finalizer))
    const order = [...leaving].sort((a, b) => appliedKinds.indexOf(b.kind) - appliedKinds.indexOf(a.kind))
    for (const object of order) {
      // By what is known now: what it follows from may have come back while others were written.
      const isDismissed = seen?.derived.isDismissed(object)
      if (isDismissed === undefined || !running) continue
      try {
        if (isDismissed) hub.delete(object.kind, object.name, actor)
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error
        faults.set(keyOf(object), error)
        continue
      }
      await cluster.putFinalizers(
        object,
        object.finalizers.filter((one) => one !== finalizer),
      )
    }
  }

  /** What the hub has and the cluster has not; and, of what follows from other objects, what differs. */
  const write = async (objects: readonly ClusterObject[]): Promise<void> => {
    const there = new Map(objects.map((object) => [keyOf(object), object]))
    const { resources } = readObjects(objects)
    const said = new Map(resources.map((resource) => [resourceKey(resource), resource]))
    await inTurns(everything(), goesOn, async (resource) => {
      const [object, before] = [there.get(resourceKey(resource)), said.get(resourceKey(resource))]
      if (object === undefined) {
        log.debug('writes into the cluster what the hub has', { object: resourceKey(resource) })
        await unlessStale(cluster.create(following.bare(resource)))
      } else if (
        isDerived(resource) &&
        !object.isLeaving &&
        (before === undefined || contentOf(before) !== contentOf(resource))
      )
        await unlessStale(cluster.update(resource))
    })
  }

  const hold = (objects: readonly ClusterObject[]): Promise<void> => {
    const loose = objects.filter(({ finalizers, isLeaving }) => !isLeaving && !finalizers.includes(finalizer))
    return inTurns(loose, goesOn, (object) => cluster.putFinalizers(object, [...object.finalizers, finalizer]))
  }

  const tellStatus = async (objects: readonly ClusterObject[], faults: Faults): Promise<void> => {
    // All at once: each by itself would count the fleet for each.
    const shown = new Map(everyShown().map((one) => [resourceKey(one.resource), one]))
    await inTurns(objects, goesOn, async (object) => {
      const key = keyOf(object)
      const status = clusterStatus(object, shown.get(key), faults.get(key), clock.now(), following.accepted(key))
      if (object.status !== undefined && encodeCanonicalText(object.status) === encodeCanonicalText(status)) return
      await unlessStale(cluster.putStatus(object, status))
    })
  }

  /** Takes what the cluster says, in one go: nothing that is written there keeps a policy waiting. */
  const look = (): void => {
    const objects = cluster.objects()
    if (objects === undefined) return
    const derived = following.read(objects)
    const { faults: unread, resources } = readObjects(derived.written)
    const faults: Faults = new Map(unread)
    take([...resources.map((one) => derived.complete(one)), ...derived.put], faults)
    following.close(derived, faults)
    seen = { objects, derived, faults }
  }

  /** Writes there what became of it. */
  const answer = async (): Promise<void> => {
    const now = seen
    // A cluster that is not heard any more is not written to either.
    if (now === undefined || cluster.objects() === undefined) return
    const { derived, faults, objects } = now
    await derived.retire(goesOn)
    await dismiss(now)
    await write(objects)
    await hold(objects)
    const waitMs = statusAt + STATUS_MS - clock.monotonic()
    if (waitMs > 0) return plan(waitMs)
    statusAt = clock.monotonic()
    await tellStatus(objects, faults)
    const told = [await following.tell(goesOn), await imports.tell(goesOn), await uplinks.tell(objects, goesOn)]
    for (const moreMs of told) if (moreMs > 0) plan(moreMs)
  }

  const again = (error: unknown): void => {
    if (!isStale(error)) {
      log.warn('the hub and the cluster do not agree yet; tries again', {
        why: describeError(error),
        againS: againMs / 1_000,
      })
    }
    plan(againMs)
    againMs = Math.min(AGAIN_MAX_MS, 2 * againMs)
  }

  const run = async (): Promise<void> => {
    isAwaited = false
    if (!running) return
    try {
      await answer()
      againMs = AGAIN_MS
    } catch (error) {
      again(error)
    }
  }

  const turn = (): void => {
    dueAt = Number.POSITIVE_INFINITY
    if (!running) return
    try {
      look()
    } catch (error) {
      again(error)
    }
    if (isAwaited) return
    isAwaited = true
    busy = busy.then(run)
  }

  const plan = (delayMs: number): void => {
    const at = clock.monotonic() + delayMs
    if (!running || at >= dueAt) return
    timer?.cancel()
    dueAt = at
    timer = clock.after(delayMs, turn)
  }

  return {
    start() {
      running = true
      unwatch = hub.watch(() => plan(GATHER_MS))
      cluster.start(() => plan(GATHER_MS))
    },
    async stop() {
      running = false
      timer?.cancel()
      unwatch?.()
      await busy
      await cluster.stop()
    },
  }
}
