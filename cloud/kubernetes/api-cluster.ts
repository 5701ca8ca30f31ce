// A cluster by its API server: the client library's informers listen, and a few small writes go back. It is loaded only where
// the hub is told to, because the library weighs more than the rest of the hub.

import {
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  type KubernetesListObject,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { type AnyResource, apiVersion, appliedKinds, plural } from '../../shared/intent/resource.ts'
import { type Cluster, type ClusterKind, type ClusterObject, fieldManager, finalizer } from './cluster.ts'
import { asked } from './cluster-error.ts'
import { objectOf } from './cluster-intent.ts'
import { createImportWrites } from './imports/import-writes.ts'
import { followOlderImports, olderImports, olderVersion } from './imports/older.ts'
import {
  type InputKind,
  type InputObject,
  type InputRef,
  type Inputs,
  inputApis,
  inputKinds,
  inputPath,
  inputVersion,
} from './input.ts'
import { createListening, type Followed, type Loose } from './listening.ts'
import { createLabelWrites } from './uplink/label-writes.ts'

export interface ApiClusterOptions {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

const [group = '', version = ''] = apiVersion.split('/')
/** Of an event (events.k8s.io/v1), whose server counts bytes and not characters. */
const NOTE_BYTES_MAX = 1_024
const eventApi = { group: 'events.k8s.io', version: 'v1', plural: 'events' }

function presentOurs(kind: ClusterKind, { metadata, spec, status }: Loose): ClusterObject {
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

function presentInput(kind: InputKind, { metadata, spec, status }: Loose): InputObject {
  const { annotations = {}, generation = 0, labels = {}, name = '', namespace = '' } = metadata ?? {}
  const { resourceVersion = '', uid = '' } = metadata ?? {}
  return { kind, namespace, name, uid, resourceVersion, generation, annotations, labels, spec, status }
}

/** The same object for the same object: who made something of it knows it again. */
function remembering<K, T>(present: (kind: K, object: Loose) => T): (kind: K, object: Loose) => T {
  const known = new WeakMap<Loose, T>()
  return (kind, object) => {
    const held = known.get(object)
    if (held !== undefined) return held
    const made = present(kind, object)
    known.set(object, made)
    return made
  }
}

/** What the library takes where nobody named a cluster. */
const NOWHERE = 'http://localhost:8080'

/** Throws `usage` where there is no cluster. */
export function loadConfig(): KubeConfig {
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

/** Our own kinds: where they are missing, something is wrong. */
function ourKinds(api: CustomObjectsApi): readonly Followed[] {
  return appliedKinds.map((kind) => ({
    kind,
    path: `/apis/${apiVersion}/${plural[kind]}`,
    isOptional: false,
    isBare: false,
    list: async () =>
      (await asked(
        api.listClusterCustomObject({ group, version, plural: plural[kind] }),
      )) as KubernetesListObject<Loose>,
  }))
}

/** Kinds of what Kubernetes began with are asked for in a way of their own. */
function listOf(kind: InputKind, api: CustomObjectsApi, core: CoreV1Api): Promise<unknown> {
  if (kind === 'Node') return asked(core.listNode())
  if (kind === 'Service') return asked(core.listServiceForAllNamespaces())
  if (kind === 'Namespace') return asked(core.listNamespace())
  return asked(api.listClusterCustomObject(inputApis[kind]))
}

function readOf({ kind, name, namespace }: InputRef, api: CustomObjectsApi, core: CoreV1Api): Promise<unknown> {
  if (kind === 'Node') return asked(core.readNode({ name }))
  if (kind === 'Service') return asked(core.readNamespacedService({ name, namespace }))
  if (kind === 'Namespace') return asked(core.readNamespace({ name }))
  const where = { ...inputApis[kind], name }
  if (namespace === '') return asked(api.getClusterCustomObject(where))
  return asked(api.getNamespacedCustomObject({ ...where, namespace }))
}

function otherKinds(api: CustomObjectsApi, core: CoreV1Api): readonly Followed[] {
  return inputKinds.map((kind) => ({
    kind: `input ${kind}`,
    path: inputPath(kind),
    isOptional: true,
    isBare: kind !== 'ServiceExport' && kind !== 'ServiceImport',
    list: async () => (await listOf(kind, api, core)) as KubernetesListObject<Loose>,
  }))
}

/** Writes of our own kinds. */
function createWrites(api: CustomObjectsApi) {
  const address = (kind: ClusterKind, name: string) => ({ group, version, plural: plural[kind], name, fieldManager })
  const written = (resource: AnyResource) => {
    const { metadata, ...rest } = objectOf(resource) as { readonly metadata: object }
    return { ...rest, metadata: { ...metadata, finalizers: [finalizer] } }
  }
  const apply = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply)
  return {
    async putFinalizers({ kind, name, resourceVersion }, finalizers) {
      const body = { metadata: { resourceVersion, finalizers } }
      const how = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
      await asked(api.patchClusterCustomObject({ ...address(kind, name), body }, how))
    },
    async putStatus({ kind, name }, status) {
      const body = { apiVersion, kind, metadata: { name }, status }
      await asked(api.patchClusterCustomObjectStatus({ ...address(kind, name), body, force: true }, apply))
    },
    async create(resource) {
      const kind = resource.kind as ClusterKind
      const body = written(resource)
      await asked(api.createClusterCustomObject({ group, version, plural: plural[kind], body, fieldManager }))
    },
    async update(resource) {
      const where = address(resource.kind as ClusterKind, resource.metadata.name)
      const { metadata, spec } = objectOf(resource) as {
        readonly metadata: Loose['metadata'] & object
        readonly spec: unknown
      }
      // Whole parts: nothing of what stood there before stays, whoever wrote it.
      const parts = {
        spec,
        'metadata/annotations': metadata.annotations ?? {},
        'metadata/labels': metadata.labels ?? {},
      }
      const body = Object.entries(parts).map(([path, value]) => ({ op: 'add', path: `/${path}`, value }))
      const how = setHeaderOptions('Content-Type', PatchStrategy.JsonPatch)
      await asked(api.patchClusterCustomObject({ ...where, body }, how))
    },
    async remove(kind, name) {
      try {
        await asked(api.deleteClusterCustomObject({ group, version, plural: plural[kind], name }))
        return true
      } catch (error) {
        if (isHoldfastError(error, 'not-found')) return false
        throw error
      }
    },
  } satisfies Partial<Cluster>
}

/** As much of the text as an event holds. */
function cut(text: string): string {
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(NOTE_BYTES_MAX)).read)
}

/** What is asked of, and said at, objects that are not ours. */
function createInputs(api: CustomObjectsApi, core: CoreV1Api, clock: Clock) {
  return {
    async isThere(ref) {
      try {
        await readOf(ref, api, core)
        return true
      } catch (error) {
        if (isHoldfastError(error, 'not-found')) return false
        throw error
      }
    },
    async putConditions({ kind, name, namespace }, conditions) {
      const body = { apiVersion: inputVersion(kind), kind, metadata: { name, namespace }, status: { conditions } }
      const how = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply)
      const where = { ...inputApis[kind], name, namespace, fieldManager }
      await asked(api.patchNamespacedCustomObjectStatus({ ...where, body, force: true }, how))
    },
    async tell({ kind, name, namespace, resourceVersion, uid }, { action, note, reason }) {
      // Of objects that are in no namespace, events are in this one.
      const place = namespace === '' ? 'default' : namespace
      const body = {
        apiVersion: `${eventApi.group}/${eventApi.version}`,
        kind: 'Event',
        metadata: { generateName: 'holdfast-', namespace: place },
        // Microseconds, as the API wants it.
        eventTime: new Date(clock.now()).toISOString().replace('Z', '000Z'),
        reportingController: 'holdfast.dev/hub',
        reportingInstance: fieldManager,
        type: 'Warning',
        reason,
        action,
        note: cut(note),
        regarding: {
          apiVersion: inputVersion(kind),
          kind,
          name,
          uid,
          resourceVersion,
          ...(namespace === '' ? {} : { namespace }),
        },
      }
      await asked(api.createNamespacedCustomObject({ ...eventApi, namespace: place, body }))
    },
  } satisfies Partial<Cluster>
}

/** By what a cluster is known, for as long as it lives: the uid of its first namespace. Throws `usage` where there is none. */
export async function clusterUid(): Promise<string> {
  const core = loadConfig().makeApiClient(CoreV1Api)
  const { metadata } = await asked(core.readNamespace({ name: 'kube-system' }))
  if (metadata?.uid !== undefined) return metadata.uid
  throw new HoldfastError('invalid', 'the namespace kube-system has no uid: is this an API server?')
}

/** The cluster of KUBECONFIG, or the one that the hub runs in. Throws `usage` where there is none. */
export function openApiCluster({ clock, entropy, log }: ApiClusterOptions): Cluster {
  const config = loadConfig()
  const api = config.makeApiClient(CustomObjectsApi)
  const core = config.makeApiClient(CoreV1Api)
  const isOld = (): boolean => listening.of('input ServiceImport') === 'unserved'
  const kinds = [...ourKinds(api), ...otherKinds(api, core), followOlderImports(api, isOld)]
  const listening = createListening(kinds, { config, clock, entropy, log })
  const ours = remembering(presentOurs)
  const input = remembering(presentInput)
  const older = olderImports(presentInput)
  const inputsOf = (kind: InputKind): readonly InputObject[] | 'unserved' | undefined => {
    if (kind === 'ServiceImport' && isOld()) return older(listening)
    const list = listening.of(`input ${kind}`)
    if (list === undefined || list === 'unserved') return list
    // Nothing new is taken by a namespace that goes.
    const isThere = ({ metadata }: Loose) => kind !== 'Namespace' || metadata?.deletionTimestamp === undefined
    return list.filter(isThere).map((one) => input(kind, one))
  }

  const importUid = (at: Pick<InputObject, 'namespace' | 'name'>): string | undefined => {
    const heard = inputsOf('ServiceImport')
    if (!Array.isArray(heard)) return undefined
    return heard.find(({ name, namespace }: InputObject) => name === at.name && namespace === at.namespace)?.uid
  }

  return {
    start: (onChange) => listening.start(onChange),
    stop: () => listening.stop(),
    objects() {
      const all = appliedKinds.map((kind) => ({ kind, heard: listening.of(kind) }))
      if (all.some(({ heard }) => heard === undefined)) return undefined
      return all.flatMap(({ heard, kind }) => (Array.isArray(heard) ? heard.map((one: Loose) => ours(kind, one)) : []))
    },
    inputs() {
      const heard = inputKinds.map((kind) => [kind, inputsOf(kind)] as const)
      return Object.fromEntries(heard.filter(([, list]) => list !== undefined)) as Inputs
    },
    ...createWrites(api),
    ...createLabelWrites(api, core),
    ...createInputs(api, core, clock),
    ...createImportWrites(api, () => (isOld() ? olderVersion : inputApis.ServiceImport.version), importUid),
  }
}
