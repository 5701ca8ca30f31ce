// Peers that do not answer, for the device's own health.

import type { Name } from '../../shared/ids.ts'
import type { EndpointBook } from '../paths/endpoint-book.ts'
import type { Health } from './health.ts'
import type { PeerBook } from './peers.ts'

/** Peers named in a condition. */
const NAMED_MAX = 5
/** Handshakes take a moment, and a peer that reboots is back in less. */
const UNREACHABLE_AFTER_MS = 60_000

function nameSome(names: readonly Name[]): string {
  const more = names.length - NAMED_MAX
  return more > 0 ? `${names.slice(0, NAMED_MAX).join(', ')} and ${more} more` : names.join(', ')
}

/** A peer that nobody wants to talk with, and that can be called as soon as somebody does, is not missed. */
export function tellUnreachable(
  health: Pick<Health, 'raise' | 'clear'>,
  peers: Pick<PeerBook, 'entries'>,
  endpoints: Pick<EndpointBook, 'isQuiet'>,
): void {
  const silent = peers.entries.filter(({ member, path }) => path === 'none' && !endpoints.isQuiet(member.nodeId))
  const names = silent.map(({ member }) => member.name)
  if (names.length === 0) health.clear('peer-unreachable')
  else health.raise('peer-unreachable', nameSome(names), { afterMs: UNREACHABLE_AFTER_MS })
}
