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
import { createConditionWrites } from './condition-writes.ts'
import { createdAnnotation } from './derived/export-terms.ts'
import { createGatewayVersions, type GatewayVersions } from './gateway/served.ts'
import { createImportWrites } from './imports/import-writes.ts'
import {
  type InputKind,
  type InputObject,
  type Inputs,
  inputApis,
  inputKinds,
  inputPath,
  isGatewayKind,
} from './input.ts'
import { createInputs, listOf } from './input-access.ts'
import { createListening, type Followed, type Loose } from './listening.ts'
import { followOlder, hasOlder, olderObjects, olderVersion } from './older.ts'
import { createStatusWrites } from './status-writes.ts'
import { createLabelWrites } from './uplink/label-writes.ts'

export interface ApiClusterOptions {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  /** All that a hub reads, where absent. */
  readonly kinds?: readonly InputKind[]
}

const [group = '', version = ''] = apiVersion.split('/')
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

/** The library makes dates of times in kinds that it knows, and leaves them as they are in others. */
function timeText(time: Date | string): string {
  return typeof time === 'string' ? time : time.toISOString()
}

/** Of several that want the same the oldest counts. Whatever people wrote there. */
function isDated(kind: InputKind): boolean {
  return kind === 'ServiceExport' || isGatewayKind(kind)
}

function presentInput(kind: InputKind, { metadata, spec, status }: Loose): InputObject {
  const { generation = 0, labels = {}, name = '', namespace = '' } = metadata ?? {}
  const { resourceVersion = '', uid = '' } = metadata ?? {}
  const created = metadata?.creationTimestamp
  const more = isDated(kind) && created !== undefined ? { [createdAnnotation]: timeText(created) } : {}
  const annotations = { ...metadata?.annotations, ...more }
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

function otherKinds(
  kinds: readonly InputKind[],
  api: CustomObjectsApi,
  core: CoreV1Api,
  versions: GatewayVersions,
): readonly Followed[] {
  return kinds.map((kind) => {
    const isOfGateways = isGatewayKind(kind)
    return {
      kind: `input ${kind}`,
      path: isOfGateways ? async () => inputPath(kind, await versions.find(kind)) : inputPath(kind),
      isOptional: true,
      // Where the Gateway API is not installed, one line says so.
      isFallback: isOfGateways && kind !== 'GatewayClass',
      isBare: !isOfGateways && kind !== 'ServiceExport' && kind !== 'ServiceImport',
      list: async () => {
        const served = isOfGateways ? versions.last(kind) : inputApis[kind].version
        return (await listOf(kind, api, core, served)) as KubernetesListObject<Loose>
      },
    }
  })
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

/** By what a cluster is known, for as long as it lives: the uid of its first namespace. Throws `usage` where there is none. */
export async function clusterUid(): Promise<string> {
  const core = loadConfig().makeApiClient(CoreV1Api)
  const { metadata } = await asked(core.readNamespace({ name: 'kube-system' }))
  if (metadata?.uid !== undefined) return metadata.uid
  throw new HoldfastError('invalid', 'the namespace kube-system has no uid: is this an API server?')
}

/** The cluster of KUBECONFIG, or the one that the hub runs in. Throws `usage` where there is none. */
export function openApiCluster({ clock, entropy, kinds: wanted = inputKinds, log }: ApiClusterOptions): Cluster {
  const config = loadConfig()
  const api = config.makeApiClient(CustomObjectsApi)
  const core = config.makeApiClient(CoreV1Api)
  const versions = createGatewayVersions(api, clock)
  const isOld = (kind: InputKind): boolean => listening.of(`input ${kind}`) === 'unserved'
  const kinds = [...ourKinds(api), ...otherKinds(wanted, api, core, versions), ...followOlder(api, isOld)]
  const listening = createListening(kinds, { config, clock, entropy, log })
  const ours = remembering(presentOurs)
  const input = remembering(presentInput)
  const older = olderObjects(presentInput)
  const inputsOf = (kind: InputKind): readonly InputObject[] | 'unserved' | undefined => {
    if (hasOlder(kind) && isOld(kind)) return older(kind, listening)
    const list = listening.of(`input ${kind}`)
    if (list === undefined || list === 'unserved') return list
    // Nothing new is taken by a namespace that goes.
    const isThere = ({ metadata }: Loose) => kind !== 'Namespace' || metadata?.deletionTimestamp === undefined
    return list.filter(isThere).map((one) => input(kind, one))
  }

  const heardAt = (kind: InputKind, at: Pick<InputObject, 'namespace' | 'name'>): InputObject | undefined => {
    const heard = inputsOf(kind)
    if (!Array.isArray(heard)) return undefined
    return heard.find(({ name, namespace }: InputObject) => name === at.name && namespace === at.namespace)
  }
  const versionOf = (kind: InputKind): string => {
    if (isGatewayKind(kind)) return versions.last(kind)
    return hasOlder(kind) && isOld(kind) ? olderVersion : inputApis[kind].version
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
      const heard = wanted.map((kind) => [kind, inputsOf(kind)] as const)
      return Object.fromEntries(heard.filter(([, list]) => list !== undefined)) as Inputs
    },
    ...createWrites(api),
    ...createLabelWrites(api, core),
    ...createInputs(api, core, clock, (kind) => versions.find(kind)),
    ...createStatusWrites(api, versionOf),
    ...createConditionWrites(api, log, versionOf, (ref) => heardAt(ref.kind, ref)),
    ...createImportWrites(
      api,
      () => versionOf('ServiceImport'),
      (at) => heardAt('ServiceImport', at)?.uid,
    ),
  }
}
