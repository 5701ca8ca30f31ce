// Kinds of the multi-cluster services API, as far as the hub reads and writes them. For tests.

/** @testonly */
export const mcsGroup = 'multicluster.x-k8s.io'
const names = {
  kind: 'ServiceExport',
  listKind: 'ServiceExportList',
  plural: 'serviceexports',
  singular: 'serviceexport',
}
const condition = {
  type: 'object',
  'x-kubernetes-preserve-unknown-fields': true,
  required: ['type'],
  properties: { type: { type: 'string' } },
}
const conditions = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: condition,
}
/** As that API defines it, as far as the hub writes it. */
const importSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['ports', 'type'],
      properties: {
        ips: { type: 'array', maxItems: 2, items: { type: 'string' } },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'atomic',
          items: {
            type: 'object',
            required: ['port'],
            properties: {
              name: { type: 'string' },
              port: { type: 'integer', format: 'int32' },
              protocol: { type: 'string' },
            },
          },
        },
        sessionAffinity: { type: 'string' },
        sessionAffinityConfig: {
          type: 'object',
          properties: {
            clientIP: { type: 'object', properties: { timeoutSeconds: { type: 'integer', format: 'int32' } } },
          },
        },
        type: { type: 'string', enum: ['ClusterSetIP', 'Headless'] },
      },
    },
    status: {
      type: 'object',
      properties: {
        clusters: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['cluster'],
          items: { type: 'object', required: ['cluster'], properties: { cluster: { type: 'string' } } },
        },
      },
    },
  },
}
const importDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: `serviceimports.${mcsGroup}`,
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/mcs-api' },
  },
  spec: {
    group: mcsGroup,
    scope: 'Namespaced',
    names: {
      kind: 'ServiceImport',
      listKind: 'ServiceImportList',
      plural: 'serviceimports',
      singular: 'serviceimport',
    },
    versions: [
      {
        name: 'v1beta1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: importSchema },
      },
    ],
  },
}

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: `serviceexports.${mcsGroup}`,
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/mcs-api' },
  },
  spec: {
    group: mcsGroup,
    scope: 'Namespaced',
    names,
    versions: [
      {
        name: 'v1beta1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: { type: 'object', properties: { status: { type: 'object', properties: { conditions } } } },
        },
      },
    ],
  },
}

const olderCondition = {
  type: 'object',
  required: ['status', 'type'],
  properties: {
    type: { type: 'string' },
    status: { type: 'string' },
    lastTransitionTime: { type: 'string', format: 'date-time' },
    reason: { type: 'string' },
    message: { type: 'string' },
  },
}

/** ServiceExport of v1alpha1, as mcs-api had it first: `hasStatus` came later. @testonly */
export function olderExports(hasStatus: boolean): object {
  const properties = {
    status: { type: 'object', properties: { conditions: { ...conditions, items: olderCondition } } },
  }
  const version = {
    name: 'v1alpha1',
    served: true,
    storage: true,
    ...(hasStatus ? { subresources: { status: {} } } : {}),
    schema: { openAPIV3Schema: { type: 'object', properties } },
  }
  return { ...definition, spec: { ...definition.spec, versions: [version] } }
}

/** ServiceExport and ServiceImport. @testonly */
export const mcsDefinitions: readonly object[] = [definition, importDefinition]
