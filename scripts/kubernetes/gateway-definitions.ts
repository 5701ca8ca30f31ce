// Kinds of the Gateway API, as far as the hub reads and writes them, in one version each, as a cluster of some age has them. For
// tests.

/** @testonly */
export const gatewayGroup = 'gateway.networking.k8s.io'

const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
const text = { type: 'string' }

function listOf(properties: object, required: readonly string[], keys?: readonly string[]): object {
  const how =
    keys === undefined
      ? { 'x-kubernetes-list-type': 'atomic' }
      : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys }
  return { type: 'array', ...how, items: { type: 'object', required, properties } }
}

const conditions = listOf(
  {
    type: text,
    status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
    observedGeneration: { type: 'integer', format: 'int64' },
    lastTransitionTime: { type: 'string', format: 'date-time' },
    reason: { type: 'string', pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' },
    message: { type: 'string', maxLength: 32_768 },
  },
  ['lastTransitionTime', 'message', 'reason', 'status', 'type'],
  ['type'],
)
const kinds = listOf({ group: text, kind: text }, ['kind'])
const listeners = listOf(
  { name: text, attachedRoutes: { type: 'integer', format: 'int32' }, supportedKinds: kinds, conditions },
  ['name', 'attachedRoutes', 'conditions'],
  ['name'],
)
/** An API server fills in what a parent leaves out. */
const parentRef = {
  type: 'object',
  required: ['name'],
  properties: {
    group: { ...text, default: gatewayGroup },
    kind: { ...text, default: 'Gateway' },
    name: text,
    namespace: text,
    port: { type: 'integer', format: 'int32' },
    sectionName: text,
  },
}
const parents = listOf({ parentRef, controllerName: text, conditions }, ['parentRef', 'controllerName', 'conditions'])
const routeSpec = {
  ...anything,
  properties: { parentRefs: { type: 'array', 'x-kubernetes-list-type': 'atomic', items: parentRef } },
}
const routeStatus = { type: 'object', required: ['parents'], properties: { parents } }
const gatewayStatus = {
  type: 'object',
  properties: { addresses: listOf({ type: text, value: text }, ['value']), conditions, listeners },
}

function define(kind: string, version: string, properties: object, scope = 'Namespaced'): object {
  const singular = kind.toLowerCase()
  const plural = singular.endsWith('s') ? `${singular}es` : `${singular}s`
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${gatewayGroup}`,
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' },
    },
    spec: {
      group: gatewayGroup,
      scope,
      names: { kind, listKind: `${kind}List`, plural, singular },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', properties } },
        },
      ],
    },
  }
}

const route = { spec: routeSpec, status: routeStatus }

/** @testonly */
export const gatewayDefinitions: readonly object[] = [
  define('GatewayClass', 'v1', { spec: anything, status: { type: 'object', properties: { conditions } } }, 'Cluster'),
  define('Gateway', 'v1', { spec: anything, status: gatewayStatus }),
  define('ReferenceGrant', 'v1beta1', { spec: anything }),
  define('TCPRoute', 'v1alpha2', route),
  define('UDPRoute', 'v1alpha2', route),
  define('TLSRoute', 'v1alpha3', route),
  define('HTTPRoute', 'v1', route),
  define('GRPCRoute', 'v1', route),
]
