// ServiceImports of clusters whose definition is older: looked for where those of now are not served, and only there.

import type { CustomObjectsApi, KubernetesListObject } from '@kubernetes/client-node'
import { HoldfastError } from '../../../shared/errors.ts'
import { asked } from '../cluster-error.ts'
import { type InputKind, type InputObject, inputApis } from '../input.ts'
import type { Followed, Listening, Loose } from '../listening.ts'

export const olderVersion = 'v1alpha1'
const KIND = `input ServiceImport ${olderVersion}`
const { group, plural } = inputApis.ServiceImport

export function followOlderImports(api: CustomObjectsApi, isNeeded: () => boolean): Followed {
  return {
    kind: KIND,
    path: `/apis/${group}/${olderVersion}/${plural}`,
    isOptional: true,
    isFallback: true,
    isBare: false,
    async list() {
      if (!isNeeded()) throw new HoldfastError('not-found', 'a newer version is served')
      const all = await asked(api.listClusterCustomObject({ group, version: olderVersion, plural }))
      return all as KubernetesListObject<Loose>
    },
  }
}

/** As last heard, each the same object for as long as it is the same. */
export function olderImports(
  present: (kind: InputKind, object: Loose) => InputObject,
): (listening: Pick<Listening, 'of'>) => readonly InputObject[] | 'unserved' {
  const known = new WeakMap<Loose, InputObject>()
  return (listening) => {
    const heard = listening.of(KIND)
    if (heard === undefined || heard === 'unserved') return 'unserved'
    return heard.map((one) => {
      const held = known.get(one) ?? { ...present('ServiceImport', one), version: olderVersion }
      known.set(one, held)
      return held
    })
  }
}
