// Which listeners a route is led to by, for each parent that it names: by section and port, by what the listener lets attach, by
// names, and by who was there first. Pure.

import { compareText } from '../../../shared/bytes.ts'
import { selects } from '../../../shared/intent/field.ts'
import type { Said } from '../cluster-status.ts'
import { type InputObject, inputApis, inputName } from '../input.ts'
import { type GatewayPlan, share } from './gateways.ts'
import { meeting } from './hostnames.ts'
import { isByName, isOpen, type ListenerPlan, transportOf } from './listeners.ts'
import type { ParentRef, RouteKind } from './objects.ts'
import { isRefusal, type Refusal } from './terms.ts'

export interface Attached {
  readonly gateway: GatewayPlan
  readonly listener: ListenerPlan
  /** Of TLS and HTTP; of HTTP `*` alone for every host. */
  readonly hostnames?: readonly string[]
}

export interface ParentPlan {
  readonly ref: ParentRef
  readonly gateway: GatewayPlan
  readonly accepted: Said<'Accepted'>
  readonly attached: readonly Attached[]
}

/** What of a route is taken at one port of one Gateway: its listeners there are one place. */
export interface RoutePlace {
  readonly gateway: GatewayPlan
  readonly taken: object
  readonly port: number
  readonly protocol: ListenerPlan['protocol']
  readonly attached: readonly Attached[]
}

export function placesOf(attached: readonly Attached[]): readonly RoutePlace[] {
  const groups = Map.groupBy(
    attached,
    ({ gateway, listener }) => `${inputName(gateway.input)} ${listener.listener.port}`,
  )
  return [...groups.values()].flatMap((group): readonly RoutePlace[] => {
    const [first] = group
    if (first === undefined || isRefusal(first.gateway.taken)) return []
    const { gateway, listener } = first
    const { port } = listener.listener
    return [{ gateway, taken: first.gateway.taken, port, protocol: listener.protocol, attached: group }]
  })
}

export type RouteInput = InputObject & { readonly kind: RouteKind }

interface Claim {
  readonly gateway: GatewayPlan
  readonly by: InputObject
}

/** What a route has to itself: a port, or names at a port. Requests of one host may have several; what they match is claimed. */
function keysOf({ hostnames, listener }: Attached): readonly string[] {
  if (listener.protocol === 'HTTP') return []
  const place = `${transportOf(listener)} ${listener.listener.port}`
  return hostnames === undefined ? [place] : hostnames.map((name) => `${place} ${name}`)
}

/** What routes have that were there first. */
export class Claims {
  readonly #held = new Map<string, Claim[]>()

  add(by: InputObject, attached: readonly Attached[]): void {
    for (const one of attached) for (const key of keysOf(one)) this.hold(by, one.gateway, key)
  }

  hold(by: InputObject, gateway: GatewayPlan, key: string): void {
    const list = this.#held.get(key)
    if (list === undefined) this.#held.set(key, [{ gateway, by }])
    else list.push({ gateway, by })
  }

  isHeld(gateway: GatewayPlan, key: string): boolean {
    return this.#holder(gateway, key) !== undefined
  }

  /** Who has what this route would have. */
  holder(one: Attached): InputObject | undefined {
    for (const key of keysOf(one)) {
      const by = this.#holder(one.gateway, key)
      if (by !== undefined) return by
    }
    return undefined
  }

  #holder(own: GatewayPlan, key: string): InputObject | undefined {
    return this.#held.get(key)?.find(({ gateway }) => gateway === own || share(gateway, own))?.by
  }
}

/** The Gateway of ours, by namespace and name, that a route names as its parent; undefined where the parent is anything else. */
export function gatewayOf(
  { group, kind, name, namespace }: ParentRef,
  own: string,
  gateways: ReadonlyMap<string, GatewayPlan>,
): GatewayPlan | undefined {
  if ((group ?? inputApis.Gateway.group) !== inputApis.Gateway.group || (kind ?? 'Gateway') !== 'Gateway')
    return undefined
  return gateways.get(inputName({ name, namespace: namespace ?? own }))
}

function letsIn(
  { listener, supportedKinds }: ListenerPlan,
  gateway: GatewayPlan,
  route: RouteInput,
  namespaces: ReadonlyMap<string, InputObject>,
): boolean {
  if (!supportedKinds.includes(route.kind)) return false
  const { from = 'Same', selector = {} } = listener.allowedRoutes?.namespaces ?? {}
  switch (from) {
    case 'All':
      return true
    case 'Same':
      return route.namespace === gateway.input.namespace
    case 'Selector': {
      const namespace = namespaces.get(route.namespace)
      return namespace !== undefined && selects(selector, namespace.labels)
    }
    default:
      return false
  }
}

function refused(reason: string, message: string): Refusal {
  return { reason, message }
}

function choose(
  route: RouteInput,
  hostnames: readonly string[],
  { gateway, ref }: Pick<ParentPlan, 'gateway' | 'ref'>,
  around: { readonly namespaces: ReadonlyMap<string, InputObject>; readonly claims: Claims },
): readonly Attached[] | Refusal {
  const named = gateway.listeners.filter(
    ({ listener }) =>
      (ref.sectionName === undefined || ref.sectionName === listener.name) &&
      (ref.port === undefined || ref.port === listener.port),
  )
  if (named.length === 0) return refused('NoMatchingParent', 'the Gateway has no such listener')
  const letIn = named.filter((one) => letsIn(one, gateway, route, around.namespaces))
  if (letIn.length === 0)
    return refused('NotAllowedByListeners', `no listener lets a ${route.kind} of namespace ${route.namespace} attach`)
  if (isRefusal(gateway.taken))
    return refused('NoMatchingParent', `the Gateway is not accepted: ${gateway.taken.message}`)
  const open = letIn.filter(isOpen)
  if (open.length === 0) return refused('NoMatchingParent', 'no listener for it is carried out: see the Gateway')
  const wanted = open.map((listener): Attached => {
    if (!isByName(listener)) return { gateway, listener }
    const names = meeting(listener.listener.hostname, hostnames)
    const isEvery = listener.protocol === 'HTTP' && names.length === 0 && hostnames.length === 0
    return { gateway, listener, hostnames: isEvery ? ['*'] : names }
  })
  const met = wanted.filter((one) => one.hostnames === undefined || one.hostnames.length > 0)
  if (met.length === 0) {
    if (hostnames.length === 0)
      return refused('UnsupportedValue', 'neither it nor the listener says by which hostnames')
    return refused('NoMatchingListenerHostname', 'none of its hostnames is one of a listener')
  }
  const free = met.filter((one) => around.claims.holder(one) === undefined)
  if (free.length > 0) return free
  const holder = met.flatMap((one) => around.claims.holder(one) ?? [])[0]
  const what = route.kind === 'TLSRoute' ? 'one of these hostnames' : 'the listener'
  const whose = holder === undefined ? 'another route' : `${holder.kind} ${inputName(holder)}`
  return refused(
    route.kind === 'TLSRoute' ? 'HostnameConflict' : 'PortUnavailable',
    `${whose}, which is older, has ${what}`,
  )
}

function acceptedBy(attached: readonly Attached[]): Said<'Accepted'> {
  const names = attached.map(({ listener }) => listener.listener.name).sort(compareText)
  const byTls = attached.filter(({ listener }) => listener.protocol === 'TLS')
  const isWild = byTls.some(({ hostnames = [] }) => hostnames.some((one) => one.startsWith('*.')))
  const more = isWild ? '; “*.” stands for one label here' : ''
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message: `attached to ${names.join(', ')}${more}` }
}

/** `flaw`: why it can't be carried out wherever it is attached. */
export function attach(
  route: RouteInput,
  hostnames: readonly string[],
  parent: Pick<ParentPlan, 'gateway' | 'ref'>,
  around: {
    readonly namespaces: ReadonlyMap<string, InputObject>
    readonly claims: Claims
    readonly flaw: Refusal | undefined
  },
): ParentPlan {
  const chosen = choose(route, hostnames, parent, around)
  const refusal = isRefusal(chosen) ? chosen : around.flaw
  if (refusal !== undefined || isRefusal(chosen)) {
    const { message, reason } = refusal ?? { reason: 'Pending', message: '' }
    return { ...parent, accepted: { type: 'Accepted', status: 'False', reason, message }, attached: [] }
  }
  return { ...parent, accepted: acceptedBy(chosen), attached: chosen }
}
