// Records, facts and local settings to what this device should look like. Pure: the same input gives the same bytes.

import { type Cidr, contains, familyOf, hostCidr, sortCidrs } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { mainAddresses, meshBlocks } from '../../shared/address/mesh-blocks.ts'
import { compareText } from '../../shared/bytes.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import { type Compilation, compileTable } from '../../shared/policy/compile.ts'
import { type Overlay, overTime } from '../../shared/policy/overlay.ts'
import { emptyTable } from '../../shared/policy/table.ts'
import { unheardIn } from '../../shared/policy/unheard.ts'
import { type PodWord, worldOf } from '../../shared/policy/world.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { Desired, DesiredPeer, Omission } from './desired.ts'
import { closed, type Enforcement } from './enforcement.ts'
import { exitForwards, exitOf, withExit } from './exit.ts'
import { exitSetup } from './exit-setup.ts'
import { familiesPublished } from './gateway.ts'
import type { ExitSetup, OwnWords } from './led-out.ts'
import { renderRuleset } from './nft.ts'
import type { LocalAddress } from './observed.ts'
import { type ChooseRouter, planRoutes, type RoutePlan } from './routes.ts'
import type { SharedPort } from './share.ts'

export interface DesireInput {
  readonly records: ParsedRecords
  readonly self: NodeId
  readonly wgKey: WgKey
  readonly interface: string
  /** Where the interface is in a network namespace of its own: the name of the table outside of it. */
  readonly outsideTable?: string | undefined
  readonly listenPort: number
  readonly meshPort: number
  /** Absent: this host does not share WireGuard's port. */
  readonly controlPort?: number | undefined
  /** Where to reach peers; a peer without an entry keeps the endpoint it has. */
  readonly endpoints: ReadonlyMap<NodeId, Endpoint>
  readonly local: readonly LocalAddress[]
  /** Of several routers to a block; the preferred one where absent. */
  readonly chooseRouter?: ChooseRouter
  /** Keys that peers were known by before those of their records, where WireGuard may still hold them. */
  readonly formerKeys?: ReadonlyMap<NodeId, WgKey>
  /** What nodes say of the pods behind them, this one among them. */
  readonly podsOf?: (node: NodeId) => PodWord | undefined
  /** This node reads the pods behind it. */
  readonly hasPods?: boolean
  /** How this device goes out where an exit selects it. */
  readonly exit?: ExitWish
  /** Laid over the policies of this device. */
  readonly overlays?: readonly Overlay[]
  /** Of the wish before, which they are used up by. */
  readonly compiled?: readonly Compilation[]
}

export interface ExitWish {
  readonly words: OwnWords
  /** None that leads out answers. */
  readonly isLost: boolean
}

export interface Wish {
  readonly desired: Desired
  readonly omissions: readonly Omission[]
  /** For the next one. */
  readonly compiled: readonly Compilation[]
}

function shareOf({ controlPort, listenPort }: DesireInput): SharedPort | undefined {
  return controlPort === undefined ? undefined : { controlPort, listenPort }
}

/** A device that the newest intent does not contain keeps its interface, and talks to nobody. */
function outcast(input: DesireInput): Wish {
  const { interface: name, listenPort, wgKey, records } = input
  const desired: Desired = {
    interface: name,
    listenPort,
    wgKey,
    mtu: records.network?.spec.mtu ?? 1_420,
    addresses: [],
    peers: [],
    routes: [],
    forwarding: [],
    policy: closed(input),
    ruleset: renderRuleset({ interface: name, mesh: [], forwards: [] }),
    services: '',
  }
  const detail = 'the newest intent does not contain this node'
  return { desired, omissions: [{ code: 'not-a-member', detail }], compiled: [] }
}

function peerOf(node: BodyOf<'node'>, input: DesireInput, routes: RoutePlan): DesiredPeer {
  const endpoint = input.endpoints.get(node.nodeId)
  const replaces = input.formerKeys?.get(node.nodeId)
  return {
    node: node.nodeId,
    name: node.name,
    wgKey: node.wgKey,
    ...(replaces === undefined ? {} : { replaces }),
    allowedIps: sortCidrs([...node.addresses.map(hostCidr), ...(routes.through.get(node.name) ?? [])]),
    ...(endpoint === undefined ? {} : { endpoint }),
    keepaliveS: input.records.network?.spec.keepalive ?? 25,
  }
}

function meshOf({ network }: ParsedRecords): readonly Cidr[] {
  return network === undefined ? [] : meshBlocks(network.spec)
}

/** What is enforced now, and what follows from it by time alone. */
function enforce(
  { compiled, interface: name, meshPort, overlays = [], podsOf, records }: DesireInput,
  self: BodyOf<'node'>,
  { forwards }: RoutePlan,
): { readonly policy: Enforcement; readonly compiled: readonly Compilation[] } {
  const [address] = self.addresses
  const spans = overTime(records, overlays)
  const next = spans.map((span, at) =>
    compileTable(
      worldOf(span.records, ({ nodeId }) => podsOf?.(nodeId)),
      self.name,
      compiled?.[at],
    ),
  )
  const phases = spans.map(({ untilS }, at) => ({
    table: next[at]?.table ?? emptyTable,
    ...(untilS === undefined ? {} : { untilS }),
  }))
  const own = address === undefined ? {} : { self: address }
  const publishes = meshOf(records).filter((block) =>
    familiesPublished(records.services, self).includes(familyOf(block)),
  )
  const gateway = publishes.length === 0 ? {} : { publishes }
  return { policy: { interface: name, meshPort, ...own, phases, forwards, ...gateway }, compiled: next }
}

/** Where nobody says more: the ports that are known anyway. */
function exitWish({ controlPort, exit, listenPort }: DesireInput): ExitWish {
  const ports = [listenPort, ...(controlPort === undefined ? [] : [controlPort])]
  return exit ?? { words: { ports, contacts: [] }, isLost: false }
}

function exitSetupOf(input: DesireInput, self: BodyOf<'node'>): ExitSetup | undefined {
  const { interface: name, local, records } = input
  const exit = exitOf(records, self.nodeId)
  if (exit === undefined) return undefined
  const zoneServers = (records.network?.spec.dnsZones ?? []).flatMap(({ servers }) => servers)
  const said = { ...exit, ...exitWish(input), zoneServers }
  return exitSetup({ ...said, interface: name, addresses: mainAddresses(self.addresses), mesh: meshOf(records), local })
}

export function desire(input: DesireInput): Wish {
  const { records, interface: name, listenPort, wgKey } = input
  const self = records.nodes.find((node) => node.nodeId === input.self)
  const spec = records.network?.spec
  // A record with another key is another device that took the place of this one.
  if (self === undefined || spec === undefined || self.wgKey !== wgKey) return outcast(input)
  const planned = planRoutes(records, self, input.local, input.chooseRouter)
  const routes = withExit(planned, records, self.nodeId, input.chooseRouter)
  const { compiled, policy } = enforce(input, self, routes)
  const forwards = routes.forwards.map(({ destination }) => familyOf(destination))
  const exit = exitSetupOf(input, self)
  const desired: Desired = {
    interface: name,
    listenPort,
    wgKey,
    mtu: spec.mtu,
    // An address out of the local network could be its gateway's: taking it would cut this host off. The overlap itself is
    // among the routes' omissions.
    addresses: sortCidrs(
      self.addresses.map(hostCidr).filter((own) => !input.local.some(({ cidr }) => contains(cidr, own))),
    ),
    peers: records.nodes
      .filter((node) => node.nodeId !== self.nodeId)
      .map((node) => peerOf(node, input, routes))
      .sort((a, b) => compareText(a.wgKey, b.wgKey)),
    routes: routes.routes,
    forwarding: [...new Set([...forwards, ...familiesPublished(records.services, self)])].sort((a, b) => a - b),
    policy,
    ruleset: renderRuleset({
      interface: name,
      mesh: meshOf(records),
      forwards: routes.forwards,
      leadsOut: exitForwards(records, self.nodeId).map(({ destination }) => destination),
      keepsSources: input.hasPods === true,
      share: shareOf(input),
      outsideTable: input.outsideTable,
    }),
    services: '',
    ...(exit === undefined ? {} : { exit }),
  }
  const unheard = records.policies.flatMap(({ name: policyName, spec: said }) =>
    unheardIn(said, self).map(
      (part) => ({ code: 'intent-unsupported', detail: `Policy/${policyName} ${part}` }) as const,
    ),
  )
  return { desired, omissions: [...routes.omissions, ...unheard], compiled }
}
