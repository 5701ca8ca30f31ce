// Gateways of our class: which nodes each is, which listeners it has, and whose port is whose where two are the same nodes. The
// older one keeps a port, as that API has it. Pure.

import { type Cidr, overlaps } from '../../../shared/address/cidr.ts'
import { compareText } from '../../../shared/bytes.ts'
import { HoldfastError } from '../../../shared/errors.ts'
import { type Labels, selects } from '../../../shared/intent/field.ts'
import { clusterGatewaysMax } from '../cluster-limits.ts'
import { createdAnnotation } from '../derived/export-terms.ts'
import { type InputObject, type Inputs, inputName } from '../input.ts'
import { isByName, isOpen, type ListenerPlan, listenersOf, transportOf } from './listeners.ts'
import { gatewayController, readClass, readGateway } from './objects.ts'
import { isRefusal, type Refusal, type Terms, termsOf } from './terms.ts'

/** A node of the network that gateways are chosen from. */
export interface GatewayNode {
  readonly name: string
  readonly labels: Labels
}

export interface ClassPlan {
  readonly input: InputObject
  readonly refusal?: Refusal
}

export interface GatewayPlan {
  readonly input: InputObject
  /** Names of nodes, sorted. */
  readonly nodes: readonly string[]
  readonly listeners: readonly ListenerPlan[]
  readonly taken: Terms | Refusal
}

/** Of the older one, as far as anybody says, it comes first; then by namespace and name. */
export function ageText(input: InputObject): string {
  return `${input.annotations[createdAnnotation] ?? '~'} ${inputName(input)}`
}

/** Oldest first. */
export function byAge(a: InputObject, b: InputObject): number {
  return compareText(ageText(a), ageText(b)) || compareText(a.kind, b.kind)
}

export function listed(inputs: Inputs, kind: keyof Inputs): readonly InputObject[] {
  const heard = inputs[kind]
  return heard === undefined || heard === 'unserved' ? [] : heard
}

/** Those that name this controller. */
export function classesOf(inputs: Inputs): readonly ClassPlan[] {
  return listed(inputs, 'GatewayClass').flatMap((input): readonly ClassPlan[] => {
    const spec = readClass(input)
    if (spec instanceof HoldfastError || spec.controllerName !== gatewayController) return []
    if (spec.parametersRef === undefined) return [{ input }]
    const message = 'parametersRef is not read here: write annotations at the class'
    return [{ input, refusal: { reason: 'InvalidParameters', message } }]
  })
}

function overlap<T>(
  a: readonly T[] | undefined,
  b: readonly T[] | undefined,
  isSame: (x: T, y: T) => boolean,
): boolean {
  return a === undefined || b === undefined || a.some((one) => b.some((other) => isSame(one, other)))
}

/** Both are at an address of a node, as far as anybody can tell. */
export function share(a: GatewayPlan, b: GatewayPlan): boolean {
  if (isRefusal(a.taken) || isRefusal(b.taken)) return false
  const isSame = (x: string, y: string): boolean => x === y
  return (
    overlap(a.nodes, b.nodes, isSame) &&
    overlap(a.taken.interfaces, b.taken.interfaces, isSame) &&
    overlap<Cidr>(a.taken.addresses, b.taken.addresses, overlaps)
  )
}

function portHolder(one: ListenerPlan, own: GatewayPlan, older: readonly GatewayPlan[]): GatewayPlan | undefined {
  return older.find(
    (other) =>
      share(own, other) &&
      other.listeners.some(
        (held) =>
          isOpen(held) &&
          held.listener.port === one.listener.port &&
          transportOf(held) === transportOf(one) &&
          // By names several may be behind one port.
          !(held.protocol === one.protocol && isByName(one)),
      ),
  )
}

function withoutTaken(own: GatewayPlan, older: readonly GatewayPlan[]): GatewayPlan {
  const listeners = own.listeners.map((one): ListenerPlan => {
    const holder = isOpen(one) ? portHolder(one, own, older) : undefined
    if (holder === undefined) return one
    const message = `Gateway ${inputName(holder.input)} has port ${one.listener.port} at nodes of this one`
    return { ...one, accepted: { type: 'Accepted', status: 'False', reason: 'PortUnavailable', message } }
  })
  return { ...own, listeners }
}

function planOf(input: InputObject, byClass: ClassPlan, nodes: readonly GatewayNode[]): GatewayPlan {
  const spec = readGateway(input)
  if (spec instanceof HoldfastError)
    return {
      input,
      nodes: [],
      listeners: [],
      taken: { reason: 'Invalid', message: `${spec.field ?? 'spec'}: ${spec.message}` },
    }
  const listeners = listenersOf(spec.listeners)
  const taken = byClass.refusal ?? termsOf(input, spec, byClass.input)
  if (isRefusal(taken)) return { input, nodes: [], listeners, taken }
  const own = nodes.filter(({ labels }) => selects(taken.gateways, labels)).map(({ name }) => name)
  return { input, nodes: own.sort(compareText), listeners, taken }
}

const beyond: Refusal = {
  reason: 'NoResources',
  message: `${clusterGatewaysMax} older Gateways of the cluster are carried out, and no more are`,
}

function classOf({ spec }: InputObject): string {
  const named = typeof spec === 'object' && spec !== null && 'gatewayClassName' in spec ? spec.gatewayClassName : ''
  return typeof named === 'string' ? named : ''
}

/** Of our classes, oldest first. */
export function gatewaysOf(
  inputs: Inputs,
  classes: readonly ClassPlan[],
  nodes: readonly GatewayNode[],
): readonly GatewayPlan[] {
  const byName = new Map(classes.map((one) => [one.input.name, one]))
  const plans: GatewayPlan[] = []
  for (const input of listed(inputs, 'Gateway').toSorted(byAge)) {
    const byClass = byName.get(classOf(input))
    if (byClass === undefined) continue
    const plan = planOf(input, byClass, nodes)
    plans.push(plans.length < clusterGatewaysMax ? withoutTaken(plan, plans) : { ...plan, nodes: [], taken: beyond })
  }
  return plans
}
