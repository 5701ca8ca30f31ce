// What objects of Kubernetes have in common, as far as it bears on policy, and what they are called here.

import * as v from 'valibot'
import { maskCidr } from '../../address/cidr.ts'
import { labels, name, text as textField } from '../field.ts'

/** Kept by the API server for itself; it says nothing about what people want, and is left behind. */
const bookkeeping = {
  creationTimestamp: v.optional(v.unknown()),
  deletionGracePeriodSeconds: v.optional(v.unknown()),
  deletionTimestamp: v.optional(v.unknown()),
  finalizers: v.optional(v.unknown()),
  generation: v.optional(v.unknown()),
  managedFields: v.optional(v.unknown()),
  ownerReferences: v.optional(v.unknown()),
  resourceVersion: v.optional(v.unknown()),
  selfLink: v.optional(v.unknown()),
  uid: v.optional(v.unknown()),
}

const common = {
  name,
  labels: v.optional(labels),
  annotations: v.optional(v.record(v.string(), v.string())),
  ...bookkeeping,
}

export const clusterMetadata = v.strictObject(common)
export const namespacedMetadata = v.strictObject({ ...common, namespace: v.optional(name, 'default') })

type Meta = v.InferOutput<typeof clusterMetadata>

/** A block as Kubernetes reads it: `10.7.3.9/16` is `10.7.0.0/16`. */
export const block = textField(maskCidr, 'cidr')

/** Names the network of a policy where it is not `default`; Kubernetes knows one network only. */
export const networkAnnotation = 'holdfast.dev/network'
/** What a policy was translated from. */
export const sourceAnnotation = 'holdfast.dev/source'
/** A copy of the object, for `kubectl`. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

const nameCharactersMax = 63

/** With the kind in front, so that no two objects of the cluster are one policy here, nor one with a policy of its own name. */
export function policyName(prefix: 'np' | 'cnp', ...parts: readonly string[]): string {
  return [prefix, ...parts].join('--')
}

/** The nearest DNS label of at most `charactersMax` characters; undefined where nothing of it is left. */
export function wordOf(text: string, charactersMax: number): string | undefined {
  const cut = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, charactersMax)
  return cut.replace(/-$/, '') || undefined
}

export function isNameFit(text: string): boolean {
  return text.length <= nameCharactersMax
}

/** A `Policy` as people would have written it. */
export function asPolicy(
  policy: string,
  source: string,
  { annotations = {}, labels: own }: Pick<Meta, 'annotations' | 'labels'>,
  spec: object,
): object {
  const { [lastApplied]: _copy, [networkAnnotation]: network, ...kept } = annotations
  return {
    apiVersion: 'holdfast.dev/v1alpha1',
    kind: 'Policy',
    metadata: {
      name: policy,
      ...(own === undefined ? {} : { labels: own }),
      annotations: { ...kept, [sourceAnnotation]: source },
    },
    spec: { ...(network === undefined ? {} : { network }), ...spec },
  }
}

/** IANA service names, as Kubernetes has them: a letter is in it, which tells it from a number. */
export const portName = v.pipe(
  v.string(),
  v.regex(
    /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*$/,
    'is not the name of a port: use up to 15 lower-case letters, digits and single hyphens, and at least one letter',
  ),
)
