// All objects of one kind, kept as the API server has them: listed page by page, then watched from there on. What is known
// stays, whatever becomes of the server: it changes by a list that is whole, or by an event.
//
// A server that serves no pages gives all at once, and one that sends no bookmarks ends its watches when their time is up: both
// is what KubeEdge's MetaServer does.

import * as v from 'valibot'
import type { Clock, Entropy, Timer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { clusterObjectsMax, clusterPageObjects } from '../../shared/pod-limits.ts'
import type { ClusterAnswer, ClusterDoor } from './doors.ts'
import { answerFault, isGone, retryMs } from './faults.ts'

export interface ReflectorOptions<T> {
  readonly door: Pick<ClusterDoor, 'get' | 'watch'>
  readonly clock: Clock
  readonly entropy: Pick<Entropy, 'fraction'>
  /** `/api/v1/pods` */
  readonly path: string
  /** `pods`, as rules of access name it. */
  readonly resource: string
  /** Further words of the query: `fieldSelector=…`. */
  readonly query?: string
  /** By which an object is known. Throws where it has no name. */
  readonly keyOf: (object: unknown) => string
  /** Undefined for one that there is nothing to tell of; throws where it can't be read. */
  readonly read: (object: unknown) => T | undefined
  /** `objects`, `state` or both are others now. */
  readonly onChange: () => void
}

export interface ReflectorState {
  /** Monotonic milliseconds of the last whole list, or sign of life behind it; undefined before the first. */
  readonly heardAt: number | undefined
  /** Why it is not heard now. */
  readonly failure: HoldfastError | undefined
  /** Objects that could not be read. */
  readonly unreadable: number
}

export interface Reflector<T> {
  /** By key; empty before the first whole list. */
  readonly objects: ReadonlyMap<string, T>
  state(): ReflectorState
  start(): void
  stop(): void
}

/** A watch is asked for anew so often; the server spreads its load by it, too. */
const WATCH_S = 240
const WATCH_SPREAD_S = 60
/** Behind its end a watch of which nothing is heard is lost, … */
const LATE_MS = 15_000
/** … and one that sends bookmarks, a minute apart, long before. */
const SILENT_MS = 150_000
/** Servers that end each watch at once are not asked in a ring. */
const WATCH_MS_MIN = 1_000
/** Everything is listed anew so often, whatever the watches said. */
const RESYNC_MS = 6 * 3_600_000

const listSchema = v.object({
  metadata: v.optional(v.object({ resourceVersion: v.optional(v.string()), continue: v.optional(v.string()) }), {}),
  items: v.nullable(v.array(v.unknown())),
})
const eventSchema = v.object({ type: v.string(), object: v.unknown() })
const versionSchema = v.object({ metadata: v.object({ resourceVersion: v.string() }) })
const statusSchema = v.object({ code: v.optional(v.number()), message: v.optional(v.string()) })

function parseBody<S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> {
  try {
    return v.parse(schema, JSON.parse(text))
  } catch (cause) {
    throw new HoldfastError('invalid', 'what the API server says is not what one says: is it one?', { cause })
  }
}

export function createReflector<T>(options: ReflectorOptions<T>): Reflector<T> {
  const { clock, door, entropy, keyOf, onChange, path, read, resource } = options
  let objects = new Map<string, T>()
  const odd = new Set<string>()
  let failure: HoldfastError | undefined
  let heardAt: number | undefined
  let running = false
  const isRunning = (): boolean => running
  let version = ''
  let isListed = false
  let listedAt = 0
  let bookmarks = false
  let failures = 0
  let timer: Timer | undefined
  let wake: (() => void) | undefined

  const pause = (delayMs: number): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve
      timer = clock.after(delayMs, resolve)
    })

  const heard = (): void => {
    heardAt = clock.monotonic()
    failures = 0
    if (failure === undefined) return
    failure = undefined
    onChange()
  }

  const take = (into: Map<string, T>, object: unknown): void => {
    const key = keyOf(object)
    odd.delete(key)
    into.delete(key)
    try {
      const one = read(object)
      if (one !== undefined) into.set(key, one)
    } catch {
      odd.add(key)
    }
    if (into.size > clusterObjectsMax) {
      throw new HoldfastError('too-large', `the cluster has more than ${clusterObjectsMax} ${resource}`, {
        remedy: 'Name this host as a node of the cluster, so that only its pods are read: kubernetesNode.',
      })
    }
  }

  const queryOf = (...words: readonly string[]): string =>
    `${path}?${[...(options.query === undefined ? [] : [options.query]), ...words].join('&')}`

  const ask = async (words: readonly string[]): Promise<ClusterAnswer> => {
    const answer = await door.get(queryOf(...words))
    if (answer.status !== 200) throw answerFault(answer, resource, 'list')
    return answer
  }

  const list = async (): Promise<void> => {
    const next = new Map<string, T>()
    odd.clear()
    let [more, first] = ['', '']
    do {
      const from = more === '' ? [] : [`continue=${encodeURIComponent(more)}`]
      const { items, metadata } = parseBody(listSchema, (await ask([`limit=${clusterPageObjects}`, ...from])).body)
      for (const object of items ?? []) take(next, object)
      first ||= metadata.resourceVersion ?? ''
      more = metadata.continue ?? ''
    } while (more !== '' && isRunning())
    if (!running) return
    version = first
    objects = next
    isListed = true
    listedAt = clock.monotonic()
    failure = undefined
    heard()
    onChange()
  }

  const onEvent = (line: string): void => {
    if (!running || line.trim() === '') return
    const { object, type } = parseBody(eventSchema, line)
    if (type === 'ERROR') {
      const { code = 0, message = '' } = v.parse(statusSchema, object)
      throw answerFault({ status: code, body: message }, resource, 'watch')
    }
    const seen = v.safeParse(versionSchema, object)
    if (type === 'BOOKMARK') bookmarks = true
    else if (type === 'DELETED') {
      odd.delete(keyOf(object))
      if (objects.delete(keyOf(object))) onChange()
    } else {
      take(objects, object)
      onChange()
    }
    if (seen.success) version = seen.output.metadata.resourceVersion
    heard()
  }

  const watch = async (): Promise<void> => {
    const seconds = WATCH_S + Math.floor(entropy.fraction() * WATCH_SPREAD_S)
    const silenceMs = (): number => (bookmarks ? SILENT_MS : seconds * 1_000 + LATE_MS)
    const from = version === '' ? [] : [`resourceVersion=${encodeURIComponent(version)}`]
    const words = ['watch=true', 'allowWatchBookmarks=true', `timeoutSeconds=${seconds}`, ...from]
    const startedAt = clock.monotonic()
    const answer = await door.watch(queryOf(...words), { onOpen: heard, onLine: onEvent, silenceMs }).ended
    if (answer !== undefined) throw answerFault(answer, resource, 'watch')
    heard()
    // Without a version there is nothing to go on from.
    if (version === '') isListed = false
    const tookMs = clock.monotonic() - startedAt
    if (running && tookMs < WATCH_MS_MIN) await pause(WATCH_MS_MIN - tookMs)
  }

  const fail = async (error: unknown): Promise<void> => {
    if (!running) return
    if (isGone(error)) {
      // The server has forgotten what we saw last; what is known stays until the new list is whole.
      isListed = false
      if (failures === 0) {
        failures = 1
        return
      }
    }
    failures += 1
    failure = error instanceof HoldfastError ? error : new HoldfastError('failed', String(error), { cause: error })
    onChange()
    await pause(retryMs(error, failures, entropy.fraction()))
  }

  const run = async (): Promise<void> => {
    while (isRunning()) {
      try {
        const isStale = clock.monotonic() - listedAt > RESYNC_MS
        if (!isListed || isStale) await list()
        else await watch()
      } catch (error) {
        await fail(error)
      }
    }
  }

  return {
    get objects() {
      return objects
    },
    state: () => ({ heardAt, failure, unreadable: odd.size }),
    start() {
      if (running) return
      running = true
      void run()
    },
    stop() {
      running = false
      timer?.cancel()
      wake?.()
    },
  }
}
