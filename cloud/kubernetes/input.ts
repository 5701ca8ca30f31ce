// What a cluster holds besides kinds of ours, as far as the hub reads it. Nothing is written to these objects but events and
// what their own API leaves to others.

/** In the order in which they are read: what is told of a further cluster by an agent there, too. */
export const toldKinds = [
  'NetworkPolicy',
  'ClusterNetworkPolicy',
  'Node',
  'Service',
  'ServiceExport',
  'Namespace',
  'ServiceImport',
] as const
export type ToldKind = (typeof toldKinds)[number]

/** Of the Gateway API. Read in the hub's own cluster alone: they open ports of devices. */
const gatewayKinds = [
  'GatewayClass',
  'Gateway',
  'ReferenceGrant',
  'TCPRoute',
  'UDPRoute',
  'TLSRoute',
  'HTTPRoute',
  'GRPCRoute',
] as const
export type GatewayKind = (typeof gatewayKinds)[number]

export const inputKinds = [...toldKinds, ...gatewayKinds] as const
export type InputKind = ToldKind | GatewayKind

export interface InputApi {
  /** Empty for what Kubernetes began with. */
  readonly group: string
  readonly version: string
  readonly plural: string
}

const gatewayGroup = 'gateway.networking.k8s.io'

export const inputApis: Readonly<Record<InputKind, InputApi>> = {
  NetworkPolicy: { group: 'networking.k8s.io', version: 'v1', plural: 'networkpolicies' },
  ClusterNetworkPolicy: { group: 'policy.networking.k8s.io', version: 'v1alpha2', plural: 'clusternetworkpolicies' },
  Node: { group: '', version: 'v1', plural: 'nodes' },
  Service: { group: '', version: 'v1', plural: 'services' },
  ServiceExport: { group: 'multicluster.x-k8s.io', version: 'v1beta1', plural: 'serviceexports' },
  Namespace: { group: '', version: 'v1', plural: 'namespaces' },
  ServiceImport: { group: 'multicluster.x-k8s.io', version: 'v1beta1', plural: 'serviceimports' },
  // In whichever version a cluster serves.
  GatewayClass: { group: gatewayGroup, version: 'v1', plural: 'gatewayclasses' },
  Gateway: { group: gatewayGroup, version: 'v1', plural: 'gateways' },
  ReferenceGrant: { group: gatewayGroup, version: 'v1beta1', plural: 'referencegrants' },
  TCPRoute: { group: gatewayGroup, version: 'v1alpha2', plural: 'tcproutes' },
  UDPRoute: { group: gatewayGroup, version: 'v1alpha2', plural: 'udproutes' },
  TLSRoute: { group: gatewayGroup, version: 'v1alpha2', plural: 'tlsroutes' },
  HTTPRoute: { group: gatewayGroup, version: 'v1', plural: 'httproutes' },
  GRPCRoute: { group: gatewayGroup, version: 'v1', plural: 'grpcroutes' },
}

export function isGatewayKind(kind: InputKind): kind is GatewayKind {
  return gatewayKinds.some((one) => one === kind)
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
  /** Counts changes of the spec. */
  readonly generation: number
  readonly annotations: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  /** As the API server gave it. Not checked. */
  readonly spec: unknown
  /** Only of kinds whose status the hub writes. */
  readonly status?: unknown
  /** Of the API, where it was not heard in the one of `inputApis`. */
  readonly version?: string
}

/**
 * By kind. `unserved`: the API server does not know it, whose definition was never installed, or was lost; absent while it was
 * not listed yet.
 */
export type Inputs = { readonly [K in InputKind]?: readonly InputObject[] | 'unserved' }

/** As objects name it in `apiVersion`. */
export function inputVersion(kind: InputKind): string {
  const { group, version } = inputApis[kind]
  return group === '' ? version : `${group}/${version}`
}

/** Path of all objects of a kind, in the whole cluster. `version`: where another one is served. */
export function inputPath(kind: InputKind, version: string = inputApis[kind].version): string {
  const { group, plural } = inputApis[kind]
  return `/${group === '' ? 'api' : `apis/${group}`}/${version}/${plural}`
}

/** `shop/web`, or `guard` of a kind that is cluster-wide. */
export function inputName({ name, namespace }: Pick<InputRef, 'name' | 'namespace'>): string {
  return namespace === '' ? name : `${namespace}/${name}`
}
