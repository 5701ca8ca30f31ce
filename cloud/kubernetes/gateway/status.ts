// What is said of objects of the Gateway API, in its own words, once the hub has taken what follows from them: a listener is
// programmed when the nodes of its Gateway say that they take connections for all that is attached to it. Pure.

import { isDeepStrictEqual } from 'node:util'
import { compareText } from '../../../shared/bytes.ts'
import { conditionsOf, type Said } from '../cluster-status.ts'
import { type InputObject, inputApis, inputName } from '../input.ts'
import type { ParentPlan } from './attach.ts'
import type { ClassPlan, GatewayPlan } from './gateways.ts'
import { isOpen, type ListenerPlan } from './listeners.ts'
import { gatewayController } from './objects.ts'
import type { GatewaysPlan, RoutePlan } from './plan.ts'
import { isRefusal } from './terms.ts'

/** What became of a Service of the hub. */
export interface Outcome {
  /** Why the hub did not take it. */
  readonly fault?: string
  /** What it says of where it is published; undefined while it says nothing. */
  readonly published?: Pick<Said, 'status' | 'message'>
  /** Where nodes say that they take connections for it. */
  readonly places: readonly { readonly node: string; readonly address: string }[]
}
export type OutcomeOf = (name: string) => Outcome | undefined

type Loose = Readonly<Record<string, unknown>>

/** To be written into an object's status. */
export interface StatusWrite {
  readonly input: InputObject
  readonly status: Loose
}

const ADDRESSES_MAX = 16

function listIn(value: unknown): readonly Loose[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : []
}

function statusOf({ status }: Pick<InputObject, 'status'>): Loose {
  return (typeof status === 'object' && status !== null ? status : {}) as Loose
}

/** With conditions of others, which a list that is replaced would lose. */
function dated(
  held: Loose | undefined,
  generation: number,
  said: readonly Said<string>[],
  now: number,
): readonly unknown[] {
  const own = new Set<unknown>(said.map(({ type }) => type))
  const others = listIn(held?.['conditions']).filter(({ type }) => !own.has(type))
  return [...others, ...conditionsOf({ generation, status: held }, said, now)]
}

function classStatus({ input, refusal }: ClassPlan, now: number): Loose {
  const said: Said<string> =
    refusal === undefined
      ? { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Gateways of this class are carried out' }
      : { type: 'Accepted', status: 'False', ...refusal }
  return { conditions: dated(statusOf(input), input.generation, [said], now) }
}

function attachedTo(plan: GatewayPlan, listener: ListenerPlan, routes: readonly RoutePlan[]): readonly RoutePlan[] {
  return routes.filter(({ parents }) =>
    parents.some(({ attached }) =>
      attached.some((one) => one.gateway === plan && one.listener.listener.name === listener.listener.name),
    ),
  )
}

interface Programming {
  readonly said: Said<'Programmed'>
  /** Who of the nodes does not, where others do. */
  readonly lacking?: string
}

function programmedOf(
  plan: GatewayPlan,
  listener: ListenerPlan,
  attached: readonly RoutePlan[],
  outcomeOf: OutcomeOf,
): Programming {
  const type = 'Programmed'
  if (isRefusal(plan.taken) || !isOpen(listener))
    return { said: { type, status: 'False', reason: 'Invalid', message: 'it is not carried out' } }
  const partly: string[] = []
  const made = attached.flatMap(({ input, resources }) => resources.map((resource) => ({ input, resource })))
  for (const { input, resource } of made) {
    const { fault, published } = outcomeOf(resource.metadata.name) ?? {}
    if (fault === undefined && published?.status === 'True') continue
    const message = `${input.kind} ${inputName(input)}: ${fault ?? published?.message ?? 'not taken yet'}`
    // At some of its nodes it is there for who comes; that a device is away is no reason to call the rest so.
    if (fault !== undefined || published?.status !== 'Unknown')
      return { said: { type, status: 'False', reason: 'Pending', message } }
    partly.push(message)
  }
  const message = attached.length === 0 ? 'no route is attached' : 'nodes take connections for all that is attached'
  const [lacking] = partly
  const said = { type, status: 'True', reason: 'Programmed', message: lacking ?? message } as const
  return lacking === undefined ? { said } : { said, lacking }
}

function acceptedOf({ listeners, taken }: GatewayPlan): Said<'Accepted'> {
  const type = 'Accepted'
  if (isRefusal(taken)) return { type, status: 'False', ...taken }
  const closed = listeners.filter((one) => !isOpen(one)).map(({ listener }) => listener.name)
  if (closed.length === 0) return { type, status: 'True', reason: 'Accepted', message: 'it is carried out' }
  const message = `not carried out: ${closed.join(', ')}`
  const status = closed.length === listeners.length ? 'False' : 'True'
  return { type, status, reason: 'ListenersNotValid', message }
}

function wholeOf(plan: GatewayPlan, accepted: Said, listeners: readonly Programming[]): Said<'Programmed'> {
  const type = 'Programmed'
  if (accepted.status !== 'True') return { type, status: 'False', reason: 'Invalid', message: 'see Accepted' }
  if (plan.nodes.length === 0)
    return { type, status: 'False', reason: 'NoResources', message: 'no node of the network has these labels' }
  const open = listeners.find(({ said }) => said.status !== 'True' && said.reason !== 'Invalid')
  if (open !== undefined) return { type, status: 'False', reason: 'Pending', message: open.said.message }
  const lacking = listeners.flatMap((one) => one.lacking ?? [])[0]
  return { type, status: 'True', reason: 'Programmed', message: lacking ?? `nodes: ${plan.nodes.join(', ')}` }
}

function addressesOf(plan: GatewayPlan, routes: readonly RoutePlan[], outcomeOf: OutcomeOf): readonly object[] {
  const names = routes
    .filter(({ parents }) => parents.some(({ attached, gateway }) => gateway === plan && attached.length > 0))
    .flatMap(({ resources }) => resources.map(({ metadata }) => metadata.name))
  const at = names.flatMap((name) => outcomeOf(name)?.places ?? []).filter(({ node }) => plan.nodes.includes(node))
  const sorted = [...new Set(at.map(({ address }) => address))].sort(compareText).slice(0, ADDRESSES_MAX)
  return sorted.map((value) => ({ type: 'IPAddress', value }))
}

function gatewayStatus(plan: GatewayPlan, routes: readonly RoutePlan[], outcomeOf: OutcomeOf, now: number): Loose {
  const { input, listeners } = plan
  const held = statusOf(input)
  const told: Programming[] = []
  const all = listeners.map((one) => {
    const { accepted, conflicted, listener, resolved, supportedKinds } = one
    const attached = attachedTo(plan, one, routes)
    const programmed = programmedOf(plan, one, attached, outcomeOf)
    told.push(programmed)
    const before = listIn(held['listeners']).find(({ name }) => name === listener.name)
    return {
      name: listener.name,
      supportedKinds: supportedKinds.map((kind) => ({ group: inputApis[kind].group, kind })),
      attachedRoutes: attached.length,
      conditions: dated(before, input.generation, [accepted, conflicted, resolved, programmed.said], now),
    }
  })
  const accepted = acceptedOf(plan)
  return {
    addresses: addressesOf(plan, routes, outcomeOf),
    conditions: dated(held, input.generation, [accepted, wholeOf(plan, accepted, told)], now),
    listeners: all,
  }
}

function parentSaid({ accepted }: ParentPlan, { resolved, resources }: RoutePlan, outcomeOf: OutcomeOf) {
  const fault = resources.flatMap(({ metadata }) => outcomeOf(metadata.name)?.fault ?? [])[0]
  const isRefused = accepted.status === 'True' && fault !== undefined
  const first = isRefused
    ? { ...accepted, status: 'False' as const, reason: 'UnsupportedValue', message: fault }
    : accepted
  return resolved === undefined ? [first] : [first, resolved]
}

/** As an API server gives it back: it may have filled in what a reference leaves out. */
function filled(parentRef: unknown): Loose {
  const given = typeof parentRef === 'object' && parentRef !== null ? parentRef : {}
  return { group: inputApis.Gateway.group, kind: 'Gateway', ...given }
}

function routeStatus(plan: RoutePlan, outcomeOf: OutcomeOf, now: number): Loose {
  const { input, parents } = plan
  const held = listIn(statusOf(input)['parents'])
  const others = held.filter(({ controllerName }) => controllerName !== gatewayController)
  const own = held.filter(({ controllerName }) => controllerName === gatewayController)
  const told = parents.map((one) => {
    const ref = filled(one.ref)
    const before = own.find(({ parentRef }) => isDeepStrictEqual(filled(parentRef), ref))
    const conditions = conditionsOf(
      { generation: input.generation, status: before },
      parentSaid(one, plan, outcomeOf),
      now,
    )
    return { parentRef: one.ref, controllerName: gatewayController, conditions }
  })
  return { parents: [...others, ...told] }
}

function isTold({ input, status }: StatusWrite): boolean {
  const held = statusOf(input)
  return Object.entries(status).every(([key, wanted]) => {
    const there = held[key] ?? []
    if (key !== 'parents') return isDeepStrictEqual(there, wanted)
    const whole = (all: unknown) => listIn(all).map((one) => ({ ...one, parentRef: filled(one['parentRef']) }))
    return isDeepStrictEqual(whole(there), whole(wanted))
  })
}

/** What stands otherwise in the cluster. `now` in milliseconds since the Unix epoch. */
export function statusWrites(plan: GatewaysPlan, outcomeOf: OutcomeOf, now: number): readonly StatusWrite[] {
  const writes: readonly StatusWrite[] = [
    ...plan.classes.map((one) => ({ input: one.input, status: classStatus(one, now) })),
    ...plan.gateways.map((one) => ({ input: one.input, status: gatewayStatus(one, plan.routes, outcomeOf, now) })),
    ...plan.routes.map((one) => ({ input: one.input, status: routeStatus(one, outcomeOf, now) })),
  ]
  return writes.filter((one) => !isTold(one))
}
