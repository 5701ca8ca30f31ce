// What `holdfast netcheck` finds, as rows: drawn from what the agent has learned by talking to its peers.

import { hostOf, isIpv6 } from '../../shared/address/endpoint.ts'
import { timeText } from '../../shared/cli/words.ts'
import type { PathKind } from '../../shared/wire/report.ts'
import type { AgentStatus } from '../agent.ts'
import type { HostProbe } from '../host/probe.ts'
import type { PathReport, PathsReport } from '../paths/report.ts'
import type { PortMappingReport } from '../portmap/report.ts'
import { uplinksText } from '../uplinks/words.ts'
import { isReached, isUnasked } from './explain-text.ts'
import { mtuSummary } from './mtu-text.ts'
import { rttText } from './words.ts'

const NAT_FOUND: Readonly<Record<PathsReport['natType'], string>> = {
  unknown: 'not known yet: nobody outside has answered, or only one',
  none: 'none: this node bears its own address outside',
  'endpoint-independent': 'one mapping for everybody (endpoint-independent): others can reach this node',
  symmetric: 'another mapping for every destination (symmetric): others need a relay or a forwarded port',
  'udp-blocked': 'UDP is blocked',
}

/** How each peer is reached; without the engine by what WireGuard's handshakes say. */
function kindsOf({ engine, peers }: PathsReport, status: AgentStatus): readonly (PathKind | 'unasked')[] {
  if (engine === 'off') return status.peers.map(({ path }) => path)
  return peers.map((peer) => peer.candidates.find(isReached)?.kind ?? (isUnasked(peer) ? 'unasked' : 'none'))
}

function peersText(kinds: readonly (PathKind | 'unasked')[]): string {
  const count = (kind: string): number => kinds.filter((one) => one === kind).length
  const reached = (['lan', 'direct', 'relay', 'tls'] as const).map((kind) => `${count(kind)} ${kind}`)
  const unasked = count('unasked') === 0 ? [] : [`${count('unasked')} not talked with yet`]
  return [...reached, `${count('none')} silent`, ...unasked].join(', ')
}

const RELAY_BY = { udp: '', tls: ' by TLS', silent: ' does not answer' } as const

function relaysText({ engine, relays = [] }: PathsReport): string {
  if (engine === 'off') return 'not used: they need WireGuard’s port to be shared'
  const told = relays.map(
    ({ by, name, rttMs }) => `${name}${rttMs === undefined ? '' : ` ${rttText(rttMs)}`}${RELAY_BY[by]}`,
  )
  return told.join(', ') || 'the network has none'
}

/** Endpoints where others find this node; of a NAT that maps anew for everybody the address alone. */
function outsideText({ mapped, natType, outside = [] }: PathsReport): string {
  const named = new Set(mapped.map(hostOf))
  const bare = outside.filter((host) => !named.has(host))
  const anew = natType === 'symmetric' ? ', at another port for every destination' : ''
  return [...mapped, ...bare.map((host) => (host.includes(':') ? host : `${host}${anew}`))].join('; ') || 'not known'
}

function outsideIpv6(peers: readonly PathReport[]): boolean {
  return peers.some(({ candidates }) =>
    candidates.some(({ endpoint, kind, lastAnswerAgeMs }) => {
      return kind === 'direct' && isIpv6(endpoint) && lastAnswerAgeMs !== undefined
    }),
  )
}

const NOT_MAPPED: Readonly<Record<Exclude<PortMappingReport['state'], 'held' | 'not-offered'>, string>> = {
  off: 'switched off (portMapping)',
  unneeded: 'not needed: this node bears a public address, or was given an endpoint',
  'no-gateway': 'no router in front of this node',
  asking: 'the router is being asked',
}
const DOUBLE_NAT: Readonly<Record<NonNullable<PortMappingReport['doubleNat']>, string>> = {
  private: 'a private address: another NAT stands in front of that router, so it helps on this side of it only',
  differs: 'another address than others see: another NAT or another uplink stands in front of that router',
}

/** A lifetime as routers give it: whole hours or minutes. */
function lifetimeText(lifetimeS: number): string {
  if (lifetimeS === 0) return 'until given back'
  if (lifetimeS % 3_600 === 0) return `for ${lifetimeS / 3_600} h`
  return lifetimeS < 120 ? `for ${lifetimeS} s` : `for ${Math.round(lifetimeS / 60)} min`
}

function portMappingText(mapping: PortMappingReport | undefined): string {
  if (mapping === undefined) return NOT_MAPPED.off
  const { doubleNat, gateway, lifetimeS, outside, protocol, state, why } = mapping
  if (state === 'not-offered')
    return `not offered by ${gateway}${why === undefined ? ': it does not answer' : ` (${why})`}`
  if (state !== 'held') return NOT_MAPPED[state]
  if (outside === undefined) return `${protocol} on ${gateway}, which has no address outside`
  const more = doubleNat === undefined ? '' : `; ${DOUBLE_NAT[doubleNat]}`
  return `${protocol} on ${gateway} → ${outside} ${lifetimeText(lifetimeS ?? 0)}${more}`
}

/** Named as long as they fit on a line. */
const NEAR_NAMED_MAX = 8

function lanText({ near }: PathsReport): string {
  if (near === undefined) return 'beacons are switched off'
  if (near.length === 0) return 'nobody heard'
  const more = near.length > NEAR_NAMED_MAX ? ` and ${near.length - NEAR_NAMED_MAX} more` : ''
  return `heard ${near.slice(0, NEAR_NAMED_MAX).join(', ')}${more}`
}

export function netcheckRows(
  paths: PathsReport,
  status: AgentStatus,
  probe: Pick<HostProbe, 'read' | 'list'>,
  nowMs: number,
): readonly (readonly [check: string, found: string])[] {
  const { peers } = paths
  const kinds = kindsOf(paths, status)
  const udp = kinds.some((kind) => kind === 'lan' || kind === 'direct' || kind === 'relay')
  const late = status.health.find(({ code }) => code === 'clock-behind')
  const mtus = probe
    .list('/sys/class/net')
    .filter((name) => name !== 'lo')
    .flatMap((name) => {
      const mtu = probe.read(`/sys/class/net/${name}/mtu`)
      // Not everything there is an interface (bonding_masters).
      return mtu === undefined ? [] : `${name} ${mtu}`
    })
  return [
    [
      'port sharing',
      paths.engine === 'on' ? 'works: probes take the very way of WireGuard’s packets' : 'not possible on this host',
    ],
    ['NAT', NAT_FOUND[paths.natType]],
    ['outside address', outsideText(paths)],
    ...(paths.uplinks === undefined ? [] : [['uplinks', uplinksText(paths.uplinks, nowMs)] as const]),
    ...(paths.nat64 === undefined
      ? []
      : [['IPv4', `by the translator of this network (NAT64 ${paths.nat64})`] as const]),
    ['port mapping', portMappingText(paths.portMapping)],
    ['UDP', udp ? 'answered' : 'no peer has answered over UDP'],
    ['IPv6 outside', outsideIpv6(peers) ? 'a peer answered over IPv6' : 'no peer has answered over IPv6'],
    ['peers', peersText(kinds)],
    ['LAN', lanText(paths)],
    ['relays', relaysText(paths)],
    ['hub', status.hub.connected ? `connected to ${status.hub.url}` : `away since ${timeText(status.modeSince)}`],
    ['clock', late === undefined ? timeText(nowMs) : `${timeText(nowMs)}, behind`],
    ['path MTU', mtuSummary(peers)],
    ['MTU', mtus.join(', ')],
  ]
}
