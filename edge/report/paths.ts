// Every way to every peer, as `holdfast paths` shows it.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import type { NearBook } from '../lan/near-book.ts'
import type { Chooser } from '../paths/chooser.ts'
import type { PathSizes, SizeView } from '../paths/path-sizes.ts'
import { type PathReport, type PathsReport, pathReport } from '../paths/report.ts'
import type { PortMapping } from '../portmap/own-portmap.ts'
import type { FactBook } from '../trust/fact-book.ts'
import type { Uplinks } from '../uplinks/uplinks.ts'
import type { PeerBook } from './peers.ts'

export interface PathSources {
  readonly clock: Clock
  readonly peers: Pick<PeerBook, 'entries' | 'of'>
  readonly facts: Pick<FactBook, 'facts'>
  readonly sizes: Pick<PathSizes, 'view'> | undefined
  readonly ports: Pick<PortMapping, 'report'>
  readonly uplinks: Pick<Uplinks, 'report'>
}

export function agentPaths(
  { clock, facts, peers, ports, sizes, uplinks }: PathSources,
  chooser: Chooser,
  lan: Pick<NearBook, 'near'> | undefined,
): PathsReport {
  const now = clock.monotonic()
  const nameOf = (node: NodeId): Name => peers.of(node)?.member.name ?? (node as string as Name)
  const reports = peers.entries.flatMap(({ member: { name, nodeId } }): readonly PathReport[] => {
    const view = chooser.view(nodeId)
    const natType = facts.facts.get(nodeId)?.fact.natType ?? 'unknown'
    const sizeOf = (endpoint: Endpoint): SizeView | undefined => sizes?.view(nodeId, endpoint)
    return view === undefined ? [] : [pathReport({ name, nodeId, natType }, view, nameOf, now, sizeOf)]
  })
  const near = lan === undefined ? {} : { near: [...lan.near.keys()].map(nameOf).sort(compareText) }
  const portMapping = ports.report()
  const own = { portMapping, uplinks: uplinks.report() }
  return { engine: chooser.engine(), ...chooser.mapping(), ...own, ...near, peers: reports }
}
