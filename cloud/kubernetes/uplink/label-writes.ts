// Labels by server-side apply, under a name of their own: what this name set before and does not name now goes by itself, and
// nothing else is touched.

import { type CoreV1Api, type CustomObjectsApi, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node'
import { apiVersion, plural } from '../../../shared/intent/resource.ts'
import { type Cluster, uplinkFieldManager as fieldManager } from '../cluster.ts'
import { asked } from '../cluster-error.ts'
import { inputVersion } from '../input.ts'

const [group = '', version = ''] = apiVersion.split('/')

export function createLabelWrites(
  api: CustomObjectsApi,
  core: Pick<CoreV1Api, 'patchNode'>,
): Pick<Cluster, 'putLabels'> {
  const apply = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply)
  return {
    async putLabels(object, labels) {
      const { kind, name } = object
      if (!('uid' in object)) {
        const body = { apiVersion, kind, metadata: { name, labels } }
        const where = { group, version, plural: plural[object.kind], name }
        await asked(api.patchClusterCustomObject({ ...where, body, fieldManager, force: true }, apply))
        return
      }
      // With the uid of the one that was heard of, none is made where it is gone.
      const body = { apiVersion: inputVersion(object.kind), kind, metadata: { name, uid: object.uid, labels } }
      await asked(core.patchNode({ name, body, fieldManager, force: true }, apply))
    },
  }
}
