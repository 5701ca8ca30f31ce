// The relay of this node as metrics. Sessions are not told one by one: who talks with whom is nobody's business who looks
// after load.

import { compareText } from '../../shared/bytes.ts'
import { counter, type Family, gauge, type Sample } from '../../shared/metrics-text.ts'
import type { RelayFigures } from '../relay/open-relay.ts'

function byReason(refused: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(refused)
    .sort(([a], [b]) => compareText(a, b))
    .map(([reason, count]): Sample => [{ reason }, count])
}

function tlsFamilies(tls: NonNullable<RelayFigures['tls']>): readonly Family[] {
  return [
    gauge('holdfast_relay_tls_connections', 'Nodes that are here by TLS.', tls.connections),
    gauge('holdfast_relay_tls_channels', 'Pairs that talk through those.', tls.channels),
    counter('holdfast_relay_tls_packets_total', 'Packets taken from connections.', tls.packets),
    counter('holdfast_relay_tls_bytes_total', 'Bytes of those.', tls.bytes),
    counter('holdfast_relay_tls_dropped_total', 'Packets lost to a full connection or a rate.', tls.dropped),
    counter('holdfast_relay_tls_refused_total', 'Words refused, by reason.', byReason(tls.refused)),
  ]
}

export function relayFamilies({
  bound,
  challenged,
  dropped,
  refreshed,
  refused,
  sessions,
  tls,
}: RelayFigures): readonly Family[] {
  const complete = sessions.filter((session) => session.complete).length
  const sum = (value: (session: (typeof sessions)[number]) => readonly [number, number] | undefined): number =>
    sessions.reduce((total, session) => total + (value(session)?.[0] ?? 0) + (value(session)?.[1] ?? 0), 0)
  return [
    gauge('holdfast_relay_sessions', 'Sessions that stand: with both ends bound, or with one.', [
      [{ ends: 'both' }, complete],
      [{ ends: 'one' }, sessions.length - complete],
    ]),
    gauge(
      'holdfast_relay_sessions_packets',
      'Packets that the kernel forwarded in sessions that stand; less when one ends.',
      sum(({ packets }) => packets),
    ),
    gauge(
      'holdfast_relay_sessions_bytes',
      'Bytes of those.',
      sum(({ bytes }) => bytes),
    ),
    counter('holdfast_relay_asked_total', 'What nodes asked for and were given.', [
      [{ what: 'challenge' }, challenged],
      [{ what: 'bind' }, bound],
      [{ what: 'refresh' }, refreshed],
    ]),
    counter('holdfast_relay_refused_total', 'What was refused, by reason.', byReason(refused)),
    counter('holdfast_relay_junk_total', 'Packets of junk that the kernel dropped.', dropped),
    ...(tls === undefined ? [] : tlsFamilies(tls)),
  ]
}
