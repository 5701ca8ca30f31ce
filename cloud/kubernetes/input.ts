// What a cluster holds besides kinds of ours, as far as the hub reads it. Nothing is written to these objects but events and
// what their own API leaves to others.

/** In the order in which they are read. */
export const inputKinds = ['NetworkPolicy', 'ClusterNetworkPolicy'] as const
export type InputKind = (typeof inputKinds)[number]

export interface InputApi {
  readonly group: string
  readonly version: string
  readonly plural: string
}

export const inputApis: Readonly<Record<InputKind, InputApi>> = {
  NetworkPolicy: { group: 'networking.k8s.io', version: 'v1', plural: 'networkpolicies' },
  ClusterNetworkPolicy: { group: 'policy.networking.k8s.io', version: 'v1alpha2', plural: 'clusternetworkpolicies' },
}

/** Names an object of a cluster. */
export interface InputRef {
  readonly kind: InputKind
  /** Empty where the kind is cluster-wide. */
  readonly namespace: string
  readonly name: string
}

export interface InputObject extends InputRef {
  readonly uid: string
  readonly resourceVersion: string
  readonly annotations: Readonly<Record<string, string>>
  /** As the API server gave it. Not checked. */
  readonly spec: unknown
}

/** `unserved`: the API server does not know the kind, whose definition was never installed, or was lost. */
export type Inputs = { readonly [K in InputKind]: readonly InputObject[] | 'unserved' }

/** Path of all objects of a kind, in the whole cluster. */
export function inputPath(kind: InputKind): string {
  const { group, plural, version } = inputApis[kind]
  return `/apis/${group}/${version}/${plural}`
}

/** `shop/web`, or `guard` of a kind that is cluster-wide. */
export function inputName({ name, namespace }: Pick<InputRef, 'name' | 'namespace'>): string {
  return namespace === '' ? name : `${namespace}/${name}`
}
