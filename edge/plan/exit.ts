// Who goes out by whom. Whoever any exit leads through, or relays, goes out by none itself: then no packet can go round,
// whatever the selectors say, because all devices work it out from the same records.

import { type Address, type Cidr, familyOf, parseCidr } from '../../shared/address/cidr.ts'
import { meshBlocks } from '../../shared/address/mesh-blocks.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { selects } from '../../shared/intent/field.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { Omission } from './desired.ts'
import type { Forward } from './enforcement.ts'
import { internetBlocks } from './internet.ts'
import type { ChooseRouter, RoutePlan, Router, RouterGroup } from './routes.ts'

/** Stand for the internet where exits are chosen; no route is ever called so. */
const EVERYTHING = { 4: parseCidr('0.0.0.0/0'), 6: parseCidr('::/0') }
const FAMILIES = [4, 6] as const

/** What the exits that select a node say together. */
export interface Exit {
  /** Of the preferred one. */
  readonly name: Name
  /** Closed where any of them says so. */
  readonly whenLost: 'Closed' | 'Open'
  /** Of the preferred one. */
  readonly resolvers: readonly Address[]
  /** One for each family that this node has. */
  readonly groups: readonly RouterGroup[]
}

type ExitBody = BodyOf<'exit'>
type NodeBody = BodyOf<'node'>

function leadsOut(exits: readonly ExitBody[], { labels }: Pick<NodeBody, 'labels'>): boolean {
  return exits.some(({ spec }) => selects(spec.via, labels))
}

/** Exits that select the node, the preferred one first. */
function exitsOf(exits: readonly ExitBody[], { labels }: Pick<NodeBody, 'labels'>): readonly ExitBody[] {
  return exits
    .filter(({ spec }) => selects(spec.nodes, labels))
    .sort((a, b) => a.spec.metric - b.spec.metric || compareText(a.name, b.name))
}

function meshOf({ network }: ParsedRecords): readonly Cidr[] {
  return network === undefined ? [] : meshBlocks(network.spec)
}

function familiesOf({ addresses }: Pick<NodeBody, 'addresses'>): readonly (4 | 6)[] {
  return FAMILIES.filter((family) => addresses.some((address) => familyOf(address) === family))
}

/** Undefined where the node goes out by itself. */
export function exitOf({ exits, nodes }: ParsedRecords, self: NodeId): Exit | undefined {
  const me = exits.length === 0 ? undefined : nodes.find(({ nodeId }) => nodeId === self)
  if (me === undefined || me.relay !== undefined || leadsOut(exits, me)) return undefined
  const own = exitsOf(exits, me)
  const [preferred] = own
  if (preferred === undefined) return undefined
  const routers = nodes.flatMap((node): readonly (Router & Pick<NodeBody, 'addresses'>)[] => {
    const by = own.find(({ spec }) => selects(spec.via, node.labels))
    if (by === undefined) return []
    return [{ node: node.nodeId, name: node.name, metric: Math.max(1, by.spec.metric), addresses: node.addresses }]
  })
  const ordered = routers.sort((a, b) => a.metric - b.metric || compareText(a.name, b.name))
  return {
    name: preferred.name,
    whenLost: own.some(({ spec }) => spec.whenLost === 'Closed') ? 'Closed' : 'Open',
    resolvers: preferred.spec.resolvers,
    groups: familiesOf(me).flatMap((family) => {
      const able = ordered.filter((router) => familiesOf(router).includes(family))
      const named = able.map(({ metric, name, node }): Router => ({ metric, name, node }))
      return named.length === 0
        ? []
        : [{ block: EVERYTHING[family], route: preferred.name, routers: named, isPlain: false }]
    }),
  }
}

/** What a node leads out for others: in its own name, because nobody out there knows the mesh. */
export function exitForwards({ exits, network, nodes }: ParsedRecords, self: NodeId): readonly Forward[] {
  const me = exits.length === 0 ? undefined : nodes.find(({ nodeId }) => nodeId === self)
  const spec = network?.spec
  if (me === undefined || spec === undefined || !leadsOut(exits, me)) return []
  const families = familiesOf(me)
  return internetBlocks(meshBlocks(spec))
    .filter((block) => families.includes(familyOf(block)))
    .map((destination) => ({ destination, nat: 'masquerade' }))
}

/**
 * The internet, by the name of the node that is gone out by. `taken`: blocks that lead elsewhere by routes; of two peers of
 * WireGuard with one block only one has it.
 */
function exitThrough(
  exit: Exit,
  records: ParsedRecords,
  choose: ChooseRouter,
  taken: ReadonlySet<Cidr>,
): ReadonlyMap<Name, readonly Cidr[]> {
  const blocks = internetBlocks(meshOf(records)).filter((block) => !taken.has(block))
  const through = new Map<Name, readonly Cidr[]>()
  for (const { block, routers } of exit.groups) {
    const router = choose(block, routers)
    if (router === undefined) continue
    const led = blocks.filter((one) => familyOf(one) === familyOf(block))
    through.set(router.name, [...(through.get(router.name) ?? []), ...led])
  }
  return through
}

/** With the way out, through others or for others. */
export function withExit(
  plan: RoutePlan,
  records: ParsedRecords,
  self: NodeId,
  choose: ChooseRouter = (_block, routers) => routers[0],
): RoutePlan {
  const exit = exitOf(records, self)
  const forwards = [...plan.forwards, ...exitForwards(records, self)]
  const omissions = [...plan.omissions, ...exitOmissions(records, self)]
  if (exit === undefined) return { ...plan, forwards, omissions }
  const through = new Map(plan.through)
  const taken = new Set([...through.values()].flat())
  for (const [name, blocks] of exitThrough(exit, records, choose, taken)) {
    through.set(name, [...(through.get(name) ?? []), ...blocks])
  }
  return { ...plan, through, forwards, omissions }
}

/** What people are to be told where this node goes out by itself though an exit selects it. */
export function exitOmissions({ exits, nodes }: ParsedRecords, self: NodeId): readonly Omission[] {
  const me = exits.length === 0 ? undefined : nodes.find(({ nodeId }) => nodeId === self)
  if (me === undefined) return []
  const [exit] = exitsOf(exits, me)
  if (exit === undefined) return []
  const why = leadsOut(exits, me) ? 'leads out for others' : me.relay === undefined ? undefined : 'relays for others'
  if (why === undefined) return []
  return [{ code: 'exit-not-taken', detail: `Exit/${exit.name} selects this node, which ${why}` }]
}
