// One model of how this node is, shown in two shapes: to the hub, bounded; to people on the device, whole.

import type { Address, Cidr } from '../../shared/address/cidr.ts'
import { mainAddresses } from '../../shared/address/mesh-blocks.ts'
import type { Clock } from '../../shared/effects.ts'
import { type Condition, showCondition } from '../../shared/health.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { healthMax, statusPeersMax } from '../../shared/limits.ts'
import type { OverrideView } from '../../shared/override/report.ts'
import { failingReportedMax, routesReportedMax } from '../../shared/route-limits.ts'
import { publishedToldMax } from '../../shared/service-limits.ts'
import type { PeerReport, PublishedReport, RouteReport, StatusReport } from '../../shared/wire/report.ts'
import { understands } from '../../shared/wire/understands.ts'
import type { UplinkQuality } from '../../shared/wire/uplink-quality.ts'
import type { AgentSettings, AgentStatus, PeerStatus, RelayPorts } from '../agent.ts'
import type { Hearsay } from '../gossip/hearsay.ts'
import type { GossipStatus } from '../gossip/tally.ts'
import type { Identity } from '../identity.ts'
import type { LinkState } from '../link/hub-link.ts'
import type { MirrorView } from '../mirror/order.ts'
import type { NamesStatus } from '../names/doors.ts'
import type { KubernetesView } from '../pods/view.ts'
import type { RouterStatus } from '../routers/own-routers.ts'
import type { ServiceStatus } from '../services/status.ts'
import type { Origin } from '../trust/origin.ts'
import type { RootStatus } from '../trust/own-root.ts'
import type { OrderView } from '../update/order-doors.ts'
import type { UpdateView } from '../update/view.ts'
import type { UpkeepStatus } from '../upkeep/upkeep.ts'
import { ageS, cutOff, heardOf, hubFailure } from './cut-off.ts'
import type { Mode } from './mode.ts'
import type { NetworkStanding } from './network-standing.ts'
import type { PeerBook, PeerEntry } from './peers.ts'

/** What the hub is told of. It is looked at after each turn, so it is made of what lies ready. */
export interface HubModel {
  readonly settings: AgentSettings
  readonly clock: Clock
  readonly boot: number
  /** Wall clock of the start. */
  readonly startedAt: number
  readonly addresses: readonly Address[]
  readonly revision: Omit<AgentStatus['revision'], 'source' | 'signedAt' | 'ageS' | 'newestHeard'>
  readonly peers: PeerBook
  /** Round trip to a peer by the probes of its path, microseconds; undefined where none was measured lately. */
  readonly rttUs?: ((node: NodeId) => number | undefined) | undefined
  readonly uplink: UplinkQuality
  readonly routers?: readonly RouterStatus[] | undefined
  /** Where it takes connections for services from outside the mesh. */
  readonly published?: readonly PublishedReport[] | undefined
  readonly update?: UpdateView | undefined
  readonly order?: OrderView | undefined
  /** What it does when the hub says so. */
  readonly commands?: readonly string[] | undefined
  readonly health: readonly Condition[]
}

export interface Model extends HubModel, NetworkStanding {
  readonly identity: Identity
  readonly startedMonotonic: number
  /** When the hub signed what is held, by its clock. */
  readonly signedAt: number | undefined
  /** Who brought what is held. */
  readonly origin: Origin | undefined
  readonly rootKey: RootStatus
  readonly overrides: readonly OverrideView[]
  readonly mirror?: MirrorView | undefined
  readonly kubernetes?: KubernetesView | undefined
  readonly names?: NamesStatus | undefined
  readonly services: readonly ServiceStatus[]
  readonly drains: boolean
  /** Blocks that others reach through this node. */
  readonly leads?: readonly Cidr[] | undefined
  /** What the own record offers. */
  readonly relay: RelayPorts | undefined
  readonly mode: Mode
  readonly link: LinkState
  /** Milliseconds until the link is tried again; undefined while connected or trying. */
  readonly nextTryInMs: number | undefined
  /** Undefined where nobody looks. */
  readonly defaultRoute: boolean | undefined
  /** Those that answer. */
  readonly relays: readonly NodeId[]
  readonly hearsay: Hearsay
  readonly gossip: GossipStatus
  readonly upkeep: UpkeepStatus
}

/** Peers in an acknowledgement: a fleet of a thousand must not answer one change with a hundred megabytes. */
const ACK_PEERS_MAX = 32

function handshakeAgeOf(entry: PeerEntry, now: number): number | undefined {
  return entry.handshakeAt === 0 ? undefined : Math.max(0, Math.floor((now - entry.handshakeAt) / 1_000))
}

/** Without since when: that would be another report every second. */
function routesReport(routers: readonly RouterStatus[] = []): Pick<StatusReport, 'routes'> {
  if (routers.length === 0) return {}
  const routes = routers.slice(0, routesReportedMax).map(({ destination, routers: all }): RouteReport => {
    const used = all.find(({ state }) => state === 'used')?.name
    const failing = all.flatMap(({ name, proof }) => (proof === 'failing' ? name : []))
    return {
      block: destination,
      ...(used === undefined ? {} : { used }),
      failing: failing.slice(0, failingReportedMax),
    }
  })
  return { routes }
}

function peerReport(entry: PeerEntry, now: number, rttOf: HubModel['rttUs']): PeerReport {
  const { endpoint, member, path, rttMs, rxBytes, txBytes } = entry
  // Somebody may have asked once, long ago; probes go on.
  const rttUs = rttOf?.(member.nodeId) ?? (rttMs === undefined ? undefined : Math.round(rttMs * 1_000))
  const handshakeAgeS = handshakeAgeOf(entry, now)
  return {
    name: member.name,
    path,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(rttUs === undefined ? {} : { rttUs }),
    ...(handshakeAgeS === undefined ? {} : { handshakeAgeS }),
    rxBytes,
    txBytes,
  }
}

function updateReport({ last, trial }: UpdateView): NonNullable<StatusReport['update']> {
  if (last === undefined) return trial === undefined ? {} : { trial }
  const { at, certain, failed, from, outcome, version } = last
  return { last: { outcome, version, from, at, ...failed, ...(certain === undefined ? {} : { certain }) } }
}

/** Those that were ever heard of first; a peer that never answered is told by the numbers alone where space is short. */
function listed(entries: readonly PeerEntry[], max: number): readonly PeerEntry[] {
  if (entries.length <= max) return entries
  const heard = entries.filter((entry) => entry.handshakeAt !== 0)
  const silent = entries.filter((entry) => entry.handshakeAt === 0)
  return [...heard, ...silent].slice(0, max)
}

/** `brief`: an acknowledgement, which a large fleet sends all at once; the whole follows. */
export function statusReport(model: HubModel, brief: boolean): StatusReport {
  const now = model.clock.now()
  const { entries } = model.peers
  const shown = brief && entries.length > ACK_PEERS_MAX ? [] : listed(entries, statusPeersMax)
  return {
    version: model.settings.version.slice(0, 64),
    understands: [...understands],
    boot: model.boot,
    startedAt: Math.max(0, model.startedAt),
    addresses: [...mainAddresses(model.addresses)],
    revision: { ...model.revision },
    ...(model.update === undefined ? {} : { update: updateReport(model.update) }),
    ...(model.order === undefined ? {} : { order: model.order }),
    ...(model.commands === undefined ? {} : { commands: [...model.commands] }),
    peers: shown.map((entry) => peerReport(entry, now, model.rttUs)),
    peersTotal: entries.length,
    peersReachable: model.peers.reachable(),
    ...routesReport(model.routers),
    uplink: model.uplink,
    ...(model.published === undefined || model.published.length === 0
      ? {}
      : { published: model.published.slice(0, publishedToldMax) }),
    health: model.health.slice(0, healthMax),
    host: model.settings.host,
    at: Math.max(0, now),
  }
}

function peerStatus(entry: PeerEntry, peers: PeerBook, now: number, monotonic: number): PeerStatus {
  const { endpoint, member, path, rttMs, rxBytes, txBytes } = entry
  const relayed = path === 'relay' || path === 'tls'
  const via = !relayed || entry.via === undefined ? undefined : peers.of(entry.via)?.member.name
  const handshakeAgeS = handshakeAgeOf(entry, now)
  return {
    nodeId: member.nodeId,
    name: member.name,
    addresses: member.addresses,
    path,
    ...(via === undefined ? {} : { via }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(rttMs === undefined || path === 'none' ? {} : { rttMs }),
    ...(handshakeAgeS === undefined ? {} : { handshakeAgeS }),
    rxBytes,
    txBytes,
    active: entry.activeUntil > monotonic,
  }
}

function hubStatus({ identity, link, mode, nextTryInMs }: Model, now: number): AgentStatus['hub'] {
  const lastContactAgeS = mode.lastContact === undefined ? undefined : ageS(mode.lastContact, now)
  const failure = hubFailure(link)
  return {
    connected: link.up && link.hubOnline,
    since: mode.since,
    ...(mode.lastContact === undefined ? {} : { lastContact: mode.lastContact }),
    ...(lastContactAgeS === undefined ? {} : { lastContactAgeS }),
    url: identity.hubUrl,
    ...(failure === undefined ? {} : { failure }),
    ...(nextTryInMs === undefined ? {} : { nextTryInS: Math.ceil(nextTryInMs / 1_000) }),
  }
}

function revisionStatus({ hearsay, origin, peers, revision, signedAt }: Model, now: number): AgentStatus['revision'] {
  const heldAgeS = signedAt === undefined ? undefined : ageS(signedAt, now)
  const newestHeard = heardOf(hearsay, revision.held, (node) => peers.of(node)?.member.name)
  return {
    ...revision,
    ...(origin === undefined ? {} : { source: origin }),
    ...(signedAt === undefined ? {} : { signedAt }),
    ...(heldAgeS === undefined ? {} : { ageS: heldAgeS }),
    ...(newestHeard === undefined ? {} : { newestHeard }),
  }
}

function cutOffStatus(model: Model): Pick<AgentStatus, 'cutOff'> {
  const { defaultRoute, hearsay, link, mode, peers, relays } = model
  const nameOf = (node: NodeId): Name | undefined => peers.of(node)?.member.name
  const counts = { peersReachable: peers.reachable(), peersTotal: peers.entries.length }
  const found = cutOff({ ...counts, since: mode.since, defaultRoute, hearsay, link, nameOf, relays })
  return found === undefined ? {} : { cutOff: found }
}

export function agentStatus(model: Model): AgentStatus {
  const { clock, identity, mode } = model
  const now = clock.now()
  const monotonic = clock.monotonic()
  return {
    node: identity.name,
    nodeId: identity.nodeId,
    network: identity.network.name,
    addresses: model.addresses,
    hub: hubStatus(model, now),
    mode: mode.mode,
    modeSince: mode.since,
    ...cutOffStatus(model),
    revision: revisionStatus(model, now),
    rootKey: model.rootKey,
    ...(model.membershipLock === undefined ? {} : { membershipLock: model.membershipLock }),
    ...(model.renumbering === undefined ? {} : { renumbering: model.renumbering }),
    overrides: model.overrides,
    ...(model.mirror === undefined ? {} : { mirror: model.mirror }),
    ...(model.names === undefined ? {} : { names: model.names }),
    ...(model.drains ? { drains: true } : {}),
    ...(model.leads === undefined || model.leads.length === 0 ? {} : { leads: model.leads }),
    ...(model.services.length === 0 ? {} : { services: model.services }),
    ...(model.routers === undefined || model.routers.length === 0 ? {} : { routers: model.routers }),
    ...(model.relay === undefined ? {} : { relay: model.relay }),
    ...(model.kubernetes === undefined ? {} : { kubernetes: model.kubernetes }),
    uplink: model.uplink,
    peers: model.peers.entries.map((entry) => peerStatus(entry, model.peers, now, monotonic)),
    health: model.health.map((condition) => showCondition(condition)),
    gossip: model.gossip,
    upkeep: model.upkeep,
    uptimeS: Math.floor((monotonic - model.startedMonotonic) / 1_000),
    version: model.settings.version,
    ...(model.update === undefined ? {} : { update: model.update }),
    ...(model.order === undefined ? {} : { order: model.order }),
  }
}
