// Which relays a pair of nodes meets at. Both ends work it out by themselves from the same signed records and facts, so
// that nobody has to be asked while the path between them is gone. Pure.

import { compareText } from '../../shared/bytes.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import { mayCarry } from '../../shared/intent/relay-policy.ts'
import type { NodeBody } from '../../shared/record/record.ts'

/** Relays that a node rests at, as many as a pair meets at: one and one behind it; each costs a refresh every 25 s. */
const HOMES = 2

/** One end of a pair. */
export interface RelayUser {
  readonly node: Pick<NodeBody, 'nodeId' | 'labels'>
  /** Relays it says it can reach, the nearest first; undefined where it said nothing yet. */
  readonly reaches: readonly NodeId[] | undefined
}

/** How far a relay is from a node, as its place in the list; nobody's first choice where the node can't reach it. */
function place({ reaches }: RelayUser, relay: NodeId): number {
  if (reaches === undefined) return 0
  const at = reaches.indexOf(relay)
  return at < 0 ? Number.POSITIVE_INFINITY : at
}

/** Relays that the node rests at, and is found at by all others: the nearest that may carry its traffic. */
export function homesOf(
  user: RelayUser,
  relays: readonly NodeBody[],
  rules: NetworkSpec['relayPolicy'],
): readonly NodeId[] {
  return relays
    .filter((relay) => relay.nodeId !== user.node.nodeId && mayCarry(rules, user.node, relay))
    .map(({ nodeId }) => ({ nodeId, distance: place(user, nodeId) }))
    .filter(({ distance }) => Number.isFinite(distance))
    .sort((x, y) => x.distance - y.distance || compareText(x.nodeId, y.nodeId))
    .slice(0, HOMES)
    .map(({ nodeId }) => nodeId)
}

/**
 * The relays of a pair, best first: those that both reach, by the sum of their places in both lists, and among them one where
 * each end rests if there is any. The order of the ends makes no difference. `relays`: members that offer to relay. A relay
 * needs none to reach its own peers.
 */
export function chooseRelays(
  a: RelayUser,
  b: RelayUser,
  relays: readonly NodeBody[],
  rules: NetworkSpec['relayPolicy'],
): readonly NodeId[] {
  const shared = relays
    .filter((relay) => relay.nodeId !== a.node.nodeId && relay.nodeId !== b.node.nodeId)
    .filter((relay) => mayCarry(rules, a.node, relay) && mayCarry(rules, b.node, relay))
    .map(({ nodeId }) => ({ nodeId, distance: place(a, nodeId) + place(b, nodeId) }))
    .filter(({ distance }) => Number.isFinite(distance))
    .sort((x, y) => x.distance - y.distance || compareText(x.nodeId, y.nodeId))
    .map(({ nodeId }) => nodeId)
  const [first] = shared
  if (first === undefined) return []
  const missing = [a, b].map((end) => homesOf(end, relays, rules)).filter((homes) => !homes.includes(first))
  const others = shared.slice(1)
  const home = others.find((relay) => missing.length > 0 && missing.every((homes) => homes.includes(relay)))
  const second = home ?? others.find((relay) => missing.some((homes) => homes.includes(relay))) ?? others[0]
  return second === undefined ? [first] : [first, second]
}
