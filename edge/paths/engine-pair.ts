// One peer as the engine holds it, and what it asks of its paths.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { PeerEntry } from '../report/peers.ts'
import type { PeerPaths } from './path.ts'
import type { Pointer } from './pointer.ts'

/** A new node has its relays within this; until then nobody is greeted, because a handshake is a session to be kept. */
const GREETED_MS = 30_000

export interface Pair {
  readonly node: NodeId
  readonly paths: PeerPaths
  entry: PeerEntry
  /** Monotonic milliseconds. */
  readonly startedAt: number
  handshakeAt: number
  dueAt: number
}

/** No way is proven. */
export function isLost({ paths }: Pair): boolean {
  return paths.view().candidates.every(({ state }) => state !== 'valid')
}

/** Ways by which the peer hears us now. */
export function openWays({ paths }: Pair): readonly Endpoint[] {
  const open = paths.view().candidates.filter(({ inUse, state }) => inUse || state === 'valid')
  return open.map(({ endpoint }) => endpoint)
}

/** A place where the peer is looked for, or was heard before. */
export function isNamed({ paths }: Pair, place: Endpoint): boolean {
  return paths.view().candidates.some(({ endpoint }) => endpoint === place)
}

/** WireGuard keeps to the own address that a peer was last heard at, until it is told the endpoint anew. */
export function pointAnew(pairs: Iterable<Pair>, pointer: Pick<Pointer, 'point'>): void {
  for (const { entry, paths } of pairs) {
    const { addresses, wgKey } = entry.member
    const { inUse, mode } = paths.view()
    if (inUse !== undefined && mode !== 'idle') pointer.point({ wgKey, endpoint: inUse.endpoint, nudge: addresses[0] })
  }
}

/**
 * Notes whether WireGuard's own keepalives have to hold the NAT open for the pair; `finds`: the peer reaches this node
 * without. True if that is news.
 */
export function hush(quiet: Set<NodeId>, { node, paths, startedAt }: Pair, now: number, finds: boolean): boolean {
  const fresh = now - startedAt < GREETED_MS
  const still = (finds || fresh) && !paths.isWarm(now)
  if (still === quiet.has(node)) return false
  if (still) quiet.add(node)
  else quiet.delete(node)
  return true
}
