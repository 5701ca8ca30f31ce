// What replicas share, at the cluster's API server: a Lease, Secrets, and the EndpointSlice of the Service, all in the hub's own
// namespace. It is loaded only where the hub is told to follow a cluster, as the client library weighs more than the rest.

import {
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Secret,
  type V1SecretList,
  Watch,
} from '@kubernetes/client-node'
import * as v from 'valibot'
import { tryParseIp } from '../../shared/address/ip.ts'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { loadConfig } from '../kubernetes/api-cluster.ts'
import { fieldManager } from '../kubernetes/cluster.ts'
import { asked } from '../kubernetes/cluster-error.ts'
import type { ClusterStore, Endpoint } from './cluster-store.ts'
import type { Lease, SeenLease } from './lease.ts'

export interface ApiStoreOptions {
  /** Undefined where it is that of the service account, or of the kubeconfig. */
  readonly namespace: string | undefined
  /** Name of the Service, and of the Lease; the state's names begin with it. */
  readonly service: string
  readonly clock: Clock
}

/** The watch of the lease only makes a hand-over quicker, so it is not begun more often than this. */
const WATCH_AGAIN_MS = 5_000
const GENERATION = 'holdfast.dev/generation'
const STATE_LABEL = 'holdfast.dev/hub-state'
const PAGE = 500

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' } as const
const slices = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' } as const

const leaseObject = v.object({
  metadata: v.object({ resourceVersion: v.string(), annotations: v.optional(v.record(v.string(), v.string()), {}) }),
  spec: v.optional(
    v.object({
      holderIdentity: v.nullish(v.string(), ''),
      leaseDurationSeconds: v.nullish(v.number(), 0),
      acquireTime: v.nullish(v.string(), ''),
      renewTime: v.nullish(v.string(), ''),
      leaseTransitions: v.nullish(v.number(), 0),
    }),
    {},
  ),
})

function leaseOf(object: unknown): SeenLease {
  const { metadata, spec } = v.parse(leaseObject, object)
  return {
    holder: spec.holderIdentity,
    durationS: spec.leaseDurationSeconds,
    acquireTime: spec.acquireTime,
    renewTime: spec.renewTime,
    transitions: spec.leaseTransitions,
    generation: Number(metadata.annotations[GENERATION] ?? 0),
    resourceVersion: metadata.resourceVersion,
  }
}

async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await asked(call)
  } catch (error) {
    if (isHoldfastError(error, 'not-found')) return undefined
    throw error
  }
}

function bytesOf(secret: V1Secret, key: string): Uint8Array | undefined {
  const text = secret.data?.[key]
  return text === undefined ? undefined : fromBase64(text)
}

/** What the hub's own role lacks is said with what mends it. */
async function permitted<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (!isHoldfastError(error, 'forbidden')) throw error
    throw new HoldfastError('forbidden', error.message, {
      cause: error,
      remedy:
        'Apply examples/kubernetes/hub-role.yaml of this release: a hub keeps its state in Secrets of its namespace.',
    })
  }
}

function leaseCalls(config: KubeConfig, namespace: string, { clock, service }: ApiStoreOptions) {
  const api = config.makeApiClient(CustomObjectsApi)
  const place = { ...leases, namespace }

  const bodyOf = (lease: Lease, over: SeenLease | undefined): object => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: service,
      namespace,
      annotations: { [GENERATION]: String(lease.generation) },
      ...(over === undefined ? {} : { resourceVersion: over.resourceVersion }),
    },
    spec: {
      holderIdentity: lease.holder,
      leaseDurationSeconds: lease.durationS,
      acquireTime: lease.acquireTime,
      renewTime: lease.renewTime,
      leaseTransitions: lease.transitions,
    },
  })

  const watch = (onChange: () => void): (() => void) => {
    let [stopped, abort]: [boolean, AbortController | undefined] = [false, undefined]
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
    const follow = async (): Promise<void> => {
      if (stopped) return
      const again = (): void => void clock.after(WATCH_AGAIN_MS, () => void follow())
      try {
        const query = { fieldSelector: `metadata.name=${service}` }
        abort = await new Watch(config).watch(path, query, onChange, again)
        if (stopped) abort.abort()
      } catch {
        again()
      }
    }
    void follow()
    return () => {
      stopped = true
      abort?.abort()
    }
  }

  return {
    async readLease() {
      const object = await permitted(ifThere(api.getNamespacedCustomObject({ ...place, name: service })))
      return object === undefined ? undefined : leaseOf(object)
    },
    async writeLease(lease: Lease, over: SeenLease | undefined) {
      const body = bodyOf(lease, over)
      const call =
        over === undefined
          ? api.createNamespacedCustomObject({ ...place, body, fieldManager })
          : api.replaceNamespacedCustomObject({ ...place, name: service, body, fieldManager })
      return leaseOf(await permitted(asked(call)))
    },
    watchLease: watch,
  }
}

function stateCalls(config: KubeConfig, namespace: string, { service }: ApiStoreOptions) {
  const api = config.makeApiClient(CoreV1Api)
  const name = stateName(service)

  const secret = (
    own: string,
    kind: 'head' | 'part',
    data: Readonly<Record<string, Uint8Array>>,
    over?: { readonly resourceVersion: string },
  ): V1Secret => ({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'holdfast.dev/hub-state',
    // What a part holds is what its name stands for.
    ...(kind === 'part' ? { immutable: true } : {}),
    metadata: {
      name: own,
      namespace,
      ...(over === undefined ? {} : { resourceVersion: over.resourceVersion }),
      labels: { 'app.kubernetes.io/managed-by': fieldManager, [STATE_LABEL]: kind, 'holdfast.dev/hub': service },
    },
    data: Object.fromEntries(Object.entries(data).map(([key, bytes]) => [key, toBase64(bytes)])),
  })

  return {
    async readHead() {
      const held = await permitted(ifThere(api.readNamespacedSecret({ name, namespace })))
      const head = held === undefined ? undefined : bytesOf(held, 'head')
      if (held === undefined || head === undefined) return undefined
      return { resourceVersion: held.metadata?.resourceVersion ?? '', head, before: bytesOf(held, 'before') }
    },
    async writeHead(
      { before, head }: { head: Uint8Array; before: Uint8Array | undefined },
      over: { resourceVersion: string } | undefined,
    ) {
      const body = secret(name, 'head', before === undefined ? { head } : { head, before }, over)
      const call =
        over === undefined
          ? api.createNamespacedSecret({ namespace, body, fieldManager })
          : api.replaceNamespacedSecret({ name, namespace, body, fieldManager })
      try {
        return (await permitted(asked(call))).metadata?.resourceVersion ?? ''
      } catch (error) {
        // Deleted meanwhile: the head there is another one, too.
        if (over !== undefined && isHoldfastError(error, 'not-found')) {
          throw new HoldfastError('conflict', error.message, { cause: error })
        }
        throw error
      }
    },
    async readPart(own: string) {
      const held = await permitted(ifThere(api.readNamespacedSecret({ name: own, namespace })))
      return held === undefined ? undefined : (bytesOf(held, 'part') ?? new Uint8Array(0))
    },
    async putPart(own: string, bytes: Uint8Array) {
      try {
        const body = secret(own, 'part', { part: bytes })
        await permitted(asked(api.createNamespacedSecret({ namespace, body, fieldManager })))
      } catch (error) {
        if (!isHoldfastError(error, 'conflict')) throw error
      }
    },
    async deletePart(own: string) {
      await permitted(ifThere(api.deleteNamespacedSecret({ name: own, namespace })))
    },
    async parts() {
      const names: string[] = []
      const labelSelector = `${STATE_LABEL}=part,holdfast.dev/hub=${service}`
      let next: string | undefined
      do {
        const page = { namespace, labelSelector, limit: PAGE, ...(next === undefined ? {} : { _continue: next }) }
        const list: V1SecretList = await permitted(asked(api.listNamespacedSecret(page)))
        names.push(...list.items.flatMap((one) => one.metadata?.name ?? []))
        next = list.metadata?._continue
      } while (next !== undefined && next !== '')
      return names
    },
  }
}

/** Of the Secret with the head; names of parts begin with it. */
export function stateName(service: string): string {
  return `${service}-state`
}

function endpointCall(config: KubeConfig, namespace: string, { service }: ApiStoreOptions) {
  const api = config.makeApiClient(CustomObjectsApi)
  return async ({ address, node, ports }: Endpoint): Promise<void> => {
    const name = `${service}-leader`
    const conditions = { ready: true, serving: true, terminating: false }
    const body = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name,
        namespace,
        labels: { 'kubernetes.io/service-name': service, 'endpointslice.kubernetes.io/managed-by': fieldManager },
      },
      addressType: tryParseIp(address)?.family === 6 ? 'IPv6' : 'IPv4',
      endpoints: [{ addresses: [address], conditions, ...(node === undefined ? {} : { nodeName: node }) }],
      ports: ports.map((one) => ({ ...one, protocol: 'TCP' })),
    }
    const how = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply)
    const call = api.patchNamespacedCustomObject({ ...slices, namespace, name, body, fieldManager, force: true }, how)
    await permitted(asked(call))
  }
}

/** Throws `usage` where there is no cluster. */
export function openApiStore(options: ApiStoreOptions): ClusterStore {
  const config = loadConfig()
  const own = config.getContextObject(config.getCurrentContext())?.namespace
  const namespace = options.namespace ?? own ?? 'holdfast'
  return {
    ...leaseCalls(config, namespace, options),
    ...stateCalls(config, namespace, options),
    putEndpoint: endpointCall(config, namespace, options),
  }
}
