// Statuses of objects that are not ours and whose API leaves them to who carries the object out. Of a list that several write,
// the whole is replaced, so it is written over the version that was read.

import { type CustomObjectsApi, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node'
import { type Cluster, fieldManager } from './cluster.ts'
import { asked } from './cluster-error.ts'
import { type InputKind, inputApis } from './input.ts'

/** `versionOf`: the one that the cluster serves. */
export function createStatusWrites(
  api: CustomObjectsApi,
  versionOf: (kind: InputKind) => string,
): Pick<Cluster, 'putInputStatus'> {
  const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
  return {
    async putInputStatus({ kind, name, namespace, resourceVersion }, status) {
      const { group, plural } = inputApis[kind]
      const body = { metadata: { resourceVersion }, status }
      const where = { group, version: versionOf(kind), plural, name, fieldManager, body }
      if (namespace === '') await asked(api.patchClusterCustomObjectStatus(where, merge))
      else await asked(api.patchNamespacedCustomObjectStatus({ ...where, namespace }, merge))
    },
  }
}
