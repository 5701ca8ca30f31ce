// Every node in one short line, for who looks at thousands of them at once. What lies behind is told of one node at a time. Pure.

import { compareText } from '../../shared/bytes.ts'
import { rosterDetailMax, rosterHealthMax } from '../../shared/dashboard-limits.ts'
import { type HealthCode, healthMeanings, type Severity } from '../../shared/health.ts'
import type { Name } from '../../shared/ids.ts'
import type { Labels } from '../../shared/intent/field.ts'
import type { Version } from '../../shared/record/head.ts'
import type { PathKind } from '../../shared/wire/report.ts'
import type { FleetNode, HeardOf, NodeState } from '../hub.ts'

export interface RosterHealth {
  readonly code: HealthCode
  /** Milliseconds since the Unix epoch. */
  readonly since: number
  readonly detail?: string
}

export interface RosterLine {
  readonly name: Name
  readonly network: Name
  readonly labels: Labels
  readonly addresses: readonly string[]
  /** `not-enrolled`: intent speaks of it, and no device has joined under its name. */
  readonly state: NodeState | 'not-enrolled'
  /** When the state last changed, and when anything was last heard; milliseconds since the Unix epoch. */
  readonly since?: number
  readonly lastSeen?: number
  readonly heardOf?: HeardOf
  /** Of the agent. */
  readonly version?: string
  readonly held?: Version
  readonly applied?: Version
  /** Peers in all, and those with a working path. */
  readonly peers?: number
  readonly reachable?: number
  /** How the peers that the report lists are reached. */
  readonly paths?: Readonly<Partial<Record<PathKind, number>>>
  /** Median of the round trips to its peers, microseconds. */
  readonly rttUs?: number
  /** To and from its peers since its agent started. */
  readonly rxBytes?: number
  readonly txBytes?: number
  readonly health: readonly RosterHealth[]
}

export interface Roster {
  readonly items: readonly RosterLine[]
  /** Of the health codes that occur. */
  readonly meanings: Readonly<Record<string, { severity: Severity; title: string; remedy: string }>>
}

/** As much of intent as a line tells. */
export interface RosterNode {
  readonly name: Name
  readonly network: Name
  readonly labels: Labels
  readonly addresses: readonly string[]
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

function figuresOf({ report }: FleetNode): Partial<RosterLine> {
  if (report === undefined) return {}
  const { peers, peersReachable, peersTotal, revision, version } = report
  const paths: Partial<Record<PathKind, number>> = {}
  for (const { path } of peers) paths[path] = (paths[path] ?? 0) + 1
  const rttUs = median(peers.flatMap((peer) => peer.rttUs ?? []))
  return {
    version,
    held: revision.held,
    applied: revision.applied,
    peers: peersTotal,
    reachable: peersReachable,
    paths,
    ...(rttUs === undefined ? {} : { rttUs }),
    rxBytes: peers.reduce((sum, { rxBytes }) => sum + rxBytes, 0),
    txBytes: peers.reduce((sum, { txBytes }) => sum + txBytes, 0),
  }
}

function lineOf(node: RosterNode, device: FleetNode | undefined): RosterLine {
  const { labels, name, network } = node
  if (device === undefined) {
    return { name, network, labels, addresses: node.addresses, state: 'not-enrolled', health: [] }
  }
  const { addresses, health, heardOf, lastSeen, since, state } = device
  return {
    name,
    network,
    labels,
    addresses,
    state,
    since,
    ...(lastSeen === undefined ? {} : { lastSeen }),
    ...(heardOf === undefined ? {} : { heardOf }),
    ...figuresOf(device),
    health: health.slice(0, rosterHealthMax).map(({ code, detail, since: from }) => ({
      code,
      since: from,
      ...(detail === undefined ? {} : { detail: detail.slice(0, rosterDetailMax) }),
    })),
  }
}

/** Nodes of intent and devices that are not among them, by name. */
export function rosterOf(nodes: readonly RosterNode[], fleet: readonly FleetNode[]): Roster {
  const devices = new Map(fleet.map((device) => [device.name, device]))
  const named = new Set(nodes.map(({ name }) => name))
  const strangers = fleet.filter(({ name }) => !named.has(name)).map((device) => ({ ...device, labels: {} }))
  const items = [...nodes, ...strangers]
    .map((node) => lineOf(node, devices.get(node.name)))
    .sort((a, b) => compareText(a.name, b.name))
  const codes = new Set(items.flatMap(({ health }) => health.map(({ code }) => code)))
  const meanings = Object.fromEntries([...codes].sort(compareText).map((code) => [code, healthMeanings[code]]))
  return { items, meanings }
}
