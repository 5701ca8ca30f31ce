// Objects of the Gateway API as a cluster of tests holds them, and what is made and said of them.

import type { Resource } from '../../../shared/intent/resource.ts'
import type { InputKind, InputObject, Inputs } from '../input.ts'
import { inputKinds } from '../input.ts'
import { planGateways } from './plan.ts'
import { type Outcome, statusWrites } from './status.ts'

let made = 0
/** @testonly */
export function object(kind: InputKind, path: string, spec: object, more: Partial<InputObject> = {}): InputObject {
  const [name = '', namespace = ''] = path.split('/').toReversed()
  made += 1
  const created = { 'holdfast.dev/created-at': new Date(made * 1_000).toISOString() }
  const about = { uid: `u${made}`, resourceVersion: String(made), generation: 3, labels: {}, ...more }
  return { kind, namespace, name, spec, ...about, annotations: { ...created, ...more.annotations } }
}

/** @testonly */
export function inputsOf(...objects: readonly InputObject[]): Inputs {
  return Object.fromEntries(inputKinds.map((kind) => [kind, objects.filter((one) => one.kind === kind)])) as Inputs
}

/** @testonly */
export const options = {
  clusterName: 'kube',
  network: 'default',
  podSites: [],
  nodes: [
    { name: 'gw-1', labels: { role: 'gateway', site: 'north' } },
    { name: 'gw-2', labels: { role: 'gateway', site: 'south' } },
    { name: 'web-1', labels: { role: 'web' } },
  ],
  isTaken: () => false,
}
/** @testonly */
export const edge = object(
  'GatewayClass',
  'edge',
  { controllerName: 'holdfast.dev/gateway' },
  {
    annotations: { 'holdfast.dev/gateway-from': '0.0.0.0/0, ::/0' },
  },
)
/** @testonly */
export const nodes = (text: string) => ({ annotations: { 'holdfast.dev/gateway-nodes': text } })
/** @testonly */
export const gateway = (
  path: string,
  listeners: readonly object[],
  more: object = nodes('role=gateway'),
  spec: object = {},
) => object('Gateway', path, { gatewayClassName: 'edge', listeners, ...spec }, more)
/** @testonly */
export const tcp = { name: 'sql', protocol: 'TCP', port: 5432 }
/** @testonly */
export const tls = { name: 'tls', protocol: 'TLS', port: 443, hostname: '*.example.com', tls: { mode: 'Passthrough' } }
/** @testonly */
export const service = (path: string, spec: object = {}) =>
  object('Service', path, { selector: { app: 'db' }, ports: [{ port: 5432, targetPort: 'sql' }], ...spec })
/** @testonly */
export const route = (kind: InputKind, path: string, spec: object = {}) =>
  object(kind, path, {
    parentRefs: [{ name: 'edge' }],
    rules: [{ backendRefs: [{ name: 'db', port: 5432 }] }],
    ...spec,
  })

type Published = Resource<'Service'>['spec']

/** @testonly */
export function look(inputs: Inputs, outcome?: Outcome) {
  const plan = planGateways(inputs, options)
  const writes = statusWrites(plan, () => outcome, Date.parse('2026-02-03T04:05:06Z'))
  const statusOf = (kind: InputKind, name: string) =>
    writes.find(({ input }) => input.kind === kind && input.name === name)?.status as never as {
      readonly conditions: readonly Condition[]
      readonly addresses: readonly object[]
      readonly listeners: readonly {
        readonly attachedRoutes: number
        readonly conditions: readonly Condition[]
        readonly supportedKinds: readonly object[]
      }[]
      readonly parents: readonly {
        readonly controllerName: string
        readonly parentRef: object
        readonly conditions: readonly Condition[]
      }[]
    }
  const words = (all: readonly Condition[] = []) => all.map((one) => `${one.type} ${one.status} ${one.reason}`)
  return {
    specs: new Map(
      plan.routes.flatMap(({ resources }) =>
        resources.map(({ metadata, spec }) => [metadata.name as string, spec as Published] as const),
      ),
    ),
    statusOf,
    gateway: (name: string) => words(statusOf('Gateway', name)?.conditions),
    listeners: (name: string) => statusOf('Gateway', name).listeners.map(({ conditions }) => words(conditions)),
    route: (kind: InputKind, name: string) =>
      words(statusOf(kind, name)?.parents.flatMap(({ conditions }) => conditions)),
    message: (kind: InputKind, name: string) =>
      statusOf(kind, name)
        .parents.flatMap(({ conditions }) => conditions.map(({ message }) => message))
        .join(' | '),
  }
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly observedGeneration: number
}
