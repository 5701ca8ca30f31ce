// The hub's figures as metrics.

import { compareText } from '../../shared/bytes.ts'
import { counter, type Family, formatMetrics, gauge, type Sample } from '../../shared/metrics-text.ts'
import type { ClusterView } from '../clusters/clusters.ts'
import type { CommandFigures } from '../commands/asked.ts'
import { awayAmong, lastSignOf } from '../fleet/away.ts'
import type { FleetFlowFigures } from '../flows/flow-figures.ts'
import { type Away, type FleetNode, nodeStates, type RollOut } from '../hub.ts'
import type { ReplicaStatus } from '../replica/keeping.ts'
import { clusterMetrics } from './cluster-metrics.ts'
import { flowMetrics } from './flow-metrics.ts'
import type { SignIns } from './route.ts'

export interface Figures {
  readonly version: string
  readonly uptimeS: number
  readonly residentBytes: number
  readonly fleet: readonly FleetNode[]
  readonly rollOut: readonly RollOut[]
  readonly watchers: number
  readonly brokerConnections: number | undefined
  readonly flows: FleetFlowFigures | undefined
  readonly replica?: ReplicaStatus | undefined
  /** Those with agents of their own. */
  readonly clusters?: readonly ClusterView[]
  readonly commands?: CommandFigures | undefined
  /** At the dashboard. */
  readonly people?: { readonly sessions: number; readonly signIns: SignIns } | undefined
}

function nodeCounts(fleet: readonly FleetNode[]): Sample[] {
  const networks = [...new Set(fleet.map((node) => node.network))].sort()
  return networks.flatMap((network) =>
    nodeStates.map(
      (state): Sample => [
        { network, state },
        fleet.filter((node) => node.network === network && node.state === state).length,
      ],
    ),
  )
}

/** Nodes with any: what is overridden is to be seen by name. */
function overrideCounts(fleet: readonly FleetNode[]): Sample[] {
  return fleet.flatMap(({ name, network, overrides }): Sample[] =>
    overrides === undefined ? [] : [[{ network, node: name }, overrides.length]],
  )
}

/** Devices that are away, by name: there are few, or something is badly wrong. */
function awayTimes(away: readonly Away[], value: (one: Away) => number | undefined): Sample[] {
  return away.flatMap((one): Sample[] => {
    const figure = value(one)
    return figure === undefined ? [] : [[{ network: one.network, node: one.name }, figure]]
  })
}

function awayFamilies(away: readonly Away[]): readonly Family[] {
  const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1_000)
  return [
    gauge(
      'holdfast_node_away_since_timestamp_seconds',
      'Since when a device that was there is away.',
      awayTimes(away, (one) => seconds(one.since)),
    ),
    gauge(
      'holdfast_node_away_last_sign_timestamp_seconds',
      'Last word of a device that is away, or last handshake with it that another one reported.',
      awayTimes(away, (one) => seconds(lastSignOf(one))),
    ),
    gauge(
      'holdfast_node_away_applied_revision',
      'Revision that a device ran when it was last heard.',
      awayTimes(away, (one) => one.applied?.revision),
    ),
  ]
}

function conditionCounts(fleet: readonly FleetNode[]): Sample[] {
  const counts = new Map<string, number>()
  for (const { health } of fleet) for (const { code } of health) counts.set(code, (counts.get(code) ?? 0) + 1)
  return [...counts].sort(([a], [b]) => compareText(a, b)).map(([code, count]): Sample => [{ code }, count])
}

function peopleFamilies(people: Figures['people']): readonly Family[] {
  if (people === undefined) return []
  const { oidc, refused, token } = people.signIns
  return [
    gauge('holdfast_hub_sessions', 'Sessions of people at the dashboard.', people.sessions),
    counter('holdfast_hub_sign_ins_total', 'Sign-ins at the dashboard since the hub started.', [
      [{ by: 'token' }, token],
      [{ by: 'oidc' }, oidc],
    ]),
    counter('holdfast_hub_sign_ins_refused_total', 'Sign-ins that were refused since the hub started.', refused),
  ]
}

function commandFamilies(commands: CommandFigures | undefined): readonly Family[] {
  if (commands === undefined) return []
  const ended = Object.entries(commands.ended).map(([state, count]): Sample => [{ state }, count])
  return [
    gauge('holdfast_hub_commands_open', 'Commands to devices that wait for an answer.', commands.open),
    counter('holdfast_hub_commands_total', 'Commands to devices that have ended since the hub started.', ended),
  ]
}

function replicaFamilies(replica: ReplicaStatus | undefined): readonly Family[] {
  if (replica === undefined) return []
  return [
    gauge('holdfast_hub_leads', 'Whether this replica leads; 0 where it can’t say so any more.', [
      [{ name: replica.name }, replica.leads ? 1 : 0],
    ]),
    gauge('holdfast_hub_state_generation', 'Generation of the state in the cluster.', replica.generation),
    gauge('holdfast_hub_state_settled', 'Whether all that was committed is in the cluster.', replica.isSettled ? 1 : 0),
    gauge('holdfast_hub_lease_transitions', 'How often the lease has changed hands.', replica.transitions),
  ]
}

/** What is in no pool has an empty name. */
function addressFamilies(networks: readonly RollOut[]): readonly Family[] {
  const of = (value: (one: RollOut['addresses'][number]) => number): Sample[] =>
    networks.flatMap(({ addresses, network }) =>
      addresses.map((one): Sample => [{ network, pool: one.pool ?? '', block: one.cidr }, value(one)]),
    )
  return [
    gauge(
      'holdfast_network_addresses',
      'Addresses that nodes and services may have.',
      of(({ room }) => room),
    ),
    gauge(
      'holdfast_network_addresses_taken',
      'Addresses that nodes and services have.',
      of(({ taken }) => taken),
    ),
  ]
}

export function hubMetrics(figures: Figures): string {
  const perNetwork = (value: (one: RollOut) => number): Sample[] =>
    figures.rollOut.map((one): Sample => [{ network: one.network }, value(one)])
  return formatMetrics([
    gauge('holdfast_hub_info', 'The version that runs.', [[{ version: figures.version }, 1]]),
    gauge('holdfast_hub_uptime_seconds', 'Seconds since the hub started.', figures.uptimeS),
    gauge('holdfast_hub_resident_memory_bytes', 'Resident memory of the hub.', figures.residentBytes),
    gauge('holdfast_hub_watchers', 'Open event streams.', figures.watchers),
    gauge('holdfast_broker_connections', 'Connections of the embedded broker.', figures.brokerConnections),
    gauge('holdfast_nodes', 'Enrolled devices by state.', nodeCounts(figures.fleet)),
    gauge('holdfast_node_overrides', 'Policy overrides that hold on a device.', overrideCounts(figures.fleet)),
    ...awayFamilies(awayAmong(figures.fleet)),
    gauge('holdfast_node_conditions', 'Health conditions that devices report.', conditionCounts(figures.fleet)),
    gauge(
      'holdfast_network_epoch',
      'Epoch of the newest intent.',
      perNetwork((one) => one.version.epoch),
    ),
    gauge(
      'holdfast_network_revision',
      'Revision of the newest intent.',
      perNetwork((one) => one.version.revision),
    ),
    gauge(
      'holdfast_network_nodes',
      'Members of the network.',
      perNetwork((one) => one.nodes),
    ),
    gauge(
      'holdfast_network_acknowledged',
      'Members that run the newest revision.',
      perNetwork((one) => one.acknowledged),
    ),
    gauge(
      'holdfast_network_confirmed',
      'Members where the newest revision has proven itself.',
      perNetwork((one) => one.confirmed),
    ),
    gauge(
      'holdfast_network_taken_back',
      'Members that took the newest revision back by themselves.',
      perNetwork((one) => one.takenBack.length),
    ),
    ...addressFamilies(figures.rollOut),
    ...commandFamilies(figures.commands),
    ...peopleFamilies(figures.people),
    ...replicaFamilies(figures.replica),
    ...clusterMetrics(figures.clusters ?? []),
    ...flowMetrics(figures.flows),
  ])
}
