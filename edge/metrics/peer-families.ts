// Peers as metrics: counted by path, and each by its name as far as the bound allows.

import { compareText } from '../../shared/bytes.ts'
import { metricsPeersMax } from '../../shared/limits.ts'
import { counter, type Family, gauge, type Sample } from '../../shared/metrics-text.ts'
import type { AgentStatus, PeerStatus } from '../agent.ts'
import type { PathsReport } from '../paths/report.ts'

const KINDS = ['lan', 'direct', 'relay', 'tls', 'none'] as const

/** Those that answer first, then by name: a series must not come and go with the traffic of others. */
function listed(peers: readonly PeerStatus[]): readonly PeerStatus[] {
  return [...peers]
    .sort((a, b) => Number(a.path === 'none') - Number(b.path === 'none') || compareText(a.name, b.name))
    .slice(0, metricsPeersMax)
}

/** By name, milliseconds: what the probes of the path in use measure. */
function rttsOf({ peers }: PathsReport): ReadonlyMap<string, number> {
  const rtts = new Map<string, number>()
  for (const { candidates, name } of peers) {
    const rttMs = candidates.find(({ inUse }) => inUse)?.rttMs
    if (rttMs !== undefined) rtts.set(name, rttMs)
  }
  return rtts
}

export function peerFamilies({ peers }: AgentStatus, paths: PathsReport): readonly Family[] {
  const shown = listed(peers)
  const rtts = rttsOf(paths)
  const each = (value: (peer: PeerStatus) => number | undefined): readonly Sample[] =>
    shown.flatMap((peer): Sample[] => {
      const figure = value(peer)
      return figure === undefined ? [] : [[{ peer: peer.name }, figure]]
    })
  return [
    gauge(
      'holdfast_agent_peers',
      'Peers by the kind of their path.',
      KINDS.map((path): Sample => [{ path }, peers.filter((peer) => peer.path === path).length]),
    ),
    gauge('holdfast_agent_peers_unlisted', 'Peers that the families by peer leave out.', peers.length - shown.length),
    gauge(
      'holdfast_agent_peer_path',
      'The path to each peer.',
      shown.map(({ name, path, via }): Sample => [{ peer: name, path, ...(via === undefined ? {} : { via }) }, 1]),
    ),
    gauge(
      'holdfast_agent_peer_rtt_seconds',
      'Round trip by the path in use.',
      each(({ name, rttMs }) => {
        const ms = rtts.get(name) ?? rttMs
        return ms === undefined ? undefined : ms / 1_000
      }),
    ),
    counter(
      'holdfast_agent_peer_receive_bytes_total',
      'Bytes from each peer, as WireGuard counts them.',
      each(({ rxBytes }) => rxBytes),
    ),
    counter(
      'holdfast_agent_peer_transmit_bytes_total',
      'Bytes to each peer, as WireGuard counts them.',
      each(({ txBytes }) => txBytes),
    ),
    gauge(
      'holdfast_agent_peer_handshake_age_seconds',
      'Age of the last handshake with each peer.',
      each(({ handshakeAgeS }) => handshakeAgeS),
    ),
  ]
}
