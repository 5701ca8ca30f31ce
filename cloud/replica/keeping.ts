// What stands between a hub and everybody else where it shares its state with other replicas: nothing that it has not brought
// into the cluster is said to devices, to people, or to the cluster, and nothing new is taken in while it can't say whether it
// leads.

import type Database from 'better-sqlite3'
import type { Bus, BusFactory, Clock } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseChunk } from '../../shared/wire/sync.ts'
import { parseTopic } from '../../shared/wire/topics.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import type { Journal } from './journal.ts'
import type { Standing } from './lease.ts'
import type { Mirror } from './mirror.ts'
import type { DatabaseName } from './rows.ts'

/** How this hub stands among its replicas. */
export interface ReplicaStatus {
  readonly name: string
  readonly leader: string
  readonly leads: boolean
  /** Of the state in the cluster. */
  readonly generation: number
  /** All that was committed here is in the cluster. */
  readonly isSettled: boolean
  /** How often the lease went from one replica to another. */
  readonly transitions: number
}

export interface Keeping {
  /** Sees each connection to a database before the first change. */
  follow(name: DatabaseName, database: Database.Database): void
  /** Keys and databases are open. */
  begin(): void
  /** Before something new is taken in. Throws `unreachable` while it can't be told whether this hub leads. */
  admit(): void
  /** Before an answer is given for what was taken in. Rejects with `unreachable` where that takes too long. */
  settled(): Promise<void>
  bus(factory: BusFactory): BusFactory
  /** For the connection that says who may speak at an outside broker: it is up only while this hub leads. */
  administration(factory: BusFactory): BusFactory
  cluster(cluster: Cluster): Cluster
  status(): ReplicaStatus
}

export interface KeepingOptions {
  readonly journal: Journal
  readonly mirror: Mirror
  /** Layouts of the rows in the cluster, which are those of the databases as they are opened; undefined where there are none. */
  readonly mirrored: Readonly<Record<DatabaseName, number>> | undefined
  readonly standing: () => Standing
  readonly status: () => ReplicaStatus
  /** Resolves when this hub leads, as soon as it does. */
  readonly leading: () => Promise<void>
  readonly clock: Clock
}

/** Less than people's tools and devices wait for an answer. */
const ANSWER_MS_MAX = 8_000

function unsure(): HoldfastError {
  return new HoldfastError('unreachable', 'this hub can’t reach the API server that it keeps its state in', {
    remedy: 'Nothing was changed. The network goes on as it is; try again when the cluster’s API server answers.',
  })
}

function noLonger(): HoldfastError {
  return new HoldfastError('unreachable', 'this hub does not lead any more')
}

function late(): HoldfastError {
  return new HoldfastError('unreachable', `the cluster has not taken the change in ${ANSWER_MS_MAX / 1_000} s`, {
    remedy: 'It takes effect if the cluster answers in time, and else was never there: look, then try again.',
  })
}

/** Presence of the hub, and what it has of a device's record of flows: neither says anything of the state. */
function isFree(topic: string, payload: Uint8Array): boolean {
  const parsed = parseTopic(topic)
  if (parsed?.type === 'hub') return true
  return parsed?.type === 'rsp' && parseChunk(payload).kind === 'ledger'
}

/** Nothing is written there that the next leader might not know of: a deletion that is confirmed is never undone. */
function settledCluster(cluster: Cluster, settled: () => Promise<void>): Cluster {
  return {
    start: (onChange) => cluster.start(onChange),
    stop: () => cluster.stop(),
    objects: () => cluster.objects(),
    inputs: () => cluster.inputs(),
    isThere: (ref) => cluster.isThere(ref),
    tell: (object, event) => cluster.tell(object, event),
    putConditions: (object, conditions) => settled().then(() => cluster.putConditions(object, conditions)),
    putInputStatus: (object, status) => settled().then(() => cluster.putInputStatus(object, status)),
    putLabels: (object, labels) => settled().then(() => cluster.putLabels(object, labels)),
    putImport: (write) => settled().then(() => cluster.putImport(write)),
    putFinalizers: (object, finalizers) => settled().then(() => cluster.putFinalizers(object, finalizers)),
    putStatus: (object, status) => settled().then(() => cluster.putStatus(object, status)),
    create: (resource) => settled().then(() => cluster.create(resource)),
    update: (resource) => settled().then(() => cluster.update(resource)),
    remove: (kind, name) => settled().then(() => cluster.remove(kind, name)),
  }
}

export function createKeeping(options: KeepingOptions): Keeping {
  const { clock, journal, leading, mirror, standing } = options

  const gate = (bus: Bus): Bus => ({
    start: (handlers) => bus.start(handlers),
    async publish(message) {
      // Not even its goodbye: another one is there.
      if (mirror.isOut || standing() === 'lost') throw noLonger()
      if (!isFree(message.topic, message.payload)) {
        await mirror.settled()
        // A broker beside the hub may have been given newer words by another one meanwhile, and keeps what is said last.
        // Answers are the asker's alone, who takes none that are older than what it has.
        if (parseTopic(message.topic)?.type !== 'rsp') await leading()
      }
      return bus.publish(message)
    },
    nudge: () => bus.nudge(),
    nextTryInMs: () => bus.nextTryInMs(),
    close: () => bus.close(),
  })

  /** What it would take back of a device that it has never heard of may have joined at the hub that leads. */
  const administer = (bus: Bus): Bus => ({
    start(handlers) {
      let connections = 0
      bus.start({
        onUp() {
          const own = ++connections
          void leading().then(() => own === connections && handlers.onUp())
        },
        onDown(...words) {
          connections += 1
          handlers.onDown(...words)
        },
        onMessage: (topic, payload) => handlers.onMessage(topic, payload),
      })
    },
    publish: (message) => bus.publish(message),
    nudge: () => bus.nudge(),
    nextTryInMs: () => bus.nextTryInMs(),
    close: () => bus.close(),
  })

  return {
    follow: (name, database) => journal.follow(name, database, options.mirrored?.[name]),
    begin: () => mirror.begin(),
    admit() {
      if (standing() !== 'leads') throw unsure()
    },
    settled: () =>
      new Promise((resolve, reject) => {
        const timer = clock.after(ANSWER_MS_MAX, () => reject(late()))
        mirror
          .settled()
          .then(resolve, reject)
          .finally(() => timer.cancel())
      }),
    bus: (factory) => (bus) => gate(factory(bus)),
    administration: (factory) => (bus) => administer(factory(bus)),
    cluster: (cluster) => settledCluster(cluster, () => mirror.settled()),
    status: options.status,
  }
}
