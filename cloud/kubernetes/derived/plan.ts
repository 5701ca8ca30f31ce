// What becomes of resources whose object is no longer among those that the cluster holds. Pure.
//
// Each has a mirror: the same resource as an object of the cluster. A mirror was written after its source was read, so a store of
// the cluster that knows the mirror and not the source knows that the source was deleted. One that knows neither was lost, or
// restored from before, and says nothing about what people want: the resource stays until somebody deletes the mirror.

import type { AnyResource } from '../../../shared/intent/resource.ts'
import { resourceKey } from '../cluster-intent.ts'
import { type InputRef, type Inputs, inputName } from '../input.ts'
import { asLost, type DeriveOptions, isLost, sourceOf } from './derived.ts'

export interface Gone {
  readonly resource: AnyResource
  readonly source: InputRef
  /** The source is there, and nothing of that name follows from it any more. */
  readonly isReplaced: boolean
}

export interface DerivedPlan {
  /** To be taken by the hub, beside what people wrote. */
  readonly put: readonly AnyResource[]
  /** To be looked after at the API server itself: whether their source was deleted. */
  readonly gone: readonly Gone[]
}

function refText(ref: InputRef): string {
  return `${ref.kind} ${inputName(ref)}`
}

/**
 * `known`: what follows from objects of any cluster, as the hub or, where it does not have it, a mirror says; without those whose
 * mirror somebody has deleted.
 */
export function planDerived(
  wanted: readonly AnyResource[],
  known: readonly AnyResource[],
  inputs: Inputs,
  { clusterName }: Pick<DeriveOptions, 'clusterName'>,
): DerivedPlan {
  const put = [...wanted]
  const keys = new Set(put.map(resourceKey))
  const sources = new Set(
    Object.values(inputs)
      .flatMap((list) => (list === 'unserved' ? [] : list))
      .map(refText),
  )
  const gone: Gone[] = []
  for (const resource of known) {
    const source = sourceOf(resource, clusterName)
    if (source === undefined || keys.has(resourceKey(resource))) continue
    const heard = inputs[source.kind]
    if (heard === undefined) continue
    const isReplaced = sources.has(refText(source))
    if (isReplaced) gone.push({ resource, source, isReplaced })
    else if (isLost(resource)) put.push(resource)
    else if (heard === 'unserved') put.push(asLost(resource))
    else gone.push({ resource, source, isReplaced })
  }
  return { put, gone }
}
