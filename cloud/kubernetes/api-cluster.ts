// A cluster by its API server: the client library's informers listen, and three small writes go back. It is loaded only where
// the hub is told to, because the library weighs more than the rest of the hub.

import { setTimeout as sleep } from 'node:timers/promises'
import {
  ApiException,
  CustomObjectsApi,
  type Informer,
  KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
  type ObjectCache,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { apiVersion, appliedKinds, plural } from '../../shared/intent/resource.ts'
import { type Cluster, type ClusterKind, type ClusterObject, fieldManager, finalizer } from './cluster.ts'
import { objectOf } from './cluster-intent.ts'

export interface ApiClusterOptions {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

/** Between two tries to listen again, doubled each time. */
const AGAIN_MS = 1_000
const AGAIN_MAX_MS = 30_000
const JITTER = 0.3

const [group = '', version = ''] = apiVersion.split('/')

interface Loose extends KubernetesObject {
  readonly spec?: unknown
  readonly status?: unknown
}

type Listener = Informer<Loose> & ObjectCache<Loose>

function codeOf(status: number): 'not-found' | 'conflict' | 'forbidden' | 'rate-limited' | 'failed' {
  switch (status) {
    case 404:
      return 'not-found'
    case 409:
      return 'conflict'
    case 401:
    case 403:
      return 'forbidden'
    case 429:
      return 'rate-limited'
    default:
      return 'failed'
  }
}

/** What an API server says of a refusal is JSON with a sentence in it. */
function wordsOf({ body, code }: ApiException<unknown>): string {
  try {
    const said: unknown = typeof body === 'string' ? JSON.parse(body) : body
    if (typeof said === 'object' && said !== null && 'message' in said) return String(said.message)
  } catch {
    // Not JSON: a proxy in between, perhaps.
  }
  return `the API server answers ${code}`
}

function clusterError(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error
  if (error instanceof ApiException) return new HoldfastError(codeOf(error.code), wordsOf(error))
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const words = cause instanceof Error ? cause.message : String(cause)
  return new HoldfastError('unreachable', `the API server is not reached: ${words}`, { cause: error })
}

async function asked<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw clusterError(error)
  }
}

function present(kind: ClusterKind, { metadata, spec, status }: Loose): ClusterObject {
  const { annotations, deletionTimestamp, finalizers = [], generation = 0, labels, name = '' } = metadata ?? {}
  return {
    kind,
    name,
    resourceVersion: metadata?.resourceVersion ?? '',
    generation,
    isLeaving: deletionTimestamp !== undefined,
    finalizers,
    intent: {
      apiVersion,
      kind,
      metadata: {
        name,
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
      },
      spec,
    },
    status,
  }
}

/** What the library takes where nobody named a cluster. */
const NOWHERE = 'http://localhost:8080'

function loadConfig(): KubeConfig {
  const config = new KubeConfig()
  let why = 'there is no Kubernetes cluster to follow'
  try {
    config.loadFromDefault()
    if ((config.getCurrentCluster()?.server ?? NOWHERE) !== NOWHERE) return config
  } catch (error) {
    why = `the kubeconfig can’t be read: ${error instanceof Error ? error.message : String(error)}`
  }
  throw new HoldfastError('usage', why, {
    remedy: 'Run the hub in a pod with a service account, or name a kubeconfig in KUBECONFIG.',
  })
}

/** The cluster of KUBECONFIG, or the one that the hub runs in. Throws `usage` where there is none. */
export function openApiCluster({ clock, entropy, log }: ApiClusterOptions): Cluster {
  const config = loadConfig()
  const api = config.makeApiClient(CustomObjectsApi)
  const listeners = new Map<ClusterKind, Listener>()
  const silent = new Set<ClusterKind>()
  let stopped = new AbortController()

  const list = async (kind: ClusterKind): Promise<KubernetesListObject<Loose>> =>
    (await api.listClusterCustomObject({ group, version, plural: plural[kind] })) as KubernetesListObject<Loose>

  /** Lists and watches until that fails. */
  const follow = (kind: ClusterKind, onChange: () => void): Promise<unknown> =>
    new Promise((resolve) => {
      const informer: Listener = makeInformer<Loose>(config, `/apis/${apiVersion}/${plural[kind]}`, async () => {
        const all = await list(kind)
        // What the one before it knew held until now.
        void listeners.get(kind)?.stop()
        listeners.set(kind, informer)
        if (silent.delete(kind)) log.info('the API server is heard again', { kind })
        onChange()
        return all
      })
      informer.on('change', onChange)
      informer.on('error', resolve)
      stopped.signal.addEventListener('abort', resolve, { once: true })
      void informer.start()
    })

  const listen = async (kind: ClusterKind, onChange: () => void): Promise<void> => {
    for (let againMs = AGAIN_MS; !stopped.signal.aborted; againMs = Math.min(AGAIN_MAX_MS, 2 * againMs)) {
      const startedAt = clock.monotonic()
      const error = await follow(kind, onChange)
      if (stopped.signal.aborted) return
      if (!silent.has(kind)) {
        const why = clusterError(error).message
        log.warn('the API server is not heard; the network goes on as it is', { kind, why })
      }
      silent.add(kind)
      if (clock.monotonic() - startedAt > AGAIN_MAX_MS) againMs = AGAIN_MS
      const waitMs = againMs * (1 - JITTER * entropy.fraction())
      await sleep(waitMs, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined)
    }
  }

  const address = (kind: ClusterKind, name: string) => ({ group, version, plural: plural[kind], name, fieldManager })

  return {
    start(onChange) {
      stopped = new AbortController()
      for (const kind of appliedKinds) void listen(kind, onChange)
    },
    async stop() {
      stopped.abort()
      await Promise.all([...listeners.values()].map((informer) => informer.stop()))
      listeners.clear()
    },
    objects() {
      if (listeners.size < appliedKinds.length) return undefined
      return appliedKinds.flatMap(
        (kind) =>
          listeners
            .get(kind)
            ?.list()
            .map((one) => present(kind, one)) ?? [],
      )
    },
    async putFinalizers({ kind, name, resourceVersion }, finalizers) {
      const body = { metadata: { resourceVersion, finalizers } }
      const how = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
      await asked(api.patchClusterCustomObject({ ...address(kind, name), body }, how))
    },
    async putStatus({ kind, name }, status) {
      const body = { apiVersion, kind, metadata: { name }, status }
      const how = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply)
      await asked(api.patchClusterCustomObjectStatus({ ...address(kind, name), body, force: true }, how))
    },
    async create(resource) {
      const { metadata, ...rest } = objectOf(resource) as { readonly metadata: object }
      const body = { ...rest, metadata: { ...metadata, finalizers: [finalizer] } }
      const kind = resource.kind as ClusterKind
      await asked(api.createClusterCustomObject({ group, version, plural: plural[kind], body, fieldManager }))
    },
  }
}
