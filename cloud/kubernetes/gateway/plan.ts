// What objects of the Gateway API come to: a Service of the hub for each route, published at the nodes of the Gateways that it is
// attached to, and what is said of each object. Of HTTP each rule is one, or several that share its requests by weight. Whatever
// else a route asks for is refused in its status, and nothing of it is opened. Pure.

import { HoldfastError } from '../../../shared/errors.ts'
import type { HttpMatch } from '../../../shared/intent/http-match.ts'
import type { AnyResource } from '../../../shared/intent/resource.ts'
import { clusterRoutesMax } from '../cluster-limits.ts'
import type { Said } from '../cluster-status.ts'
import { type InputObject, type Inputs, inputName } from '../input.ts'
import { type Attached, attach, Claims, gatewayOf, type ParentPlan, placesOf, type RouteInput } from './attach.ts'
import { type Backend, backendOf, type Services } from './backends.ts'
import {
  ageText,
  byAge,
  type ClassPlan,
  classesOf,
  type GatewayNode,
  type GatewayPlan,
  gatewaysOf,
  listed,
} from './gateways.ts'
import { httpPlaces, type Taking } from './http-places.ts'
import { type Rule, readHttp } from './http-rules.ts'
import { type BackendRef, type ParentRef, readParents, readRoute, routeKinds } from './objects.ts'
import { type GatewaysNaming, nobodysPort, serviceOf } from './route-service.ts'
import { isRefusal, type Refusal } from './terms.ts'

export interface RoutePlan {
  readonly input: InputObject
  readonly parents: readonly ParentPlan[]
  /** Absent of a kind that is not carried out. */
  readonly resolved?: Said<'ResolvedRefs'>
  /** None where nothing is opened. */
  readonly resources: readonly AnyResource[]
}

export interface GatewaysPlan {
  readonly classes: readonly ClassPlan[]
  readonly gateways: readonly GatewayPlan[]
  readonly routes: readonly RoutePlan[]
}

export interface GatewaysOptions extends GatewaysNaming {
  /** Of the network. */
  readonly nodes: readonly GatewayNode[]
}

const HOSTNAMES_MAX = 16
const beyond = `${clusterRoutesMax} older routes of the cluster, or rules of HTTP, are published, and no more are`
const noGrpc =
  'GRPCRoute is not carried out: gateways read requests of HTTP/1.1, and gRPC is HTTP/2. Take a TLSRoute by name, or a TCPRoute.'
/** What a rule answers that leads to no Service there is. */
const NO_BACKEND = 500

function unsupported(message: string): Refusal {
  return { reason: 'UnsupportedValue', message }
}

interface Read {
  readonly hostnames: readonly string[]
  readonly backend: BackendRef
}
type Made = Pick<RoutePlan, 'resolved' | 'resources'>

function readOne(input: RouteInput): Read | Refusal {
  const spec = readRoute(input)
  if (spec instanceof HoldfastError) return unsupported(`${spec.field ?? 'spec'}: ${spec.message}`)
  const [rule, ...rules] = spec.rules
  if (rule === undefined || rules.length > 0) return unsupported('a route has one rule here')
  const [backend, ...others] = rule.backendRefs.filter(({ weight }) => weight > 0)
  if (backend === undefined) return unsupported('a route without a backend of any weight leads nowhere')
  if (others.length > 0)
    return unsupported(
      'a route leads to one Service: connections are not divided by weight, but go to the nearest that serves',
    )
  return { hostnames: spec.hostnames.map((one) => one.toLowerCase()), backend }
}

function publishedAt(attached: readonly Attached[], servicePort: number): readonly object[] {
  return placesOf(attached).flatMap(({ attached: group, port, protocol, taken }) => {
    const place = { ...taken, protocol, port, servicePort }
    if (group[0]?.hostnames === undefined) return [place]
    const names = [...new Set(group.flatMap(({ hostnames = [] }) => hostnames))]
    return Array.from({ length: Math.ceil(names.length / HOSTNAMES_MAX) }, (_, index) => ({
      ...place,
      hostnames: names.slice(index * HOSTNAMES_MAX, (index + 1) * HOSTNAMES_MAX),
    }))
  })
}

function resolvedOf(backend: Backend | Refusal | undefined): Said<'ResolvedRefs'> {
  if (backend !== undefined && isRefusal(backend)) return { type: 'ResolvedRefs', status: 'False', ...backend }
  return { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'there is such a Service' }
}

function withMore(parent: ParentPlan, more: string): ParentPlan {
  const { accepted } = parent
  if (accepted.status !== 'True') return parent
  return { ...parent, accepted: { ...accepted, message: `${accepted.message}; ${more}` } }
}

function refuseAll(parents: readonly ParentPlan[], message: string): readonly ParentPlan[] {
  return parents.map((one) =>
    one.attached.length === 0
      ? one
      : { ...one, accepted: { type: 'Accepted', status: 'False', ...unsupported(message) }, attached: [] },
  )
}

interface Around {
  readonly inputs: Inputs
  readonly services: Services
  readonly namespaces: ReadonlyMap<string, InputObject>
  readonly claims: Claims
  readonly gateways: ReadonlyMap<string, GatewayPlan>
  readonly options: GatewaysOptions
}

function parentsIn(input: InputObject, gateways: Around['gateways']) {
  const read = readParents(input)
  if (read instanceof HoldfastError) return []
  return read.parentRefs.flatMap((ref: ParentRef) => {
    const gateway = gatewayOf(ref, input.namespace, gateways)
    return gateway === undefined ? [] : [{ ref, gateway }]
  })
}

function makeOne(
  input: RouteInput,
  ref: BackendRef,
  attached: readonly Attached[],
  { inputs, options, services }: Around,
): Made {
  const backend = backendOf(input, ref, inputs, services)
  const resolved = resolvedOf(backend)
  if (isRefusal(backend) || attached.length === 0) return { resolved, resources: [] }
  const publish = publishedAt(attached, Number(backend.port['port']))
  return { resolved, resources: [serviceOf(input, [], backend, publish, options)] }
}

interface MadeHttp extends Made {
  /** What of it nobody is led by, in a sentence. */
  readonly shadowed?: string
}

/** Two rules may name as much of a request as each other only where they go by headers or the query. */
function orderOf(input: RouteInput, rule: number, matches: readonly HttpMatch[]): { readonly order?: string } {
  const isPlain = matches.every(({ headers, queryParams }) => headers === undefined && queryParams === undefined)
  return isPlain ? {} : { order: `${ageText(input)} ${String(rule).padStart(2, '0')}` }
}

/** A rule that leads to nobody has its requests all the same, so that they don't go where they shouldn't. */
function makeHttp(
  input: RouteInput,
  rules: readonly Rule[],
  attached: readonly Attached[],
  around: Around,
  left: number,
): MadeHttp {
  const { claims, inputs, options, services } = around
  const taking: Taking = { claims, own: [] }
  const resources: AnyResource[] = []
  const shadowed: number[] = []
  let resolved = resolvedOf(undefined)
  for (const [index, { backends: refs, changes, matches, redirect }] of rules.entries()) {
    const number = index + 1
    const backends = refs.map((ref) => ({ ref, backend: backendOf(input, ref, inputs, services) }))
    const unled = backends.find(({ backend }) => isRefusal(backend))
    if (resolved.status === 'True') resolved = resolvedOf(unled?.backend)
    const places = httpPlaces(attached, matches, taking, orderOf(input, number, matches))
    if (places.length === 0) {
      shadowed.push(number)
      continue
    }
    const publish = (how: object): readonly object[] => places.map((place) => ({ ...place, ...how }))
    if (backends.length === 0) {
      const told = { servicePort: nobodysPort, ...(redirect === undefined ? { answer: NO_BACKEND } : { redirect }) }
      resources.push(serviceOf(input, [number], undefined, publish(told), options))
    }
    for (const [at, { backend, ref }] of backends.entries()) {
      const isLed = !isRefusal(backend)
      const share = backends.length === 1 ? {} : { weight: ref.weight }
      // Whoever leads to no Service there is has its part of the requests all the same.
      const told = isLed
        ? { servicePort: Number(backend.port['port']), ...changes }
        : { servicePort: nobodysPort, answer: NO_BACKEND }
      const part = backends.length === 1 ? [number] : [number, at + 1]
      resources.push(serviceOf(input, part, isLed ? backend : undefined, publish({ ...told, ...share }), options))
    }
  }
  if (resources.length > left) throw new HoldfastError('invalid', beyond)
  for (const { gateway, key } of taking.own) claims.hold(input, gateway, key)
  if (shadowed.length === 0 || attached.length === 0) return { resolved, resources }
  return {
    resolved,
    resources,
    shadowed: `older routes and earlier rules have all that rule ${shadowed.join(', ')} asks for`,
  }
}

function planRoute(input: RouteInput, around: Around, left: number): RoutePlan {
  const refs = parentsIn(input, around.gateways)
  if (refs.length === 0) return { input, parents: [], resources: [] }
  const read = input.kind === 'HTTPRoute' ? readHttp(input) : readOne(input)
  const flaw = isRefusal(read) ? read : undefined
  const hostnames = isRefusal(read) ? [] : read.hostnames
  const parents = refs.map((one) => attach(input, hostnames, one, { ...around, flaw }))
  if (isRefusal(read)) return { input, parents, resources: [] }
  const attached = parents.flatMap((one) => one.attached)
  try {
    if (!('rules' in read)) return { input, parents, ...makeOne(input, read.backend, attached, around) }
    const { shadowed, ...made } = makeHttp(input, read.rules, attached, around, left)
    return { input, parents: shadowed === undefined ? parents : parents.map((one) => withMore(one, shadowed)), ...made }
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    const why = `${error.field === undefined ? '' : `${error.field}: `}${error.message}`
    return { input, parents: refuseAll(parents, why), resources: [] }
  }
}

/** Of these nothing is opened. */
function refuse(input: InputObject, gateways: Around['gateways'], why: string): RoutePlan {
  const accepted = { type: 'Accepted', status: 'False', ...unsupported(why) } as const
  const parents = parentsIn(input, gateways).map((one) => ({ ...one, accepted, attached: [] }))
  return { input, parents, resources: [] }
}

export function planGateways(inputs: Inputs, options: GatewaysOptions): GatewaysPlan {
  const classes = classesOf(inputs)
  const gateways = gatewaysOf(inputs, classes, options.nodes)
  const around: Around = {
    inputs,
    options,
    services: new Map(listed(inputs, 'Service').map((one) => [inputName(one), one])),
    namespaces: new Map(listed(inputs, 'Namespace').map((one) => [one.name, one])),
    claims: new Claims(),
    gateways: new Map(gateways.map((one) => [inputName(one.input), one])),
  }
  const routes: RoutePlan[] = []
  let left = clusterRoutesMax
  const inOrder = routeKinds.flatMap((kind) => listed(inputs, kind)).sort(byAge) as readonly RouteInput[]
  for (const input of inOrder) {
    const plan = left > 0 ? planRoute(input, around, left) : refuse(input, around.gateways, beyond)
    routes.push(plan)
    left -= plan.resources.length
    for (const { attached } of plan.parents) around.claims.add(input, attached)
  }
  for (const input of listed(inputs, 'GRPCRoute')) routes.push(refuse(input, around.gateways, noGrpc))
  return { classes, gateways, routes }
}
