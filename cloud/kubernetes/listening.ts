// Follows kinds of a cluster with the client library's informers: each is listed and watched by itself, listed anew after
// whatever interrupted it, and tried ever more seldom while the API server is away.

import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Informer,
  type KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
  type ObjectCache,
} from '@kubernetes/client-node'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { clusterError } from './cluster-error.ts'

/** Between two tries to listen again, doubled each time. */
const AGAIN_MS = 1_000
const AGAIN_MAX_MS = 30_000
const JITTER = 0.3
/** Between two looks whether a kind is known by now: one small question. */
const UNSERVED_MS = 10_000

/** An object as the API server gives it. */
export interface Loose extends KubernetesObject {
  readonly spec?: unknown
  readonly status?: unknown
}

type Listener = Informer<Loose> & ObjectCache<Loose>

export interface Followed {
  /** For people and as a key. */
  readonly kind: string
  /** Of all its objects, in the whole cluster; asked for before each try where clusters differ in it. */
  readonly path: string | (() => Promise<string>)
  readonly list: () => Promise<KubernetesListObject<Loose>>
  /** The cluster may not know the kind; that is then no failure. */
  readonly isOptional: boolean
  /** It is asked for in place of another, and nobody misses it. */
  readonly isFallback?: boolean
  /** What others report of it is not of interest: the images of a Node weigh more than all that we read of it. */
  readonly isBare: boolean
}

interface Heavy {
  metadata?: { managedFields?: unknown }
  status?: unknown
}

/** Drops what is only kept: of thousands of objects it is most of the memory. */
function lighten(object: Heavy, isBare: boolean): void {
  delete object.metadata?.managedFields
  if (isBare) delete object.status
}

export interface Listening {
  start(onChange: () => void): void
  stop(): Promise<void>
  /** As last heard; undefined until it was listed once. */
  of(kind: string): readonly Loose[] | 'unserved' | undefined
}

export interface ListeningOptions {
  readonly config: KubeConfig
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export function createListening(kinds: readonly Followed[], options: ListeningOptions): Listening {
  const { clock, config, entropy, log } = options
  const listeners = new Map<string, Listener | 'unserved'>()
  const silent = new Set<string>()
  let stopped = new AbortController()

  const end = async (kind: string): Promise<void> => {
    const held = listeners.get(kind)
    if (held !== 'unserved') await held?.stop()
  }

  /** Lists and watches until that fails. */
  const follow = ({ isBare, kind, list }: Followed, path: string, onChange: () => void): Promise<unknown> =>
    new Promise((resolve) => {
      const informer: Listener = makeInformer<Loose>(config, path, async () => {
        const all = await list()
        for (const one of all.items) lighten(one, isBare)
        // What the one before it knew held until now.
        if (listeners.get(kind) !== informer) void end(kind)
        listeners.set(kind, informer)
        if (silent.delete(kind)) log.info('the API server is heard again', { kind })
        onChange()
        return all
      })
      for (const verb of ['add', 'update'] as const) informer.on(verb, (one) => lighten(one, isBare))
      informer.on('change', onChange)
      informer.on('error', resolve)
      stopped.signal.addEventListener('abort', resolve, { once: true })
      void informer.start()
    })

  const miss = ({ isFallback = false, kind }: Followed, onChange: () => void): void => {
    if (listeners.get(kind) === 'unserved') return
    if (!isFallback) log.info('the cluster does not know a kind; looked for again from time to time', { kind })
    void end(kind)
    listeners.set(kind, 'unserved')
    onChange()
  }

  const listen = async (followed: Followed, onChange: () => void): Promise<void> => {
    const { isOptional, kind } = followed
    for (let againMs = AGAIN_MS; !stopped.signal.aborted; againMs = Math.min(AGAIN_MAX_MS, 2 * againMs)) {
      const startedAt = clock.monotonic()
      const { path } = followed
      const where = typeof path === 'string' ? path : await path().catch(clusterError)
      const error = typeof where === 'string' ? clusterError(await follow(followed, where, onChange)) : where
      if (stopped.signal.aborted) return
      const isUnserved = isOptional && isHoldfastError(error, 'not-found')
      if (isUnserved) miss(followed, onChange)
      else {
        if (!silent.has(kind))
          log.warn('the API server is not heard; the network goes on as it is', { kind, why: error.message })
        silent.add(kind)
      }
      if (isUnserved || clock.monotonic() - startedAt > AGAIN_MAX_MS) againMs = AGAIN_MS
      const waitMs = (isUnserved ? UNSERVED_MS : againMs) * (1 - JITTER * entropy.fraction())
      await sleep(waitMs, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined)
    }
  }

  return {
    start(onChange) {
      stopped = new AbortController()
      for (const followed of kinds) void listen(followed, onChange)
    },
    async stop() {
      stopped.abort()
      await Promise.all([...listeners.keys()].map(end))
      listeners.clear()
    },
    of(kind) {
      const held = listeners.get(kind)
      return held === 'unserved' ? held : held?.list()
    },
  }
}
