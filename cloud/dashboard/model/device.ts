// One device as the hub shows it, and what of it is told apart on its page.

import { compareText } from '../../../shared/bytes.ts'
import type { PeerReport } from '../../../shared/wire/report.ts'
import type { ShownNode } from '../../api/answers.ts'

const RANK: Readonly<Record<PeerReport['path'], number>> = { none: 0, tls: 1, relay: 2, direct: 3, lan: 4 }

/** Who is not reached comes first, then by the kind of path, then by name. */
export function peersInOrder(peers: readonly PeerReport[]): readonly PeerReport[] {
  return peers.toSorted((a, b) => RANK[a.path] - RANK[b.path] || compareText(a.name, b.name))
}

export const pathTitles: Readonly<Record<PeerReport['path'], string>> = {
  lan: 'LAN',
  direct: 'Direct',
  relay: 'Relay',
  tls: 'TLS relay',
  none: 'None',
}

/** How far its clock is from the hub's, milliseconds, as its last words showed; undefined where it did not speak of late. */
export function clockOffMs({ lastSeen, report }: Pick<ShownNode, 'lastSeen' | 'report'>): number | undefined {
  return lastSeen === undefined || report === undefined ? undefined : report.at - lastSeen
}
