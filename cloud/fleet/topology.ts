// Who reaches whom and how, as devices report it: by the values of a label, within one of them, or pair by pair. Pure.

import { compareText } from '../../shared/bytes.ts'
import { topologyLinksMax, topologyPairsMax, topologySpotsMax } from '../../shared/dashboard-limits.ts'
import type { PathKind, PeerReport } from '../../shared/wire/report.ts'
import type { FleetNode, NodeState } from '../hub.ts'
import type { RosterNode } from './roster.ts'

/** Nodes that share the value of a label, or one node. */
export interface Spot {
  /** The value, empty where there is none; or the node's name. */
  readonly key: string
  readonly nodes: number
  readonly online: number
}

export interface TopologyLink {
  /** Keys of spots, in order; the same where it is within one. */
  readonly a: string
  readonly b: string
  /** How many pairs are joined by which kind of path. A pair of which each end says something else counts twice. */
  readonly paths: Readonly<Partial<Record<PathKind, number>>>
  /** Median, microseconds, to two digits: no more is told by, and a line that wavers is no news. */
  readonly rttUs?: number
}

export interface Topology {
  readonly by: string
  /** The value that is looked into. */
  readonly within?: string
  /** Each node stands for itself. */
  readonly each?: true
  readonly keys: readonly string[]
  readonly spots: readonly Spot[]
  readonly links: readonly TopologyLink[]
  /** Spots and links that there is no room for. */
  readonly more: number
}

/** What one end says of the other. */
export interface Half {
  readonly from: string
  readonly to: string
  /** Of the end that says so, now. */
  readonly state: NodeState
  /** When it said so, milliseconds since the Unix epoch, by its clock. */
  readonly at: number
  readonly path: PathKind
  readonly via?: string
  readonly endpoint?: string
  readonly rttUs?: number
  readonly handshakeAgeS?: number
  /** What of its health bears on it. */
  readonly health: readonly string[]
}

export interface TopologyView {
  readonly by?: string | undefined
  readonly within?: string | undefined
  /** Each node for itself, also where no value is looked into. */
  readonly each?: boolean | undefined
  /** Only nodes that have, of each of these keys, one of the values. */
  readonly labels?: ReadonlyMap<string, ReadonlySet<string>> | undefined
}

interface Draft {
  readonly a: string
  readonly b: string
  readonly paths: Partial<Record<PathKind, number>>
  readonly rtts: number[]
}

function valueOf({ labels }: RosterNode, by: string): string {
  return Object.hasOwn(labels, by) ? (labels[by] ?? '') : ''
}

function isShown(node: RosterNode, by: string, { labels, within }: TopologyView): boolean {
  if (within !== undefined && valueOf(node, by) !== within) return false
  return [...(labels ?? [])].every(([key, values]) => Object.hasOwn(node.labels, key) && values.has(valueOf(node, key)))
}

/** What each node that is shown stands under. */
function spotsOf(nodes: readonly RosterNode[], by: string, view: TopologyView): ReadonlyMap<string, string> {
  const isAlone = view.each === true || view.within !== undefined
  const shown = nodes.filter((node) => isShown(node, by, view))
  return new Map(shown.map((node) => [node.name, isAlone ? node.name : valueOf(node, by)]))
}

function keysOf(nodes: readonly RosterNode[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const { labels } of nodes) for (const key of Object.keys(labels)) counts.set(key, (counts.get(key) ?? 0) + 1)
  const isSite = (key: string): number => (/(?:^|\/)(?:site|zone|region|location)$/.test(key) ? 0 : 1)
  return [...counts]
    .sort((a, b) => isSite(a[0]) - isSite(b[0]) || b[1] - a[1] || compareText(a[0], b[0]))
    .map(([key]) => key)
}

function add(drafts: Map<string, Draft>, from: string, to: string, { path, rttUs }: PeerReport): void {
  const [a, b] = compareText(from, to) <= 0 ? [from, to] : [to, from]
  const key = `${a}\0${b}`
  const draft = drafts.get(key) ?? { a, b, paths: {}, rtts: [] }
  draft.paths[path] = (draft.paths[path] ?? 0) + 1
  if (rttUs !== undefined) draft.rtts.push(rttUs)
  drafts.set(key, draft)
}

function linkOf({ a, b, paths, rtts }: Draft): TopologyLink {
  const rttUs = rtts.sort((x, y) => x - y)[rtts.length >> 1]
  return { a, b, paths, ...(rttUs === undefined ? {} : { rttUs: Number(rttUs.toPrecision(2)) }) }
}

/** Each pair is told of by both its ends: the word of the one that comes first by name counts, where it is there. */
export function topologyOf(nodes: readonly RosterNode[], fleet: readonly FleetNode[], view: TopologyView): Topology {
  const keys = keysOf(nodes)
  const by = view.by ?? keys[0] ?? ''
  const { each, within } = view
  const spotOf = spotsOf(nodes, by, view)
  const shown = nodes.filter(({ name }) => spotOf.has(name))
  const devices = new Map(fleet.map((device) => [device.name as string, device]))
  const speaks = (name: string): boolean => devices.get(name)?.state === 'online'
  const drafts = new Map<string, Draft>()
  for (const { name, report } of fleet) {
    const from = spotOf.get(name)
    if (from === undefined || !speaks(name)) continue
    for (const peer of report?.peers ?? []) {
      const to = spotOf.get(peer.name)
      if (to === undefined || (compareText(peer.name, name) < 0 && speaks(peer.name))) continue
      add(drafts, from, to, peer)
    }
  }
  const spots = [...Map.groupBy(shown, ({ name }) => spotOf.get(name) ?? '')]
    .map(([key, own]) => ({ key, nodes: own.length, online: own.filter(({ name }) => speaks(name)).length }))
    .sort((x, y) => y.nodes - x.nodes || compareText(x.key, y.key))
  const kept = spots.slice(0, topologySpotsMax).sort((x, y) => compareText(x.key, y.key))
  const isKept = new Set(kept.map(({ key }) => key))
  const links = [...drafts.values()].filter(({ a, b }) => isKept.has(a) && isKept.has(b)).map(linkOf)
  links.sort((x, y) => compareText(x.a, y.a) || compareText(x.b, y.b))
  return {
    by,
    ...(within === undefined ? {} : { within }),
    ...(each === true ? { each } : {}),
    keys,
    spots: kept,
    links: links.slice(0, topologyLinksMax),
    more: spots.length - kept.length + Math.max(0, links.length - topologyLinksMax),
  }
}

/** Both halves of each pair between two spots, those that do not reach each other first. */
export function halvesOf(
  nodes: readonly RosterNode[],
  fleet: readonly FleetNode[],
  view: TopologyView & { readonly a: string; readonly b: string },
): readonly Half[] {
  const { a, b } = view
  const spotOf = spotsOf(nodes, view.by ?? keysOf(nodes)[0] ?? '', view)
  const halves = fleet.flatMap(({ health, name, report, state }): readonly Half[] => {
    const from = spotOf.get(name)
    if (report === undefined || (from !== a && from !== b)) return []
    const other = from === a ? b : a
    return report.peers
      .filter((peer) => spotOf.get(peer.name) === other)
      .map(({ rxBytes: _rx, txBytes: _tx, name: to, ...peer }) => ({
        from: name,
        to,
        state,
        at: report.at,
        path: peer.path,
        ...(peer.via === undefined ? {} : { via: peer.via }),
        ...(peer.endpoint === undefined ? {} : { endpoint: peer.endpoint }),
        ...(peer.rttUs === undefined ? {} : { rttUs: peer.rttUs }),
        ...(peer.handshakeAgeS === undefined ? {} : { handshakeAgeS: peer.handshakeAgeS }),
        health: health.filter(({ code }) => /^(?:peer-|uplink-|relay-|port-)/.test(code)).map(({ code }) => code),
      }))
  })
  const rank = ({ path }: Half): number => ['none', 'tls', 'relay', 'direct', 'lan'].indexOf(path)
  const pair = ({ from, to }: Half): string => [from, to].sort(compareText).join('\0')
  return halves
    .sort((x, y) => rank(x) - rank(y) || compareText(pair(x), pair(y)) || compareText(x.from, y.from))
    .slice(0, topologyPairsMax)
}
