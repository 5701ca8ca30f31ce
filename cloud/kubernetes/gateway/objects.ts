// Objects of the Gateway API (gateway.networking.k8s.io) as far as the hub reads them. The API server looked at them before; what
// it lets through and is not known here is said, and never left out. Pure.

import * as v from 'valibot'
import { HoldfastError } from '../../../shared/errors.ts'
import { port, selector } from '../../../shared/intent/field.ts'
import { parseWith } from '../../../shared/intent/resource.ts'
import { type GatewayKind, type InputObject, inputApis } from '../input.ts'

/** By which a GatewayClass names this controller. */
export const gatewayController = 'holdfast.dev/gateway'
const { group } = inputApis.Gateway

/** Kinds of routes, and the protocol of the listeners that lead there. */
export const routeProtocols = { TCPRoute: 'TCP', UDPRoute: 'UDP', TLSRoute: 'TLS', HTTPRoute: 'HTTP' } as const
export type RouteKind = keyof typeof routeProtocols
export type Protocol = (typeof routeProtocols)[RouteKind]
export const routeKinds = ['TCPRoute', 'UDPRoute', 'TLSRoute', 'HTTPRoute'] as const satisfies readonly GatewayKind[]

const word = v.pipe(v.string(), v.minLength(1), v.maxLength(253))

const classSpec = v.looseObject({ controllerName: word, parametersRef: v.optional(v.unknown()) })

const routeGroupKind = v.looseObject({ group: v.optional(v.string(), group), kind: word })

const listener = v.looseObject({
  name: word,
  hostname: v.optional(v.string()),
  port,
  protocol: word,
  tls: v.optional(v.looseObject({ mode: v.optional(v.string(), 'Terminate') })),
  allowedRoutes: v.optional(
    v.looseObject({
      namespaces: v.optional(
        v.looseObject({ from: v.optional(v.string(), 'Same'), selector: v.optional(selector, {}) }),
      ),
      kinds: v.optional(v.pipe(v.array(routeGroupKind), v.maxLength(64))),
    }),
  ),
})
export type Listener = v.InferOutput<typeof listener>

const gatewaySpec = v.looseObject({
  gatewayClassName: word,
  listeners: v.pipe(v.array(listener), v.maxLength(64)),
  addresses: v.optional(
    v.pipe(
      v.array(v.looseObject({ type: v.optional(v.string(), 'IPAddress'), value: v.optional(v.string()) })),
      v.maxLength(16),
    ),
    [],
  ),
  infrastructure: v.optional(v.looseObject({ parametersRef: v.optional(v.unknown()) })),
})
export type GatewaySpec = v.InferOutput<typeof gatewaySpec>

const parentRef = v.object({
  group: v.optional(v.string()),
  kind: v.optional(v.string()),
  namespace: v.optional(word),
  name: word,
  sectionName: v.optional(word),
  port: v.optional(port),
})
/** As it was written, with nothing filled in: by it the status is told apart from those of other parents. */
export type ParentRef = v.InferOutput<typeof parentRef>

const parents = v.looseObject({ parentRefs: v.optional(v.pipe(v.array(parentRef), v.maxLength(64)), []) })

const backendRef = v.strictObject({
  group: v.optional(v.string(), ''),
  kind: v.optional(v.string(), 'Service'),
  namespace: v.optional(word),
  name: word,
  port: v.optional(port),
  weight: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000)), 1),
})
export type BackendRef = v.InferOutput<typeof backendRef>

const rule = v.strictObject({
  name: v.optional(word),
  backendRefs: v.optional(v.pipe(v.array(backendRef), v.maxLength(64)), []),
})

const routeSpec = v.strictObject({
  parentRefs: v.optional(v.unknown()),
  hostnames: v.optional(v.pipe(v.array(word), v.maxLength(64)), []),
  rules: v.pipe(v.array(rule), v.maxLength(64)),
})

const unread = v.optional(v.unknown())

const namedValue = v.strictObject({
  type: v.optional(v.string(), 'Exact'),
  name: v.pipe(v.string(), v.maxLength(256)),
  value: v.pipe(v.string(), v.maxLength(4_096)),
})

const httpMatch = v.strictObject({
  path: v.optional(
    v.strictObject({
      type: v.optional(v.string(), 'PathPrefix'),
      value: v.optional(v.pipe(v.string(), v.maxLength(1_024)), '/'),
    }),
    {},
  ),
  headers: v.optional(v.pipe(v.array(namedValue), v.maxLength(16)), []),
  queryParams: v.optional(v.pipe(v.array(namedValue), v.maxLength(16)), []),
  method: v.optional(v.string()),
})

const redirect = v.strictObject({
  scheme: v.optional(v.string()),
  hostname: v.optional(word),
  port: v.optional(port),
  path: v.optional(v.looseObject({ type: v.string(), replaceFullPath: v.optional(v.string()) })),
  statusCode: v.optional(v.number(), 302),
})
export type RequestRedirect = v.InferOutput<typeof redirect>

const header = v.strictObject({ name: word, value: v.pipe(v.string(), v.maxLength(4_096)) })
const headerModifier = v.strictObject({
  set: v.optional(v.pipe(v.array(header), v.maxLength(16)), []),
  add: v.optional(v.pipe(v.array(header), v.maxLength(16)), []),
  remove: v.optional(v.pipe(v.array(word), v.maxLength(16)), []),
})
export type HeaderModifier = v.InferOutput<typeof headerModifier>

const filter = v.looseObject({
  type: v.string(),
  requestRedirect: v.optional(redirect),
  requestHeaderModifier: v.optional(headerModifier),
  responseHeaderModifier: v.optional(headerModifier),
})

const httpRule = v.strictObject({
  name: v.optional(word),
  matches: v.optional(v.pipe(v.array(httpMatch), v.maxLength(64)), []),
  backendRefs: v.optional(
    v.pipe(v.array(v.strictObject({ ...backendRef.entries, filters: unread })), v.maxLength(16)),
    [],
  ),
  filters: v.optional(v.pipe(v.array(filter), v.maxLength(16)), []),
  timeouts: unread,
  retry: unread,
  sessionPersistence: unread,
})
export type HttpRule = v.InferOutput<typeof httpRule>

const httpSpec = v.strictObject({
  parentRefs: v.optional(v.unknown()),
  hostnames: v.optional(v.pipe(v.array(word), v.maxLength(16)), []),
  // One rule leads everything, where none is said.
  rules: v.optional(v.pipe(v.array(httpRule), v.maxLength(16)), [{}]),
})

const grantSpec = v.looseObject({
  from: v.pipe(v.array(v.looseObject({ group: v.string(), kind: word, namespace: word })), v.maxLength(64)),
  to: v.pipe(v.array(v.looseObject({ group: v.string(), kind: word, name: v.optional(v.string()) })), v.maxLength(64)),
})

/** What is read of an object, or why it can't be. */
function readWith<S extends v.GenericSchema>(schema: S): (input: InputObject) => v.InferOutput<S> | HoldfastError {
  const known = new WeakMap<InputObject, v.InferOutput<S> | HoldfastError>()
  const read = ({ spec }: InputObject): v.InferOutput<S> | HoldfastError => {
    try {
      return parseWith(schema, spec)
    } catch (error) {
      if (error instanceof HoldfastError) return error
      throw error
    }
  }
  return (input) => {
    const held = known.get(input) ?? read(input)
    known.set(input, held)
    return held
  }
}

export const readClass = readWith(classSpec)
export const readGateway = readWith(gatewaySpec)
export const readParents = readWith(parents)
export const readRoute = readWith(routeSpec)
export const readHttpRoute = readWith(httpSpec)
export const readGrant = readWith(grantSpec)
