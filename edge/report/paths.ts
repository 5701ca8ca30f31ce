// Every way to every peer, as `holdfast paths` shows it.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { isPublic } from '../../shared/address/scope.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import type { NearBook } from '../lan/near-book.ts'
import type { Chooser } from '../paths/chooser.ts'
import type { PathSizes, SizeView } from '../paths/path-sizes.ts'
import { type PathReport, type PathsReport, pathReport, type RelayReport } from '../paths/report.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { PortMapping } from '../portmap/own-portmap.ts'
import type { FactBook } from '../trust/fact-book.ts'
import type { Members } from '../trust/members.ts'
import type { OwnUplinks } from '../uplinks/own-uplinks.ts'
import type { PeerBook } from './peers.ts'

export interface PathSources {
  readonly clock: Clock
  readonly peers: Pick<PeerBook, 'entries' | 'of'>
  readonly facts: Pick<FactBook, 'facts'>
  readonly members: Pick<Members, 'me'>
  readonly sizes: Pick<PathSizes, 'view'> | undefined
  readonly ports: Pick<PortMapping, 'report'>
  readonly uplinks: Pick<OwnUplinks, 'report' | 'translator'>
}

/** Nearest first, and those that do not answer last. */
function relayReports(chooser: Chooser, nameOf: (node: NodeId) => Name): readonly RelayReport[] {
  const far = ({ by, rttMs }: Pick<RelayReport, 'by' | 'rttMs'>): number =>
    rttMs ?? (by === 'tls' ? Number.MAX_SAFE_INTEGER : Number.MAX_VALUE)
  return chooser
    .relaySights()
    .map(({ relay, ...sight }) => ({ name: nameOf(relay), ...sight }))
    .sort((a, b) => far(a) - far(b) || compareText(a.name, b.name))
}

/** As others see it, and what of its own nobody translates. */
function outsideOf(chooser: Chooser, local: readonly LocalAddress[]): readonly string[] {
  const own = local.filter(({ address, physical }) => physical && isPublic(address)).map(({ address }) => address)
  return [...new Set<string>([...chooser.outsideHosts(), ...own])].sort(compareText)
}

export function agentPaths(
  { clock, facts, members, peers, ports, sizes, uplinks }: PathSources,
  chooser: Chooser,
  lan: Pick<NearBook, 'near'> | undefined,
  local: readonly LocalAddress[],
): PathsReport {
  const now = clock.monotonic()
  const me = members.me()
  const nameOf = (node: NodeId): Name =>
    peers.of(node)?.member.name ?? (me?.nodeId === node ? me.name : (node as string as Name))
  const reports = peers.entries.flatMap(({ member: { name, nodeId } }): readonly PathReport[] => {
    const view = chooser.view(nodeId)
    const natType = facts.facts.get(nodeId)?.fact.natType ?? 'unknown'
    const sizeOf = (endpoint: Endpoint): SizeView | undefined => sizes?.view(nodeId, endpoint)
    return view === undefined ? [] : [pathReport({ name, nodeId, natType }, view, nameOf, now, sizeOf)]
  })
  const near = lan === undefined ? {} : { near: [...lan.near.keys()].map(nameOf).sort(compareText) }
  const prefix = uplinks.translator()
  const translated = prefix === undefined ? {} : { nat64: prefix }
  const portMapping = ports.report()
  const { mapped, natType } = chooser.mapping()
  const relays = relayReports(chooser, nameOf)
  const own = { natType, mapped, outside: outsideOf(chooser, local), relays, portMapping, uplinks: uplinks.report() }
  return { engine: chooser.engine(), ...own, ...translated, ...near, peers: reports }
}
