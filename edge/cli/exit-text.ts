// `holdfast explain ADDRESS` for an address of the internet: which exit it is gone to by and why, or that it is blocked. Pure.

import { type Address, blockOf, type Cidr, familyOf, isWithin, parseCidr } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import type { NodeId } from '../../shared/ids.ts'
import { selects } from '../../shared/intent/field.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { AgentStatus } from '../agent.ts'
import { type Exit, exitOf, exitOmissions } from '../plan/exit.ts'
import { internetBlocks } from '../plan/internet.ts'
import type { RouterView } from '../routers/own-routers.ts'

export type WayOut = 'exit' | 'route' | 'uplink' | 'blocked' | 'private'

/** The shape of `holdfast explain ADDRESS --json`. */
export interface WayOutReport {
  readonly address: Address
  /** `uplink`: by the routes of this host itself, as with `private`, which is no address of the internet. */
  readonly way: WayOut
  /** The Exit or Route that decides. */
  readonly by?: string
  /** The node that leads there now. */
  readonly through?: string
  /** In sentences. */
  readonly why: readonly string[]
}

export type WayOutSight = Pick<AgentStatus, 'routers' | 'health'>

const EVERYTHING = { 4: parseCidr('0.0.0.0/0'), 6: parseCidr('::/0') }
const OWN_ROUTES =
  'Networks of its own links, and what this host has a route of its own for besides its default one, stay there.'

interface Led {
  readonly destination: Cidr
  readonly route: string
  /** The node that leads there now; undefined where nobody does. */
  readonly through: string | undefined
  readonly routers: readonly RouterView[]
}

/** The route that leads there in the place of an exit, the narrowest; its own site is gone to by a router itself. */
function routeTo(
  { nodes, routes }: ParsedRecords,
  self: NodeId,
  address: Address,
  sight: WayOutSight,
): Led | undefined {
  const me = nodes.find(({ nodeId }) => nodeId === self)
  const [best] = routes
    .map(({ name, spec }) => ({ name, via: spec.via, destination: spec.mapTo ?? spec.destination }))
    .filter(({ destination }) => isWithin(blockOf(destination), address))
    .filter(({ via }) => me === undefined || !selects(via, me.labels))
    .sort((a, b) => blockOf(b.destination).length - blockOf(a.destination).length || compareText(a.name, b.name))
  if (best === undefined) return undefined
  const { destination, name: route } = best
  const told = sight.routers?.find((one) => one.destination === destination)?.routers
  // Where one node alone leads there nobody chooses.
  const routers =
    told ??
    nodes.filter(({ labels }) => selects(best.via, labels)).map(({ name }): RouterView => ({ name, state: 'used' }))
  return { destination, route, routers, through: routers.find(({ state }) => state === 'used')?.name }
}

function isInternet({ network }: ParsedRecords, address: Address): boolean {
  const { cidr, cidr6 } = network?.spec ?? {}
  const mesh = [cidr, cidr6].filter((one): one is Cidr => one !== undefined)
  return internetBlocks(mesh).some((block) => isWithin(blockOf(block), address))
}

function named(views: readonly RouterView[], state: RouterView['state']): string {
  return views
    .filter((one) => one.state === state)
    .map(({ name }) => name)
    .join(', ')
}

function standing(views: readonly RouterView[]): readonly string[] {
  const [ready, gone] = [named(views, 'ready'), named(views, 'gone')]
  return [
    ...(ready === '' ? [] : [`Ready to take over: ${ready}.`]),
    ...(gone === '' ? [] : [`Not answering: ${gone}.`]),
  ]
}

const REMEDY = 'Look after those nodes, or give the Exit more of them.'

function blocked(address: Address, by: string, why: readonly string[]): WayOutReport {
  return { address, way: 'blocked', by, why: [...why, REMEDY] }
}

/** Nobody leads there: what the exit says becomes of it. */
function lost(address: Address, { name, whenLost }: Exit, why: string): WayOutReport {
  if (whenLost === 'Open') {
    const open = `Exit/${name} is Open for that case (whenLost), so it is gone to by this node’s own uplink.`
    return { address, way: 'uplink', by: name, why: [why, open] }
  }
  return blocked(address, name, [
    why,
    `Exit/${name} is Closed for that case (whenLost): programs are refused at once, and nothing goes by the own uplink.`,
  ])
}

function byExit(records: ParsedRecords, self: NodeId, address: Address, exit: Exit, sight: WayOutSight): WayOutReport {
  const family = familyOf(address)
  const group = exit.groups.find(({ block }) => familyOf(block) === family)
  const who = [...new Set(exit.groups.flatMap((one) => one.routers.map(({ name }) => name)))].join(', ') || 'nobody'
  const isLost = sight.health.some(({ code }) => code === 'exit-closed' || code === 'exit-open')
  if (isLost) return lost(address, exit, `Exit/${exit.name} selects this node and leads through ${who}: none answers.`)
  if (group === undefined) {
    const own = records.nodes.find(({ nodeId }) => nodeId === self)?.addresses ?? []
    if (own.every((one) => familyOf(one) !== family)) {
      return lost(address, exit, `Exit/${exit.name} selects this node, which has no IPv${family} in the mesh.`)
    }
    // It is led into the mesh all the same, whatever the exit says of nodes that do not answer.
    return blocked(address, exit.name, [
      `Exit/${exit.name} selects this node, and of those that it leads through (${who}) none has IPv${family} in the mesh.`,
    ])
  }
  const views = sight.routers?.find(({ destination }) => destination === EVERYTHING[family])?.routers ?? []
  const used = views.find(({ state }) => state === 'used')
  if (used === undefined) {
    return blocked(address, exit.name, [
      `Exit/${exit.name} selects this node and leads through ${who}: none answers now.`,
    ])
  }
  return {
    address,
    way: 'exit',
    by: exit.name,
    through: used.name,
    why: [
      `Exit/${exit.name} selects this node: the internet sees ${used.name} in its place.`,
      ...(views.length > 1
        ? ['Of several that one is taken that answers, then by measured path, then by metric.']
        : []),
      ...standing(views),
      exit.whenLost === 'Closed'
        ? 'Where none of them answers it is blocked (whenLost: Closed).'
        : 'Where none of them answers it is gone to by the own uplink (whenLost: Open).',
      OWN_ROUTES,
    ],
  }
}

/** `address`: nobody's of the mesh. Undefined where it lies in the mesh's own blocks, and belongs to nobody then. */
export function wayOut(
  records: ParsedRecords,
  self: NodeId,
  address: Address,
  sight: WayOutSight,
): WayOutReport | undefined {
  const { cidr, cidr6 } = records.network?.spec ?? {}
  const inMesh = [cidr, cidr6].some((block) => block !== undefined && isWithin(blockOf(block), address))
  if (inMesh) return undefined
  const route = routeTo(records, self, address, sight)
  if (route !== undefined) {
    const { destination, route: name, routers, through } = route
    const why = [`Route/${name} leads to ${destination}, and goes before any Exit.`, ...standing(routers)]
    if (through === undefined)
      return { address, way: 'blocked', by: name, why: [...why, 'None of its routers answers.'] }
    return { address, way: 'route', by: name, through, why }
  }
  if (!isInternet(records, address)) {
    const why = `${address} is private or reserved, no address of the internet: no Exit leads there, and it is gone to by this host’s own routes.`
    return { address, way: 'private', why: [why] }
  }
  const exit = exitOf(records, self)
  if (exit !== undefined) return byExit(records, self, address, exit, sight)
  const [omission] = exitOmissions(records, self)
  const why = omission === undefined ? 'No Exit selects this node' : omission.detail
  return { address, way: 'uplink', why: [`${why}.`] }
}

export function wayOutText({ address, through, way, why }: WayOutReport): string {
  const heads: Readonly<Record<WayOut, string>> = {
    exit: `${address} is gone to through ${through ?? 'nobody'}.`,
    route: `${address} is gone to through ${through ?? 'nobody'}.`,
    uplink: `${address} is gone to by this node’s own uplink.`,
    private: `${address} is gone to by this host’s own routes.`,
    blocked: `${address} is blocked.`,
  }
  return `${[heads[way], ...why].join('\n')}\n`
}
