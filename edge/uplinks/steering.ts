// Which of the host's uplinks Holdfast's own packets take, as rules and tables of the kernel (policy routing). Pure.
//
// Nothing else of the host is touched: the rules name the UDP ports that WireGuard and the path engine send from, and
// TCP of sockets that bind themselves to the address of an uplink. A rule by source port needs no mark, chooses the source
// address along with the way, and is what the kernel's check of return paths goes by, too.
//
// Of WireGuard's packets only those that would leave by a default route are led: neighbours on a LAN, and whatever
// routes the host has besides, stay as they are.

import type { Address } from '../../shared/address/cidr.ts'
import type { Uplink } from './uplink.ts'

/** Ours go by these; no other program is known to use the numbers. */
export const steeringTable = 7_272
/** One for each uplink, for probes, behind the one that is steered by. */
export const firstProbeTable = 7_273
/** Tells ours from the routes of the main table, where the kernel shows all tables as one. */
export const steeringMetric = 7_272

const PROBES_FIRST = 7_271
const KEEP_ROUTES = 7_272
const STEER = 7_273
/** Priorities of all rules of ours. */
export const steeringPriorities = [PROBES_FIRST, KEEP_ROUTES, STEER] as const

export interface Rule {
  readonly priority: number
  readonly table: number
  readonly protocol: 'udp' | 'tcp'
  readonly from?: Address
  readonly to?: Address
  readonly sourcePort?: number
  readonly port?: number
  /** The main table without its default routes. */
  readonly keepsRoutes?: true
}

export interface TableRoute {
  readonly table: number
  readonly interface: string
  readonly gateway?: Address
  readonly source: Address
}

/** What stands in the kernel for one family. */
export interface Steering {
  readonly rules: readonly Rule[]
  readonly routes: readonly TableRoute[]
}

export const noSteering: Steering = { rules: [], routes: [] }

export interface Contact {
  readonly address: Address
  /** TCP. */
  readonly port: number
}

export interface SteeringWish {
  /** In an order that stays. */
  readonly uplinks: readonly (Uplink & { readonly probePort: number })[]
  /** The interface to go by; undefined where the host's own choice is right. */
  readonly chosen: string | undefined
  /** UDP ports that are sent from. */
  readonly ports: readonly number[]
  /** Hub and relays, for sockets that bind to the address of an uplink. */
  readonly contacts: readonly Contact[]
}

export const mainTable = 254

function routeBy({ address, gateway, interface: name }: Uplink, table: number): TableRoute {
  return { table, interface: name, ...(gateway === undefined ? {} : { gateway }), source: address }
}

export function steeringOf({ chosen, contacts, ports, uplinks }: SteeringWish): Steering {
  const by = uplinks.find((one) => one.interface === chosen)
  const probes = uplinks.flatMap(({ address: from, probePort }, i): readonly Rule[] => {
    const at = { priority: PROBES_FIRST, table: firstProbeTable + i, from }
    return [
      { ...at, protocol: 'udp', sourcePort: probePort },
      ...contacts.map(({ address: to, port }): Rule => ({ ...at, protocol: 'tcp', to, port })),
    ]
  })
  const steered = ports.flatMap((sourcePort): readonly Rule[] => [
    { priority: KEEP_ROUTES, table: mainTable, protocol: 'udp', sourcePort, keepsRoutes: true },
    { priority: STEER, table: steeringTable, protocol: 'udp', sourcePort },
  ])
  return {
    rules: [...probes, ...(by === undefined ? [] : steered)],
    routes: [
      ...(by === undefined ? [] : [routeBy(by, steeringTable)]),
      ...uplinks.map((uplink, i) => routeBy(uplink, firstProbeTable + i)),
    ],
  }
}

/** The interface that packets are led to by what stands. */
export function chosenIn({ routes, rules }: Steering): string | undefined {
  if (!rules.some(({ table }) => table === steeringTable)) return undefined
  return routes.find(({ table }) => table === steeringTable)?.interface
}

export function ruleText({ from, keepsRoutes, port, priority, protocol, sourcePort, table, to }: Rule): string {
  return [
    `pref ${priority}`,
    ...(from === undefined ? [] : [`from ${from}`]),
    ...(to === undefined ? [] : [`to ${to}`]),
    `ipproto ${protocol}`,
    ...(sourcePort === undefined ? [] : [`sport ${sourcePort}`]),
    ...(port === undefined ? [] : [`dport ${port}`]),
    `lookup ${table}`,
    ...(keepsRoutes === true ? ['suppress_prefixlength 0'] : []),
  ].join(' ')
}

export function routeText({ gateway, interface: name, source, table }: TableRoute): string {
  // On-link, because a provider may give an address without the block of its gateway.
  const via = gateway === undefined ? '' : ` via ${gateway}`
  return `default${via} dev ${name} src ${source} table ${table} metric ${steeringMetric}${via === '' ? '' : ' onlink'}`
}

/** Lines for `ip -batch` that lead from one to the other; new rules come before old ones go. */
export function steeringChange(from: Steering, to: Steering, protocol: string): readonly string[] {
  const [rulesBefore, rulesAfter] = [from.rules.map(ruleText), to.rules.map(ruleText)]
  const [routesBefore, routesAfter] = [from.routes.map(routeText), to.routes.map(routeText)]
  const missing = <T>(all: readonly T[], some: readonly T[]): readonly T[] => all.filter((one) => !some.includes(one))
  const kept = new Set(to.routes.map(({ table }) => table))
  return [
    ...missing(rulesAfter, rulesBefore).map((text) => `rule add ${text} protocol ${protocol}`),
    // Last of all that is added: at the news of a route, wireguard-go looks for the way to each peer again.
    ...missing(routesAfter, routesBefore).map((text) => `route replace ${text} protocol ${protocol}`),
    ...missing(rulesBefore, rulesAfter).map((text) => `rule del ${text} protocol ${protocol}`),
    ...from.routes.filter(({ table }) => !kept.has(table)).map((route) => `route del ${routeText(route)}`),
  ]
}
