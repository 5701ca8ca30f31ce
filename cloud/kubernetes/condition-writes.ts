// Conditions of objects that are not ours, by server-side apply: those that others set are left alone. Where a definition has no
// status of its own, they are a part of the object, as mcs-api had it before 2021.

import { type CustomObjectsApi, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node'
import type { Log } from '../../shared/effects.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { type Cluster, type ClusterCondition, fieldManager } from './cluster.ts'
import { asked } from './cluster-error.ts'
import { type InputKind, type InputObject, type InputRef, inputApis, inputName } from './input.ts'
import { olderVersion } from './older.ts'

/** Older definitions have no room for a generation, and a field that is not there is refused. */
function written(
  conditions: readonly ClusterCondition[],
  version: string,
): readonly Omit<ClusterCondition, 'observedGeneration'>[] {
  if (version !== olderVersion) return conditions
  return conditions.map(({ lastTransitionTime, message, reason, status, type }) => {
    return { type, status, lastTransitionTime, reason, message }
  })
}

/** With those of others, which a list that is replaced would lose. */
function among(held: InputObject | undefined, conditions: ReturnType<typeof written>): readonly unknown[] {
  const all = (held?.status as { readonly conditions?: unknown } | undefined)?.conditions
  const own = new Set<unknown>(conditions.map(({ type }) => type))
  const others = (Array.isArray(all) ? all : []).filter((one: { readonly type?: unknown }) => !own.has(one.type))
  return [...others, ...conditions]
}

/** `versionOf`: the one that the cluster serves. `heardAt`: an object as last heard. */
export function createConditionWrites(
  api: CustomObjectsApi,
  log: Log,
  versionOf: (kind: InputKind) => string,
  heardAt: (ref: InputRef) => InputObject | undefined,
): Pick<Cluster, 'putConditions'> {
  const apply = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply)
  const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
  let isBarred = false

  const putInside = async (ref: InputRef, conditions: ReturnType<typeof written>): Promise<void> => {
    if (isBarred) return
    const { kind, name, namespace } = ref
    const where = { ...inputApis[kind], version: versionOf(kind), name, namespace, fieldManager }
    const body = { status: { conditions: among(heardAt(ref), conditions) } }
    try {
      await asked(api.patchNamespacedCustomObject({ ...where, body }, merge))
    } catch (error) {
      if (!isHoldfastError(error, 'forbidden')) throw error
      // What it says is carried out all the same.
      isBarred = true
      log.info('a definition has its status inside the object, which may not be written: nothing is said there', {
        object: `${kind} ${inputName(ref)}`,
        remedy: `Update the definition of ${kind}, or let the hub patch ${inputApis[kind].plural}.`,
      })
    }
  }

  return {
    async putConditions(ref, all) {
      const { kind, name, namespace } = ref
      const [{ group, plural }, version] = [inputApis[kind], versionOf(kind)]
      const conditions = written(all, version)
      const about = { apiVersion: `${group}/${version}`, kind, metadata: { name, namespace } }
      const body = { ...about, status: { conditions } }
      const where = { group, version, plural, name, namespace, fieldManager }
      try {
        await asked(api.patchNamespacedCustomObjectStatus({ ...where, body, force: true }, apply))
      } catch (error) {
        // Of an object that is gone nothing is there to say it in either.
        if (!isHoldfastError(error, 'not-found') || heardAt(ref)?.version === undefined) throw error
        await putInside(ref, conditions)
      }
    },
  }
}
