// From objects of a cluster to intent, and from intent to objects. Pure.

import { HoldfastError } from '../../shared/errors.ts'
import { type AnyResource, apiVersion, parseResource } from '../../shared/intent/resource.ts'
import { encodeCanonicalText } from '../../shared/record/canonical.ts'
import type { ClusterObject } from './cluster.ts'
import { withoutUplinkLabels } from './uplink/labels.ts'

/** A copy of the object that kubectl keeps in it. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

export function keyOf({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind}/${name}`
}

export function resourceKey({ kind, metadata }: AnyResource): string {
  return keyOf({ kind, name: metadata.name })
}

type Loose = Readonly<Record<string, unknown>>

function isLoose(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Drops what an API server keeps in the metadata for itself. Throws `invalid` with the field. */
function intentOf({ intent }: Pick<ClusterObject, 'intent'>): AnyResource {
  const { metadata, spec } = isLoose(intent) ? intent : {}
  const { annotations, labels, name } = isLoose(metadata) ? metadata : {}
  const kept = isLoose(annotations) ? Object.entries(annotations).filter(([key]) => key !== LAST_APPLIED) : []
  const resource = parseResource({
    apiVersion,
    kind: isLoose(intent) ? intent['kind'] : undefined,
    metadata: {
      name,
      ...(isLoose(labels) ? withoutUplinkLabels(labels) : labels === undefined ? {} : { labels }),
      ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }),
    },
    spec,
  })
  return resource
}

export interface Reading {
  readonly resources: readonly AnyResource[]
  /** By key: why an object is no intent. */
  readonly faults: ReadonlyMap<string, HoldfastError>
}

/** An object is read once, however often it is looked at. */
const read = new WeakMap<ClusterObject, AnyResource>()

function resourceOf(object: ClusterObject): AnyResource {
  const held = read.get(object) ?? intentOf(object)
  read.set(object, held)
  return held
}

/** What the objects say that nobody deleted. */
export function readObjects(objects: readonly ClusterObject[]): Reading {
  const resources: AnyResource[] = []
  const faults = new Map<string, HoldfastError>()
  for (const object of objects) {
    if (object.isLeaving) continue
    try {
      resources.push(resourceOf(object))
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
      faults.set(keyOf(object), error)
    }
  }
  return { resources, faults }
}

/** As an object that people could have written. A membership lock is not among it: it is signed, and only shown. */
export function objectOf({ kind, metadata, spec }: AnyResource): Loose {
  const { resourceVersion: _, ...rest } = metadata
  const { membershipLock: __, ...written } = spec as Loose
  return { apiVersion, kind, metadata: rest, spec: written }
}

const contents = new WeakMap<AnyResource, string>()

/** The same text for resources that say the same. */
export function contentOf(resource: AnyResource): string {
  const held = contents.get(resource) ?? encodeCanonicalText(objectOf(resource))
  contents.set(resource, held)
  return held
}
