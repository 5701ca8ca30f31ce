// ServiceImports by server-side apply, under the hub's name: fields that others add are left alone, and an object that came in
// the place of the one that was looked at is never touched.

import { type CustomObjectsApi, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node'
import { HoldfastError, isHoldfastError } from '../../../shared/errors.ts'
import { type Cluster, fieldManager } from '../cluster.ts'
import { asked } from '../cluster-error.ts'
import { type InputObject, inputApis } from '../input.ts'
import { importLabel, specFor } from './plan.ts'

const { group, plural } = inputApis.ServiceImport
const kind = 'ServiceImport'

/** An API server calls an object that came in the place of another an invalid one, for its uid. */
async function sameObject(call: Promise<unknown>): Promise<void> {
  try {
    await asked(call)
  } catch (error) {
    if (!isHoldfastError(error, 'failed') || !error.message.includes('metadata.uid')) throw error
    throw new HoldfastError('conflict', 'the ServiceImport is another by now', { cause: error })
  }
}

/** `versionOf`: the one that the cluster serves. `uidOf`: of an import as last heard. */
export function createImportWrites(
  api: CustomObjectsApi,
  versionOf: () => string,
  uidOf: (at: Pick<InputObject, 'namespace' | 'name'>) => string | undefined,
): Pick<Cluster, 'putImport'> {
  const apply = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply)
  const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
  return {
    async putImport(write) {
      const version = versionOf()
      const { name, namespace } = write
      const where = { group, version, plural, namespace }
      const about = { apiVersion: `${group}/${version}`, kind }
      switch (write.verb) {
        case 'create': {
          const metadata = { name, namespace, labels: { [importLabel]: write.network } }
          const body = { ...about, metadata, spec: specFor(write.spec, version) }
          // Not applied: what somebody else made there meanwhile would be taken over.
          await asked(api.createNamespacedCustomObject({ ...where, body, fieldManager }))
          return
        }
        case 'update': {
          const metadata = { name, namespace, uid: write.uid, labels: { [importLabel]: write.network } }
          const body = { ...about, metadata, spec: specFor(write.spec, version) }
          await sameObject(api.patchNamespacedCustomObject({ ...where, name, body, fieldManager, force: true }, apply))
          return
        }
        case 'status': {
          // What is written to a status has no uid that counts.
          if (uidOf(write) !== write.uid) throw new HoldfastError('conflict', 'the ServiceImport is another by now')
          const metadata = { name, namespace }
          const status = { clusters: write.clusters.map((cluster) => ({ cluster })) }
          const body = { ...about, metadata, status }
          try {
            await asked(
              api.patchNamespacedCustomObjectStatus({ ...where, name, body, fieldManager, force: true }, apply),
            )
          } catch (error) {
            if (!isHoldfastError(error, 'not-found')) throw error
            // Definitions of some versions have the status in the object itself.
            const part = { metadata: { uid: write.uid }, status }
            await sameObject(api.patchNamespacedCustomObject({ ...where, name, body: part, fieldManager }, merge))
          }
          return
        }
        case 'delete':
          await asked(api.deleteNamespacedCustomObject({ ...where, name, body: { preconditions: { uid: write.uid } } }))
      }
    },
  }
}
