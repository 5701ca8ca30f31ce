// One of several hubs on the same state: it waits for the lease, takes the state over, and serves until it loses the lease or is
// told to stop. It never goes back to waiting: a hub that has led and does not any more ends, and starts anew as one that waits.

import { join } from 'node:path'
import type { Clock, Timer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { base32 } from '../../shared/ids.ts'
import { dataPaths, lockDirectory } from '../serve/data-directory.ts'
import type { HttpsServer } from '../serve/https-server.ts'
import { type Server, type ServerEffects, startServer } from '../serve/server.ts'
import type { ServeSettings } from '../serve/settings.ts'
import type { ClusterStore } from './cluster-store.ts'
import { createElector, type Elector } from './elector.ts'
import { createJournal } from './journal.ts'
import { createKeeping, type Keeping, type ReplicaStatus } from './keeping.ts'
import { readKeyFiles } from './key-files.ts'
import { markMirrored } from './lay-state.ts'
import { forgetLeader, noteLeader } from './leader-note.ts'
import { leaseTimes, type SeenLease } from './lease.ts'
import { createMirror, type Mirror } from './mirror.ts'
import { patientStore } from './patience.ts'
import { createStateCopy, type StateCopy } from './state-copy.ts'
import { examine, type TakenOver, takeOver } from './take-over.ts'
import { openWaitingRoom } from './waiting-room.ts'

export interface ReplicaOptions {
  readonly settings: ServeSettings
  readonly effects: ServerEffects
  readonly store: ClusterStore
  /** Names of the state's objects begin with it. */
  readonly base: string
  /** Of the pod, or of the machine. */
  readonly name: string
  /** Where the Service is to lead; undefined where it is somebody else's to say. */
  readonly address: string | undefined
  /** Of the cluster, where it runs in a pod. */
  readonly node?: string | undefined
  readonly onServing: (server: Server) => void
}

export interface Replica {
  /** Resolves with the reason when it ends by itself; `stop` is still to be called. */
  readonly ended: Promise<HoldfastError>
  stop(): Promise<void>
}

/** A Service whose endpoint somebody took away leads here again after this. */
const ENDPOINT_AGAIN_MS = 60_000
const ENDPOINT_RETRY_MS = 2_000
const INSPECT_MS = 60_000
/** What is under way when it is told to stop. */
const LAST_WORDS_MS = 1_000

function lost(reason: string): HoldfastError {
  return new HoldfastError('conflict', `this hub does not lead any more: ${reason}`, {
    remedy: 'It is started anew by whoever keeps it running, and then waits for its turn. Devices go to who leads.',
  })
}

function unable(error: unknown): HoldfastError {
  const { code, remedy } = error instanceof HoldfastError ? error : lost('it failed')
  const why = `this replica can’t lead: ${error instanceof Error ? error.message : String(error)}`
  return new HoldfastError(code, why, { cause: error, ...(remedy === undefined ? {} : { remedy }) })
}

/** Keeps the Service leading here while `leads`. Returns how to end it. */
function holdEndpoint(options: ReplicaOptions, server: Server, leads: () => boolean): () => void {
  const { address, effects, node, store } = options
  let [timer, stopped]: [Timer | undefined, boolean] = [undefined, false]
  const { https, mqtt } = server.ports
  const ports = [
    { name: 'https', port: https },
    { name: 'mqtts', port: mqtt },
  ]
  const put = async (): Promise<void> => {
    if (address === undefined || stopped) return
    let againMs = ENDPOINT_AGAIN_MS
    try {
      if (leads()) await store.putEndpoint({ address, node, ports })
    } catch (error) {
      effects.log.warn('the Service can’t be led here; tries again', { why: describeError(error) })
      againMs = ENDPOINT_RETRY_MS
    }
    if (!stopped) timer = effects.clock.after(againMs, () => void put())
  }
  void put()
  return () => {
    stopped = true
    timer?.cancel()
  }
}

/** Each minute, until it ends: what is missing then could not be taken over. */
function inspectOften(mirror: Mirror, clock: Clock): void {
  clock.after(INSPECT_MS, () => {
    if (mirror.isOut) return
    mirror.inspect()
    inspectOften(mirror, clock)
  })
}

interface Following {
  /** Why this replica could not take over; undefined where it could. */
  problem(): string | undefined
  /** Reads what is new of the state, if `lease` says that there is any. */
  look(lease: SeenLease | undefined): Promise<void>
}

/** A follower keeps up, so that it knows at any time whether it could go on. */
function follow(copy: StateCopy, { effects, settings }: ReplicaOptions, onReady: () => void): Following {
  const { log } = effects
  let problem: string | undefined = 'the state of the hub was not read yet'
  let reading = false
  return {
    problem: () => problem,
    async look(lease) {
      if (reading || (problem === undefined && lease?.generation === copy.generation)) return
      reading = true
      const before = problem
      try {
        problem = await examine(copy, settings.data, lease)
        if (problem !== undefined && problem !== before) log.error('this replica could not take over', { why: problem })
        if (problem === undefined && before !== undefined) onReady()
      } catch (error) {
        problem = `the state of the hub can’t be read: ${describeError(error)}`
      } finally {
        reading = false
      }
    },
  }
}

export async function startReplica(options: ReplicaOptions): Promise<Replica> {
  const { base, effects, name, onServing, settings } = options
  const { clock, entropy, log } = effects
  const store = patientStore(options.store, clock)
  const me = `${name}_${base32(entropy.bytes(5), 8)}`
  const writer = base32(entropy.bytes(17), 26)
  const copy = createStateCopy(store, base)
  const release = lockDirectory(dataPaths(settings.data))
  noteLeader(settings.data, '')
  let mirror: Mirror | undefined
  let server: Server | undefined
  let room: HttpsServer | undefined
  let [isLeading, stopped] = [false, false]
  let leaders: (() => void)[] = []
  let leaveEndpoint = (): void => undefined
  let taking: Promise<void> = Promise.resolve()
  let end: (error: HoldfastError) => void
  const ended = new Promise<HoldfastError>((resolve) => (end = resolve))

  const following = follow(copy, options, () => {
    log.info('this replica is ready to take over', { generation: copy.generation })
    elector.wake()
  })

  const elector: Elector = createElector({
    me,
    times: leaseTimes(settings.leaseS),
    store,
    clock,
    entropy,
    log,
    mayLead: () => following.problem() === undefined,
    generation: () => mirror?.generation ?? elector.lease()?.generation ?? 0,
    onSeen() {
      if (isLeading) {
        if (elector.standing() !== 'leads') return
        for (const tell of leaders.splice(0)) tell()
        void mirror?.look().catch(() => undefined)
        return
      }
      noteLeader(settings.data, elector.lease()?.holder ?? '')
      if (!stopped) void following.look(elector.lease())
    },
    onLead() {
      isLeading = true
      log.info('leads from now on', { name: me })
      taking = lead().catch((error: unknown) => end(unable(error)))
    },
    onLost: (reason) => end(lost(reason)),
  })

  const status = (): ReplicaStatus => {
    const lease = elector.lease()
    const leads = elector.standing() === 'leads'
    const generation = mirror?.generation ?? copy.generation
    const isSettled = mirror?.isSettled ?? true
    return { name: me, leader: lease?.holder ?? '', leads, generation, isSettled, transitions: lease?.transitions ?? 0 }
  }

  const leading = (): Promise<void> =>
    elector.standing() === 'leads' ? Promise.resolve() : new Promise((resolve) => void leaders.push(resolve))

  const keep = ({ buckets, claimed, layout }: TakenOver): { keeping: Keeping; mirror: Mirror } => {
    const journal = createJournal(buckets, () => made.touched())
    const files = () => readKeyFiles(settings.data)
    const onFenced = (reason: string): void => end(lost(reason))
    const holdsLease = async () => elector.standing() === 'leads' && (await store.readLease())?.holder === me
    const made = createMirror({ store, base, writer, claimed, journal, files, clock, log, holdsLease, onFenced })
    const standing = () => elector.standing()
    const keeping = createKeeping({ journal, mirror: made, mirrored: layout, standing, status, leading, clock })
    return { keeping, mirror: made }
  }

  const lead = async (): Promise<void> => {
    const taken = await takeOver({ store, copy, base, writer, directory: settings.data, log }, elector.lease())
    await room?.close()
    room = undefined
    if (stopped) return
    const kept = keep(taken)
    mirror = kept.mirror
    release()
    forgetLeader(settings.data)
    server = await startServer(settings, effects, kept.keeping)
    // Too late for whoever stops it: nothing was said by then, for nothing was settled.
    if (stopped) return server.stop()
    await mirror.settled()
    markMirrored(settings.data)
    inspectOften(mirror, clock)
    leaveEndpoint = holdEndpoint(options, server, () => elector.standing() === 'leads')
    onServing(server)
  }

  room = await openWaitingRoom({
    settings,
    clock,
    entropy,
    log,
    leader: () => elector.lease()?.holder ?? '',
    problem: () => (isLeading ? undefined : following.problem()),
  })
  elector.start()
  log.info('waits for its turn to lead', { name: me, data: join(settings.data) })

  return {
    ended,
    async stop() {
      stopped = true
      leaveEndpoint()
      const patience = new Promise<void>((resolve) => void clock.after(LAST_WORDS_MS, resolve))
      await Promise.race([taking, patience])
      if (mirror !== undefined) await Promise.race([mirror.look().catch(() => undefined), patience])
      await server?.stop()
      await room?.close()
      mirror?.close()
      await elector.stop()
      release()
    },
  }
}
