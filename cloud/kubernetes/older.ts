// Kinds of the multi-cluster services API in clusters whose definitions are older: looked for where those of now are not served,
// and only there. An API server answers for a path of a version that it serves, and for no other.

import type { CustomObjectsApi, KubernetesListObject } from '@kubernetes/client-node'
import { HoldfastError } from '../../shared/errors.ts'
import { asked } from './cluster-error.ts'
import { type InputKind, type InputObject, inputApis } from './input.ts'
import type { Followed, Listening, Loose } from './listening.ts'

export const olderVersion = 'v1alpha1'
const olderKinds = ['ServiceExport', 'ServiceImport'] as const satisfies readonly InputKind[]
type OlderKind = (typeof olderKinds)[number]

export function hasOlder(kind: InputKind): kind is OlderKind {
  return olderKinds.some((one) => one === kind)
}

function keyOf(kind: OlderKind): string {
  return `input ${kind} ${olderVersion}`
}

/** `isNeeded`: those of now are not served. */
export function followOlder(api: CustomObjectsApi, isNeeded: (kind: OlderKind) => boolean): readonly Followed[] {
  return olderKinds.map((kind) => {
    const { group, plural } = inputApis[kind]
    return {
      kind: keyOf(kind),
      path: `/apis/${group}/${olderVersion}/${plural}`,
      isOptional: true,
      isFallback: true,
      isBare: false,
      async list() {
        if (!isNeeded(kind)) throw new HoldfastError('not-found', 'a newer version is served')
        const all = await asked(api.listClusterCustomObject({ group, version: olderVersion, plural }))
        return all as KubernetesListObject<Loose>
      },
    }
  })
}

/** As last heard, each the same object for as long as it is the same. */
export function olderObjects(
  present: (kind: InputKind, object: Loose) => InputObject,
): (kind: OlderKind, listening: Pick<Listening, 'of'>) => readonly InputObject[] | 'unserved' {
  const known = new WeakMap<Loose, InputObject>()
  return (kind, listening) => {
    const heard = listening.of(keyOf(kind))
    if (heard === undefined || heard === 'unserved') return 'unserved'
    return heard.map((one) => {
      const held = known.get(one) ?? { ...present(kind, one), version: olderVersion }
      known.set(one, held)
      return held
    })
  }
}
