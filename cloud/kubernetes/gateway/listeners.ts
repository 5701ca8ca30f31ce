// Listeners of one Gateway: which are carried out, for which kinds of routes, and which stand in each other's way. Of those that
// share a port and can't be told apart none is carried out. Pure.

import type { Said } from '../cluster-status.ts'
import type { Listener, Protocol, RouteKind } from './objects.ts'
import { routeKinds, routeProtocols } from './objects.ts'
import type { Refusal } from './terms.ts'

export interface ListenerPlan {
  readonly listener: Listener
  /** Undefined where it is of no protocol that is carried out. */
  readonly protocol: Protocol | undefined
  readonly supportedKinds: readonly RouteKind[]
  readonly accepted: Said<'Accepted'>
  readonly conflicted: Said<'Conflicted'>
  readonly resolved: Said<'ResolvedRefs'>
}

/** Routes are led by it. */
export function isOpen({ accepted, conflicted }: ListenerPlan): boolean {
  return accepted.status === 'True' && conflicted.status === 'False'
}

export function transportOf({ protocol }: Pick<ListenerPlan, 'protocol'>): 'tcp' | 'udp' {
  return protocol === 'UDP' ? 'udp' : 'tcp'
}

/** Several may be at one port, by the names that clients ask for. */
export function isByName({ protocol }: Pick<ListenerPlan, 'protocol'>): boolean {
  return protocol === 'TLS' || protocol === 'HTTP'
}

const instead: Readonly<Record<string, string>> = {
  HTTPS:
    'the private key of its certificate would have to lie on the gateway’s nodes: take a TLS listener with mode Passthrough and a TLSRoute',
}

function protocolOf({ protocol }: Listener): Protocol | undefined {
  return Object.values(routeProtocols).find((one) => one === protocol)
}

function refusalOf(listener: Listener): Refusal | undefined {
  const { allowedRoutes, protocol, tls } = listener
  if (protocolOf(listener) === undefined) {
    const more = Object.hasOwn(instead, protocol) ? instead[protocol] : 'there are TCP, UDP, TLS and HTTP'
    return { reason: 'UnsupportedProtocol', message: `protocol ${protocol} is not carried out: ${more}` }
  }
  if (protocol === 'TLS' && tls?.mode !== 'Passthrough') {
    const message = 'TLS is passed on and never terminated: say tls.mode Passthrough'
    return { reason: 'UnsupportedValue', message }
  }
  const from = allowedRoutes?.namespaces?.from
  if (from === undefined || ['All', 'None', 'Same', 'Selector'].includes(from)) return undefined
  return { reason: 'UnsupportedValue', message: `allowedRoutes.namespaces.from ${from} is not known` }
}

function acceptedOf(listener: Listener): Said<'Accepted'> {
  const refusal = refusalOf(listener)
  if (refusal !== undefined) return { type: 'Accepted', status: 'False', ...refusal }
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'it is carried out' }
}

function kindsOf(listener: Listener): Pick<ListenerPlan, 'resolved' | 'supportedKinds'> {
  const protocol = protocolOf(listener)
  const own = routeKinds.filter((kind) => routeProtocols[kind] === protocol)
  const said = listener.allowedRoutes?.kinds ?? []
  const isOwn = ({ group, kind }: (typeof said)[number]): boolean =>
    group === 'gateway.networking.k8s.io' && own.some((one) => one === kind)
  const odd = said.filter((one) => !isOwn(one)).map(({ kind }) => kind)
  const supportedKinds =
    said.length === 0 ? own : own.filter((kind) => said.some((one) => isOwn(one) && one.kind === kind))
  if (odd.length === 0) {
    const resolved = {
      type: 'ResolvedRefs',
      status: 'True',
      reason: 'ResolvedRefs',
      message: 'nothing is missing',
    } as const
    return { supportedKinds, resolved }
  }
  const message = `${odd.join(', ')} can’t be led to by protocol ${listener.protocol}`
  return { supportedKinds, resolved: { type: 'ResolvedRefs', status: 'False', reason: 'InvalidRouteKinds', message } }
}

/** Why two can't be told apart; undefined where they can. */
function clashOf(a: ListenerPlan, b: ListenerPlan): 'HostnameConflict' | 'ProtocolConflict' | undefined {
  if (a.listener.port !== b.listener.port || transportOf(a) !== transportOf(b)) return undefined
  if (a.protocol !== b.protocol) return 'ProtocolConflict'
  const isApart = isByName(a) && (a.listener.hostname ?? '') !== (b.listener.hostname ?? '')
  return isApart ? undefined : 'HostnameConflict'
}

function conflictedOf(one: ListenerPlan, all: readonly ListenerPlan[]): Said<'Conflicted'> {
  for (const other of all) {
    if (other === one || other.accepted.status !== 'True' || one.accepted.status !== 'True') continue
    const reason = clashOf(one, other)
    if (reason === undefined) continue
    const message = `listener ${other.listener.name} is at port ${other.listener.port}, too`
    return { type: 'Conflicted', status: 'True', reason, message }
  }
  return one.conflicted
}

/** In the order of the Gateway. */
export function listenersOf(all: readonly Listener[]): readonly ListenerPlan[] {
  const plans = all.map((listener): ListenerPlan => {
    const conflicted = {
      type: 'Conflicted',
      status: 'False',
      reason: 'NoConflicts',
      message: 'it stands alone',
    } as const
    return {
      listener,
      protocol: protocolOf(listener),
      accepted: acceptedOf(listener),
      conflicted,
      ...kindsOf(listener),
    }
  })
  return plans.map((one) => ({ ...one, conflicted: conflictedOf(one, plans) }))
}
