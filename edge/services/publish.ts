// Where this node takes connections for services from outside the mesh: the ports of its own addresses that follow from intent,
// from the interfaces it has now, and from what its own programs listen at, which is never taken from them. Pure.

import { type Address, type Cidr, contains, familyOf, hostCidr } from '../../shared/address/cidr.ts'
import type { Name } from '../../shared/ids.ts'
import { selects } from '../../shared/intent/field.ts'
import { matchText } from '../../shared/intent/http-match.ts'
import { LAN, type Publication } from '../../shared/intent/publish.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import { publishedPortsMax } from '../../shared/service-limits.ts'
import type { GateListener, HttpRoute, TlsRoute } from '../gate/listener.ts'
import type { PublishedPort } from '../plan/nft-published.ts'
import type { LocalAddress } from '../plan/observed.ts'

/** A port that somebody has. */
export interface PortRef {
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
}

export interface Listening extends PortRef {
  /** Absent: at all addresses. */
  readonly address?: Address
  /** Name of the program, where it can be told. */
  readonly program?: string
}

export interface PublishInput {
  /** In order of name: of two that want the same port the first has it. */
  readonly services: ParsedRecords['services']
  readonly self: Pick<BodyOf<'node'>, 'labels'>
  readonly local: readonly LocalAddress[]
  /** Who has one of these ports already. */
  readonly listening: (wanted: readonly PortRef[]) => readonly Listening[]
}

/** A port that a service is published at here. */
export interface Published extends PublishedPort {
  readonly service: Name
  /** It is led by what clients ask for, and not by the kernel. */
  readonly led?: Led
}

export type Led =
  | ({ readonly by: 'TLS' } & Pick<TlsRoute, 'hostnames'>)
  | ({ readonly by: 'HTTP' } & Omit<HttpRoute, 'from' | 'to'>)

export interface Publishing {
  readonly ports: readonly Published[]
  /** What is not published though intent says so, and why, in sentences. */
  readonly refused: readonly string[]
}

export const nothingPublished: Publishing = { ports: [], refused: [] }

/** Others are left alone: their names would have to be quoted in ways that nft does not know. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/

interface Wanted {
  readonly service: Name
  readonly virtual: readonly Address[]
  readonly said: Publication
}

function wantedOf({ self, services }: PublishInput): readonly Wanted[] {
  return services.flatMap(({ addresses, name, spec }) =>
    (spec.publish ?? [])
      .filter(({ gateways }) => selects(gateways, self.labels))
      .map((said) => ({ service: name, virtual: spec.headless === true ? [] : addresses, said })),
  )
}

function isMeant({ addresses, interfaces }: Publication, own: LocalAddress): boolean {
  if (!PLAIN_NAME.test(own.interface)) return false
  const byName = interfaces === undefined ? own.physical : interfaces.includes(own.interface)
  return byName && (addresses === undefined || addresses.some((block) => contains(block, hostCidr(own.address))))
}

/** Those of the address's family. */
function sourcesOf({ from }: Publication, own: LocalAddress): readonly Cidr[] {
  const blocks = from.map((one) => (one === LAN ? own.cidr : one))
  return blocks.filter((block) => familyOf(block) === familyOf(own.address))
}

function ledOf(said: Publication): Led | undefined {
  const { answer, hostnames, order, paths, protocol, redirect, requestHeaders, responseHeaders, weight } = said
  if (protocol === 'TLS') return { by: 'TLS', hostnames: hostnames ?? [] }
  if (protocol !== 'HTTP') return undefined
  return {
    by: 'HTTP',
    ...(hostnames === undefined ? {} : { hostnames }),
    ...(paths === undefined ? {} : { paths }),
    ...(answer === undefined ? {} : { answer }),
    ...(redirect === undefined ? {} : { redirect }),
    ...(order === undefined ? {} : { order }),
    ...(weight === undefined ? {} : { weight }),
    ...(requestHeaders === undefined ? {} : { requestHeaders }),
    ...(responseHeaders === undefined ? {} : { responseHeaders }),
  }
}

function portsOf({ said, service, virtual }: Wanted, local: readonly LocalAddress[]): readonly Published[] {
  return local
    .filter((own) => isMeant(said, own))
    .flatMap((own) => {
      const to = virtual.find((address) => familyOf(address) === familyOf(own.address))
      const from = sourcesOf(said, own)
      if (to === undefined || from.length === 0) return []
      const { address, interface: name } = own
      const protocol = said.protocol === 'UDP' ? 'udp' : 'tcp'
      const led = ledOf(said)
      const { port, servicePort = port } = said
      return {
        service,
        interface: name,
        address,
        protocol,
        port,
        from,
        virtual: to,
        servicePort,
        ...(led && { led }),
      } as const
    })
}

/** `192.168.1.5 TCP port 443`. */
function placeText({ address, port, protocol }: Pick<Published, 'address' | 'port' | 'protocol'>): string {
  return `${address} ${protocol.toUpperCase()} port ${port}`
}

function occupantOf(one: Published, listening: readonly Listening[]): Listening | undefined {
  return listening.find(
    ({ address, port, protocol }) =>
      protocol === one.protocol && port === one.port && (address === undefined || address === one.address),
  )
}

/** Each host that leads there, with what is asked of it. */
function claimsOf(led: Led): readonly string[] {
  if (led.by === 'TLS') return led.hostnames
  const asked = led.paths?.map(matchText) ?? ['/']
  return (led.hostnames ?? ['*']).flatMap((name) => asked.map((one) => `${name} ${one}`))
}

/** They share what both are asked for. */
function share(own: Led, other: Led): boolean {
  if (own.by !== 'HTTP' || other.by !== 'HTTP') return false
  return own.weight !== undefined && other.weight !== undefined && own.order === other.order
}

/** At one port of one address. By names several may be. */
function collide({ led: own }: Published, { led: other }: Published): boolean {
  if (own === undefined || other === undefined || own.by !== other.by) return true
  if (share(own, other)) return false
  const others = new Set(claimsOf(other))
  return claimsOf(own).some((one) => others.has(one))
}

/** What is led by what clients ask for, by the own addresses that it is asked at. */
export function listenersOf(ports: readonly Published[]): readonly GateListener[] {
  const listeners = new Map<string, GateListener>()
  for (const { address, from, led, port, protocol, servicePort, virtual } of ports) {
    if (led === undefined) continue
    const place = placeText({ address, port, protocol })
    const held = listeners.get(place) ?? { protocol: led.by, address, port, routes: [] }
    const { by, ...asked } = led
    // Of two kinds at one port the second was refused.
    const route = { ...asked, from, to: { address: virtual, port: servicePort } }
    listeners.set(place, { ...held, protocol: by, routes: [...held.routes, route] } as GateListener)
  }
  return [...listeners.values()]
}

export function publishing(input: PublishInput): Publishing {
  const wanted = wantedOf(input)
  if (wanted.length === 0) return nothingPublished
  const refused: string[] = []
  const all = wanted.flatMap((one) => {
    const ports = portsOf(one, input.local)
    const what = `Service/${one.service} ${one.said.protocol} port ${one.said.port} is not published`
    if (one.virtual.length === 0) refused.push(`${what}: the service has no address of its own`)
    else if (ports.length === 0) refused.push(`${what}: this node has no address now that is meant`)
    return ports
  })
  const listening = input.listening(all.map(({ port, protocol }) => ({ port, protocol })))
  const taken = new Map<string, readonly Published[]>()
  let count = 0
  for (const one of all) {
    const place = placeText(one)
    const [occupant, others = []] = [occupantOf(one, listening), taken.get(place)]
    const first = others.find((other) => collide(one, other))
    const what = `Service/${one.service} is not published at ${place}`
    if (occupant !== undefined) {
      refused.push(`${what}: ${occupant.program ?? 'a program'} of this device listens there`)
    } else if (first !== undefined) refused.push(`${what}: Service/${first.service} is`)
    else if (count >= publishedPortsMax) refused.push(`${what}: it is beyond the first ${publishedPortsMax}`)
    else {
      taken.set(place, [...others, one])
      count++
    }
  }
  return { ports: [...taken.values()].flat(), refused: [...new Set(refused)] }
}
