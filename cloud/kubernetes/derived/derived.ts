// A resource of ours that follows from an object of the cluster: what it is called, and what it says of where it comes from.
// Pure.

import type { Cidr } from '../../../shared/address/cidr.ts'
import { utf8 } from '../../../shared/bytes.ts'
import { describeError, type HoldfastError } from '../../../shared/errors.ts'
import { sha256 } from '../../../shared/host/crypto.ts'
import { base32 } from '../../../shared/ids.ts'
import { sourceAnnotation, wordOf } from '../../../shared/intent/kubernetes/object.ts'
import type { AnyResource } from '../../../shared/intent/resource.ts'
import { type InputObject, type InputRef, inputKinds, inputName, inputVersion } from '../input.ts'

export interface DeriveOptions {
  /** What the cluster is called; stands in every name that comes from it, so it is never changed. */
  readonly clusterName: string
  /** The network of what names none. */
  readonly network: string
  /**
   * Of a cluster whose word holds for itself alone: for its own pods, in that one network, and for addresses within blocks that
   * it was given. Absent for the cluster that the hub is part of.
   */
  readonly confined?: { readonly podBlocks: readonly Cidr[] } | undefined
}

export interface Derived {
  readonly input: InputObject
  /** Absent where nothing can follow. */
  readonly resource?: AnyResource
  /** Why the object, or a part of it, could not be taken; a policy is then more closed than the object, never less. */
  readonly fault?: HoldfastError
  /** What is taken where the hub refuses the resource: closed for all that the object speaks of. Absent where nothing is open. */
  readonly closed?: (fault: HoldfastError) => AnyResource
  /** Key of the resource whose condition tells of a fault. */
  readonly about: string
  /** What a fault means: a word for programs, and a sentence. */
  readonly reason: string
  readonly consequence: string
}

/**
 * As an annotation: the resource belongs to an object of the named cluster, and goes with it. As a label of a Node of the hub:
 * the cluster whose node the device is, by the word of whoever runs the hub.
 */
export const clusterKey = 'holdfast.dev/cluster'
/** Why it is more closed than its object. */
const refusedAnnotation = 'holdfast.dev/refused'
/** Its object is gone from the cluster, and nobody is known to have deleted it. */
const lostAnnotation = 'holdfast.dev/source-lost'

/** What people are told of an object that is at fault. */
export function refusalOf({ consequence, fault }: Pick<Derived, 'consequence' | 'fault'>): string {
  return `${fault === undefined ? '' : describeError(fault)} ${consequence}`
}

const NAME_MAX = 63
const SLUG_MAX = 24
const HASH_CHARACTERS = 10

/** Two hyphens stand between the parts, and so in none of them. */
function isPlain(part: string): boolean {
  return /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(part)
}

/**
 * `kube--np--shop--web`. Names that can't be spelled like this, because they are long or have dots, end with a hash of the whole
 * instead, as does one that somebody else took; no two objects of all clusters have the same.
 */
export function derivedName(cluster: string, word: string, path: readonly string[], isTaken: boolean): string {
  const plain = [cluster, word, ...path].join('--')
  if (!isTaken && plain.length <= NAME_MAX && path.every(isPlain)) return plain
  const hash = base32(sha256(utf8(JSON.stringify([cluster, word, ...path]))), HASH_CHARACTERS)
  return [cluster, `${word}-x`, wordOf(path.join('-'), SLUG_MAX) ?? 'x', hash].join('--')
}

export function derivedMetadata(
  name: string,
  { clusterName }: DeriveOptions,
  input: InputRef,
  fault?: HoldfastError,
): { readonly name: string; readonly annotations: Readonly<Record<string, string>> } {
  return {
    name,
    annotations: {
      [clusterKey]: clusterName,
      [sourceAnnotation]: `${inputVersion(input.kind)} ${input.kind} ${inputName(input)}`,
      ...(fault === undefined ? {} : { [refusedAnnotation]: `${fault.field ?? 'spec'}: ${fault.message}` }),
    },
  }
}

interface Annotated {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> | undefined }
}

function annotation({ metadata: { annotations } }: Annotated, key: string): string | undefined {
  return annotations !== undefined && Object.hasOwn(annotations, key) ? annotations[key] : undefined
}

export function isDerived(resource: Annotated): boolean {
  return clusterOf(resource) !== undefined
}

/** The cluster from an object of which it follows. */
export function clusterOf(resource: Annotated): string | undefined {
  return annotation(resource, clusterKey)
}

/** Whether an object, as people or we wrote it, follows from one of `cluster`. */
export function isDerivedOf(intent: unknown, cluster: string): boolean {
  const metadata = (intent as { readonly metadata?: unknown } | null | undefined)?.metadata
  if (typeof metadata !== 'object' || metadata === null) return false
  return annotation({ metadata }, clusterKey) === cluster
}

/** The object of `cluster` that it follows from; undefined where it follows from none there. */
export function sourceOf(resource: Annotated, cluster: string): InputRef | undefined {
  if (annotation(resource, clusterKey) !== cluster) return undefined
  const [, kindName, path = ''] = (annotation(resource, sourceAnnotation) ?? '').split(' ')
  const kind = inputKinds.find((one) => one === kindName)
  if (kind === undefined) return undefined
  const [name = '', namespace = ''] = path.split('/').toReversed()
  return { kind, namespace, name }
}

export function isLost(resource: Annotated): boolean {
  return annotation(resource, lostAnnotation) !== undefined
}

export function asLost<R extends AnyResource>(resource: R): R {
  const { metadata } = resource
  return { ...resource, metadata: { ...metadata, annotations: { ...metadata.annotations, [lostAnnotation]: 'true' } } }
}
