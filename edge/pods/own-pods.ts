// The pods behind this node: read from its cluster, kept for a start without it, told to others. An API server that is silent
// removes nobody.
//
// Policy on this node follows a change after a moment in which changes are gathered. Others are told at once where nothing was
// told for a while, and else at a pace that follows from how much there is to tell: the fact goes to every member.

import type { Cidr } from '../../shared/address/cidr.ts'
import { type Clock, type Entropy, type Log, type Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { Namespace, PodTable } from '../../shared/fact/pod-table.ts'
import { podsIn, succeedPods } from '../../shared/fact/pod-table.ts'
import type { Health } from '../report/health.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { Store } from '../store/store.ts'
import type { ClusterDoor, PodDoors } from './doors.ts'
import { keepPods, recallPods } from './kept.ts'
import { type LocalPods, localPods } from './local-pods.ts'
import { objectKey, readNamespace, readPod, type SeenPod } from './objects.ts'
import { createReflector, type Reflector } from './reflector.ts'
import type { KubernetesView } from './view.ts'

export interface OwnPodsOptions {
  readonly doors: PodDoors | undefined
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly health: Pick<Health, 'raise' | 'clear'>
  readonly keep: Pick<Keepsakes, 'attempt' | 'write'>
  readonly store: Pick<Store, 'get' | 'set'>
  /** Blocks behind this node, by intent. */
  readonly advertise: () => readonly Cidr[]
  /** The pods, or what is told of them, are others now. */
  readonly onChange: () => void
}

export interface OwnPods {
  /** This node looks at a cluster. */
  readonly isRead: boolean
  /** As this node judges by now; undefined where it looks at no cluster. */
  table(): PodTable | undefined
  /** Rises when they change, but for whether they are ready. */
  revision(): number
  /** As others are told. */
  told(): PodTable | undefined
  toldRevision(): number
  view(): KubernetesView | undefined
  /** What the last run kept. */
  load(): void
  start(): void
  /** The own record may be another. */
  follow(): void
  stop(): void
}

/** Changes of one moment are one change; more pods take longer to look through, and are looked at more seldom. */
const GATHER_MS = 100
const GATHER_MS_PER_POD = 0.2
/** So many may follow quickly, each on account of a later one: a pod that is deleted and made anew is two changes. */
const TELLS_AHEAD = 2
/** Between two facts about pods, and so much more for each KiB of them: 5,000 pods are told at most every half minute. */
const TELL_MS = 2_000
const TELL_MS_PER_KIB = 1_000
/** A server that is restarted is no news. */
const AWAY_MS = 30_000

interface Cluster {
  readonly door: ClusterDoor
  readonly pods: Reflector<SeenPod>
  readonly namespaces: Reflector<Namespace>
}

function openCluster(
  { clock, entropy }: OwnPodsOptions,
  { node }: PodDoors,
  door: ClusterDoor,
  onChange: () => void,
): Cluster {
  const shared = { door, clock, entropy, keyOf: objectKey, onChange }
  const query = node === undefined ? {} : { query: `fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}` }
  return {
    door,
    pods: createReflector({ ...shared, ...query, path: '/api/v1/pods', resource: 'pods', read: readPod }),
    namespaces: createReflector({ ...shared, path: '/api/v1/namespaces', resource: 'namespaces', read: readNamespace }),
  }
}

const NO_PODS: Pick<LocalPods, 'told' | 'named' | 'leftOut' | 'elsewhere' | 'doubled'> = {
  told: 0,
  named: 0,
  leftOut: 0,
  elsewhere: 0,
  doubled: 0,
}

export function createOwnPods(options: OwnPodsOptions): OwnPods {
  const { clock, doors, health, keep, log, store } = options
  let cluster: Cluster | undefined
  let running = false
  let table: PodTable | undefined
  let told: PodTable | undefined
  let counts = NO_PODS
  let [revision, toldRevision] = [0, 0]
  /** When the next fact would be told at an even pace (generic cell rate algorithm, ITU-T I.371 annex A). */
  let evenAt = Number.NEGATIVE_INFINITY
  let kept: PodTable | undefined
  let advertised: readonly Cidr[] = []
  let lastFailure: string | undefined
  const timers: { gather?: Timer | undefined; tell?: Timer | undefined } = {}

  const later = (which: keyof typeof timers, delayMs: number, run: () => void): void => {
    timers[which] ??= clock.after(Math.max(0, delayMs), () => {
      timers[which] = undefined
      if (running) run()
    })
  }

  const keepNow = (): void => {
    if (table === undefined || table === kept || doors === undefined) return
    const now = table
    if (keep.write('keep the pods', () => keepPods(store, doors.source, now, clock.now()))) kept = now
  }

  const paceMs = (): number => TELL_MS + (JSON.stringify(table ?? '').length / 1_024) * TELL_MS_PER_KIB

  const tellNow = (): void => {
    if (told === table) return
    // At the same pace: what others were told holds here too after a power cut, and flash is spared.
    keepNow()
    told = table
    toldRevision += 1
    evenAt = Math.max(clock.monotonic(), evenAt) + paceMs()
    options.onChange()
  }

  const spread = (): void => later('tell', evenAt - TELLS_AHEAD * paceMs() - clock.monotonic(), tellNow)

  /** Labels of namespaces that can't be read are those that were known, which are none at first. */
  const namespacesNow = (): Iterable<Namespace> => {
    const listed = cluster?.namespaces
    if (listed !== undefined && listed.state().heardAt !== undefined) return listed.objects.values()
    const known = table === undefined ? [] : podsIn(table)
    return known.map(({ namespace, namespaceLabels }) => ({ name: namespace, labels: namespaceLabels }))
  }

  const isKnown = ({ namespaces, pods }: Cluster): boolean =>
    pods.state().heardAt !== undefined &&
    (namespaces.state().heardAt !== undefined || namespaces.state().failure !== undefined)

  const gatherNow = (): void => {
    if (cluster === undefined || !isKnown(cluster)) return
    const { table: found, ...rest } = localPods(cluster.pods.objects.values(), namespacesNow(), options.advertise())
    counts = rest
    const next = succeedPods(found, table)
    if (next === table) return
    if (table === undefined) log.info('pods behind this node are known', { pods: rest.told })
    // Who is ready is nothing to policy.
    if (table === undefined || podsIn(table) !== podsIn(next)) revision += 1
    table = next
    options.onChange()
    spread()
  }

  const failureNow = (): string | undefined => {
    const found = cluster?.pods.state().failure ?? cluster?.namespaces.state().failure
    return found === undefined ? undefined : describeError(found)
  }

  const tellFailure = (): void => {
    const failure = failureNow()
    if (failure === lastFailure) return
    if (failure === undefined) {
      health.clear('kubernetes-unread')
      log.info('the API server of the cluster is heard')
    } else {
      health.raise('kubernetes-unread', failure, { afterMs: AWAY_MS })
      if (lastFailure === undefined) log.warn('the API server of the cluster is not heard', { why: failure })
    }
    lastFailure = failure
    options.onChange()
  }

  const onChange = (): void => {
    if (!running) return
    tellFailure()
    later('gather', GATHER_MS + (cluster?.pods.objects.size ?? 0) * GATHER_MS_PER_POD, gatherNow)
  }

  const open = async ({ open: openDoor, ...rest }: PodDoors): Promise<void> => {
    const door = await openDoor()
    if (!running) return door.close()
    cluster = openCluster(options, { ...rest, open: openDoor }, door, onChange)
    cluster.namespaces.start()
    cluster.pods.start()
    return undefined
  }

  const view = ({ node, source }: PodDoors): KubernetesView => {
    const { pods } = cluster ?? {}
    const { heardAt, unreadable = 0 } = pods?.state() ?? {}
    const failure = failureNow()
    const { doubled, elsewhere, leftOut, named, told: count } = counts
    return {
      source,
      ...(node === undefined ? {} : { node }),
      state: heardAt === undefined || pods?.state().failure !== undefined ? 'waiting' : 'reading',
      ...(heardAt === undefined ? {} : { heardAgoS: Math.floor((clock.monotonic() - heardAt) / 1_000) }),
      pods: count,
      named,
      leftOut,
      elsewhere,
      doubled,
      unreadable: unreadable + (cluster?.namespaces.state().unreadable ?? 0),
      ...(failure === undefined ? {} : { failure }),
    }
  }

  return {
    isRead: doors !== undefined,
    table: () => table,
    revision: () => revision,
    told: () => told,
    toldRevision: () => toldRevision,
    view: () => (doors === undefined ? undefined : view(doors)),
    load() {
      if (doors === undefined) return
      keep.attempt('pods', () => {
        const last = recallPods(store, doors.source)
        if (last === undefined) return
        table = last.table
        told = table
        kept = table
        counts = { ...NO_PODS, told: podsIn(table).length, named: podsIn(table).length }
        revision += 1
        toldRevision += 1
      })
    },
    start() {
      if (doors === undefined || running) return
      running = true
      open(doors).catch((error: unknown) => log.error('the cluster is not looked at', { why: describeError(error) }))
    },
    follow() {
      const now = options.advertise()
      if (now === advertised) return
      advertised = now
      onChange()
    },
    stop() {
      running = false
      for (const timer of Object.values(timers)) timer?.cancel()
      cluster?.pods.stop()
      cluster?.namespaces.stop()
      cluster?.door.close()
      if (table !== kept) keepNow()
    },
  }
}
