// Who leads to a subnet, as far as the hub knows: nodes that its Route selects and that advertise it, by whom devices go there as
// they report it, and what they say of routers that do not forward. Pure.

import { type Cidr, contains, overlaps } from '../../shared/address/cidr.ts'
import { type Labels, selects } from '../../shared/intent/field.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { drainLabel } from '../../shared/intent/service.ts'
import type { FleetNode } from '../hub.ts'

/** A member of the network. */
export interface Leader {
  readonly name: string
  readonly labels: Labels
  readonly advertise: readonly Cidr[]
  readonly online: boolean
}

export interface Reach {
  /** Names, each list in order. */
  readonly online: readonly string[]
  readonly offline: readonly string[]
  /** Of either. */
  readonly draining: readonly string[]
  /** How many devices go by each, by name. */
  readonly used: ReadonlyMap<string, number>
  /** Of each that does not forward: who says so. */
  readonly failing: ReadonlyMap<string, readonly string[]>
  /** Devices for whom nobody forwards. */
  readonly dark: readonly string[]
  /** Routes to the very same block through nodes of other sites alone. */
  readonly elsewhere: readonly string[]
  /** Blocks inside this one, and the Route of each: those go first. */
  readonly narrower: readonly { readonly name: string; readonly block: Cidr }[]
}

type Route = Resource<'Route'>

/** What nodes of one place have in common, where people say so. */
const SITE = 'site'

function blockOf({ spec }: Route): Cidr {
  return spec.mapTo ?? spec.destination
}

function leadersOf({ spec }: Route, nodes: readonly Leader[]): readonly Leader[] {
  return nodes.filter(
    ({ advertise, labels }) =>
      selects(spec.via, labels) && advertise.some((block) => contains(block, spec.destination)),
  )
}

function sitesOf(leaders: readonly Leader[]): readonly string[] {
  return [...new Set(leaders.flatMap(({ labels }) => labels[SITE] ?? []))]
}

function isElsewhere(leaders: readonly Leader[], others: readonly Leader[]): boolean {
  const [here, there] = [sitesOf(leaders), sitesOf(others)]
  return here.length > 0 && there.length > 0 && here.every((site) => !there.includes(site))
}

/** `routes` and `nodes`: of the route's network. */
export function reachOf(
  route: Route,
  routes: readonly Route[],
  nodes: readonly Leader[],
  fleet: readonly Pick<FleetNode, 'name' | 'report'>[],
): Reach {
  const [block, leaders] = [blockOf(route), leadersOf(route, nodes)]
  const names = (list: readonly Leader[]): readonly string[] => list.map(({ name }) => name).sort()
  const [used, failing, dark] = [new Map<string, number>(), new Map<string, string[]>(), [] as string[]]
  const own = new Set(leaders.map(({ name }) => name))
  for (const { name, report } of fleet) {
    const said = report?.routes?.find((one) => one.block === block)
    if (said === undefined) continue
    if (said.used !== undefined && own.has(said.used)) used.set(said.used, (used.get(said.used) ?? 0) + 1)
    for (const router of said.failing) if (own.has(router)) failing.set(router, [...(failing.get(router) ?? []), name])
    if (said.used !== undefined && said.failing.includes(said.used)) dark.push(name)
  }
  const others = routes.filter(
    (other) => other.metadata.name !== route.metadata.name && overlaps(blockOf(other), block),
  )
  const same = others.filter((other) => blockOf(other) === block && isElsewhere(leaders, leadersOf(other, nodes)))
  const inside = others.filter((other) => blockOf(other) !== block && contains(block, blockOf(other)))
  return {
    online: names(leaders.filter(({ online }) => online)),
    offline: names(leaders.filter(({ online }) => !online)),
    draining: names(leaders.filter(({ labels }) => labels[drainLabel] === 'true')),
    used,
    failing,
    dark: dark.sort(),
    elsewhere: same.map(({ metadata }) => metadata.name).sort(),
    narrower: inside.map((other) => ({ name: other.metadata.name, block: blockOf(other) })),
  }
}
