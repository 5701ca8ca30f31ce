// Who asked from outside the mesh, of flows that this node leads to a service's backend: beyond it such a flow has this node for
// a source, and so it has on record, whichever way flows are counted; beside it stands who asked, and for which service. Pure.

import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import { flowOutsidesMax } from '../../shared/flow-limits.ts'
import type { GateLed } from '../gate/told.ts'
import type { Published, Publishing } from '../services/publish.ts'
import type { FlowCount, Led, Outside } from './counters.ts'

/** Where people outside are served here. */
export interface Serving {
  readonly places: readonly Published[]
  readonly gate: readonly GateLed[]
}

/** Undefined where nothing is published here. */
export function servingOf({ ports }: Publishing, gate: readonly GateLed[]): Serving | undefined {
  return ports.length === 0 ? undefined : { places: ports, gate }
}

export interface OutsideInput extends Serving {
  readonly led: readonly Led[]
  /** Of this node in the mesh. */
  readonly own: readonly Address[]
}

interface Found {
  readonly outside: Outside
  /** How it goes on, where the kernel led it from another address than this node's. */
  readonly as?: Pick<FlowCount, 'source' | 'sourcePort' | 'destination' | 'destinationPort'>
}

const NUMBERS = { tcp: 6, udp: 17 } as const

function text(...parts: readonly (string | number | undefined)[]): string {
  return parts.join(' ')
}

function createLookup({ gate, led, own, places }: OutsideInput): (flow: FlowCount) => Found | undefined {
  const ownOf = new Map(own.map((address) => [familyOf(address), address]))
  const isOwn = new Set<string>(own)
  const byPlace = new Map<string, Published>()
  const byName = new Map<string, string>()
  for (const one of places) {
    const { address, led: byWhat, port, protocol, service, servicePort, virtual } = one
    if (byWhat === undefined) byPlace.set(text(NUMBERS[protocol], address, port), one)
    else byName.set(text(virtual, servicePort), service)
  }
  const byGate = new Map<string, Outside>()
  for (const { outside, port, to } of gate) {
    const service = byName.get(text(to.address, to.port))
    if (service !== undefined) byGate.set(text(6, port, to.address, to.port), { ...outside, service })
  }
  /** By how a flow came, and by how it goes on from this node. */
  const came = new Map<string, Found>()
  const goes = new Map<string, Outside>()
  for (const one of led) {
    const { backend, backendPort, by, destination, destinationPort, protocol, source, sourcePort } = one
    const place = byPlace.get(text(protocol, destination, destinationPort))
    const self = ownOf.get(familyOf(backend))
    const beyond = text(protocol, by, backend, backendPort)
    if (place !== undefined && self !== undefined) {
      const outside = { address: source, port: sourcePort, service: place.service }
      const as = { source: self, sourcePort: by, destination: backend, destinationPort: backendPort }
      came.set(text(protocol, source, sourcePort, destination, destinationPort), { outside, as })
      goes.set(beyond, outside)
    } else if (isOwn.has(source)) {
      const outside = byGate.get(text(protocol, sourcePort, destination, destinationPort))
      if (outside !== undefined) goes.set(beyond, outside)
    }
  }

  /** The kernel had no room for how it goes on, or counts it with others: the service itself is what is known. */
  const atPlace = ({ destination, destinationPort, protocol, source, sourcePort }: FlowCount): Found | undefined => {
    const place = byPlace.get(text(protocol, destination, destinationPort))
    const self = place === undefined ? undefined : ownOf.get(familyOf(place.virtual))
    if (place === undefined || self === undefined) return undefined
    const outside = {
      address: source,
      ...(sourcePort === undefined ? {} : { port: sourcePort }),
      service: place.service,
    }
    return { outside, as: { source: self, destination: place.virtual, destinationPort: place.servicePort } }
  }

  return (flow) => {
    const { destination, destinationPort, protocol, source, sourcePort } = flow
    if (isOwn.has(source)) {
      const key = text(protocol, sourcePort, destination, destinationPort)
      const outside = goes.get(key) ?? byGate.get(key)
      return outside === undefined ? undefined : { outside }
    }
    return came.get(text(protocol, source, sourcePort, destination, destinationPort)) ?? atPlace(flow)
  }
}

function packetsOf({ back, sent }: FlowCount): number {
  return sent.packets + back.packets
}

/** Of each service those alone that moved most are told apart: a crowd of strangers pushes nobody else off the record. */
function bounded(flows: readonly FlowCount[]): readonly FlowCount[] {
  const sums = new Map<string, Map<string, number>>()
  for (const flow of flows) {
    const { address = '', service } = flow.outside ?? {}
    if (service === undefined) continue
    const ofService = sums.get(service) ?? new Map<string, number>()
    sums.set(service, ofService.set(address, (ofService.get(address) ?? 0) + packetsOf(flow)))
  }
  const kept = new Map(
    Array.from(sums, ([service, ofService]) => {
      const most = [...ofService].sort(([a, x], [b, y]) => y - x || compareText(a, b)).slice(0, flowOutsidesMax)
      return [service, new Set(most.map(([address]) => address))] as const
    }),
  )
  return flows.map((flow) => {
    const { address = '', service = '' } = flow.outside ?? {}
    return flow.outside === undefined || kept.get(service)?.has(address) === true
      ? flow
      : { ...flow, outside: { service } }
  })
}

/** The same flows, in the same order. */
export function withOutside(flows: readonly FlowCount[], input: OutsideInput): readonly FlowCount[] {
  const found = createLookup(input)
  return bounded(
    flows.map((flow) => {
      const { as, outside } = found(flow) ?? {}
      if (outside === undefined) return flow
      if (as === undefined) return { ...flow, outside }
      const { sourcePort: _port, ...rest } = flow
      return { ...rest, ...as, outside }
    }),
  )
}
