// What is asked of, and said at, objects that are not ours.

import type { CoreV1Api, CustomObjectsApi } from '@kubernetes/client-node'
import type { Clock } from '../../shared/effects.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { type Cluster, fieldManager } from './cluster.ts'
import { asked } from './cluster-error.ts'
import { type GatewayKind, type InputKind, type InputRef, inputApis, inputVersion, isGatewayKind } from './input.ts'
import { hasOlder, olderVersion } from './older.ts'

/** Of an event (events.k8s.io/v1), whose server counts bytes and not characters. */
const NOTE_BYTES_MAX = 1_024
const eventApi = { group: 'events.k8s.io', version: 'v1', plural: 'events' }

/** Kinds of what Kubernetes began with are asked for in a way of their own. */
export function listOf(kind: InputKind, api: CustomObjectsApi, core: CoreV1Api, version: string): Promise<unknown> {
  if (kind === 'Node') return asked(core.listNode())
  if (kind === 'Service') return asked(core.listServiceForAllNamespaces())
  if (kind === 'Namespace') return asked(core.listNamespace())
  return asked(api.listClusterCustomObject({ ...inputApis[kind], version }))
}

function readOf(
  { kind, name, namespace }: InputRef,
  api: CustomObjectsApi,
  core: CoreV1Api,
  other?: string,
): Promise<unknown> {
  if (kind === 'Node') return asked(core.readNode({ name }))
  if (kind === 'Service') return asked(core.readNamespacedService({ name, namespace }))
  if (kind === 'Namespace') return asked(core.readNamespace({ name }))
  const where = { ...inputApis[kind], ...(other === undefined ? {} : { version: other }), name }
  if (namespace === '') return asked(api.getClusterCustomObject(where))
  return asked(api.getNamespacedCustomObject({ ...where, namespace }))
}

/** As much of the text as an event holds. */
function cut(text: string): string {
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(NOTE_BYTES_MAX)).read)
}

/** `find`: the version that the cluster serves of a kind of the Gateway API. */
export function createInputs(
  api: CustomObjectsApi,
  core: CoreV1Api,
  clock: Clock,
  find: (kind: GatewayKind) => Promise<string>,
) {
  const isRead = async (ref: InputRef, other?: string): Promise<boolean> => {
    try {
      await readOf(ref, api, core, other)
      return true
    } catch (error) {
      if (isHoldfastError(error, 'not-found')) return false
      throw error
    }
  }
  /** A definition that was lost meanwhile is no word on the object. */
  const served = async (kind: GatewayKind): Promise<string> => {
    try {
      return await find(kind)
    } catch (error) {
      if (!isHoldfastError(error, 'not-found')) throw error
      throw new HoldfastError('unreachable', error.message, { cause: error })
    }
  }
  return {
    // In whichever version: one that is served no more since this was heard of is no word on the object.
    async isThere(ref) {
      if (isGatewayKind(ref.kind)) return await isRead(ref, await served(ref.kind))
      return (await isRead(ref)) || (hasOlder(ref.kind) && (await isRead(ref, olderVersion)))
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
