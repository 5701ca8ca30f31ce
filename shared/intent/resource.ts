// The kinds of intent in one place, and the one door through which unknown input becomes intent.

import * as v from 'valibot'
import { agentUpdateSpec } from './agent-update.ts'
import { canarySpec } from './canary.ts'
import { exitSpec } from './exit.ts'
import { labels, name } from './field.ts'
import { issueError } from './issue.ts'
import { networkSpec } from './network.ts'
import { nodeSpec } from './node.ts'
import { policySpec } from './policy.ts'
import { routeSpec } from './route.ts'
import { serviceSpec } from './service.ts'
import { refuseInheritedKeys, refuseListsForObjects } from './shape.ts'
import { tokenSpec } from './token.ts'

export const apiVersion = 'holdfast.dev/v1alpha1'

export const specs = {
  Network: networkSpec,
  Canary: canarySpec,
  AgentUpdate: agentUpdateSpec,
  Node: nodeSpec,
  Policy: policySpec,
  Route: routeSpec,
  Exit: exitSpec,
  Service: serviceSpec,
  JoinToken: tokenSpec,
} as const

export type Kind = keyof typeof specs
export type SpecOf<K extends Kind> = v.InferOutput<(typeof specs)[K]>

/** In the order in which they depend on each other: `apply` creates in it and deletes against it. */
export const kinds = [
  'Network',
  'Canary',
  'AgentUpdate',
  'Node',
  'Policy',
  'Route',
  'Exit',
  'Service',
  'JoinToken',
] as const satisfies readonly Kind[]

/** Kinds that people apply; a token's secret is made by the hub and shown once. */
export const appliedKinds = kinds.filter((kind) => kind !== 'JoinToken')
/** Those that belong to a network. */
export const memberKinds = appliedKinds.filter((kind) => kind !== 'Network')

/** Path segment and CLI word of each kind. */
export const plural = {
  Network: 'networks',
  Canary: 'canaries',
  AgentUpdate: 'agentupdates',
  Node: 'nodes',
  Policy: 'policies',
  Route: 'routes',
  Exit: 'exits',
  Service: 'services',
  JoinToken: 'tokens',
} as const satisfies Record<Kind, string>

const metadata = v.strictObject({
  name,
  labels: v.optional(labels),
  annotations: v.optional(
    v.pipe(
      v.record(v.string(), v.string()),
      v.check((a) => Object.keys(a).length <= 64, 'has more than 64 entries'),
    ),
  ),
  /** Given back by the hub; sent along, it makes a write fail where somebody else wrote in between. */
  resourceVersion: v.optional(v.string()),
})
export type Metadata = v.InferOutput<typeof metadata>

export interface Resource<K extends Kind = Kind> {
  readonly apiVersion: typeof apiVersion
  readonly kind: K
  readonly metadata: Metadata
  readonly spec: SpecOf<K>
}
export type AnyResource = { [K in Kind]: Resource<K> }[Kind]

/** Checks `input` against `schema`; the first misfit becomes an `invalid` error that names the field. */
export function parseWith<S extends v.GenericSchema>(schema: S, input: unknown): v.InferOutput<S> {
  refuseInheritedKeys(input)
  const result = v.safeParse(schema, input)
  if (!result.success) throw issueError(result.issues[0], v.getDotPath(result.issues[0]) ?? '')
  refuseListsForObjects(input, result.output)
  return result.output
}

const header = v.strictObject({
  apiVersion: v.literal(apiVersion),
  kind: v.picklist(kinds),
  metadata,
  spec: v.unknown(),
  /** Written by the hub; what people send of it is dropped, so that `get -o yaml | apply -f -` works. */
  status: v.optional(v.unknown()),
})

export function parseResource(input: unknown): AnyResource {
  const { kind, metadata: meta, spec } = parseWith(header, input)
  const schema = v.strictObject({ spec: specs[kind] })
  const parsed = parseWith(schema, { spec: spec ?? {} })
  return { apiVersion, kind, metadata: meta, spec: parsed.spec } as AnyResource
}
