// How news of a newer revision goes round: at once to three peers, then to three more that are not known to have it, until
// nobody is left, or those who are told have heard it already. Pure.
//
// Who rests is woken for it only where the hub would not bring it: while this node is without the hub, or for a peer that said
// it is. In a fleet that hears its hub a change wakes nobody.

import type { NodeId } from '../../shared/ids.ts'
import type { Version } from '../../shared/record/head.ts'
import { type Acquaintances, type GossipPeer, holds, isAlone, isLively, pick } from './acquaintance.ts'

export interface RumourOptions {
  readonly book: Acquaintances
  readonly random: () => number
}

export interface Rumour {
  /** A newer revision is held. `by`: who brought it. `alone`: the hub did not. */
  begin(version: Version, by: NodeId | undefined, alone: boolean, now: number): void
  /** Whom to tell now. */
  due(now: number): readonly NodeId[]
  /** The peer answered. */
  answered(node: NodeId): void
  dueAt(): number
}

export const FANOUT = 3
/** Between rounds: an answer takes a round trip, and a peer that has to be woken a second or two. */
const ROUND_MS: readonly number[] = [1_000, 2_000, 3_000]
/** Three to the eighth is more than any fleet; who is still not told then hears of it at the next beat. */
const ROUNDS_MAX = 8
/** What is lost twice will not be got through by a third try of the same kind. */
const TELLS_MAX = 3

interface Running {
  readonly version: Version
  readonly alone: boolean
  readonly told: Map<NodeId, number>
  round: number
  at: number
  /** Told in the last round, and how many of them had it already. */
  asked: Set<NodeId>
  knew: number
}

export function createRumour({ book, random }: RumourOptions): Rumour {
  let running: Running | undefined

  const mayTell = (peer: GossipPeer, one: Running, now: number): boolean => {
    const known = book.of(peer.node)
    if (holds(known, one.version) || (one.told.get(peer.node) ?? 0) >= TELLS_MAX) return false
    return isLively(peer, known, now) || (peer.reachable && (one.alone || isAlone(known)))
  }

  /** Relays first, because everybody comes by; then whoever was told the least. */
  const choose = (one: Running, now: number): readonly NodeId[] => {
    const open = book.peers().filter((peer) => mayTell(peer, one, now))
    const relays =
      one.round === 0
        ? pick(
            open.filter(({ relay }) => relay),
            1,
            random,
          )
        : []
    const fewest = Math.min(...open.map(({ node }) => one.told.get(node) ?? 0))
    const rest = open.filter((peer) => !relays.includes(peer))
    const fresh = rest.filter(({ node }) => (one.told.get(node) ?? 0) === fewest)
    const first = [...relays, ...pick(fresh, FANOUT - relays.length, random)]
    const others = rest.filter((peer) => !first.includes(peer))
    return [...first, ...pick(others, FANOUT - first.length, random)].map(({ node }) => node)
  }

  return {
    begin(version, by, alone, now) {
      const told = new Map<NodeId, number>(by === undefined ? [] : [[by, TELLS_MAX]])
      running = { version, alone, told, round: 0, at: now, asked: new Set(), knew: 0 }
    },
    due(now) {
      const one = running
      if (one === undefined || now < one.at) return []
      const stale = one.asked.size >= FANOUT && one.knew === one.asked.size
      const chosen = stale || one.round >= ROUNDS_MAX ? [] : choose(one, now)
      // Nobody may be there yet: paths come up within seconds of a start.
      if (stale || one.round >= ROUNDS_MAX) running = undefined
      one.asked = new Set(chosen)
      one.knew = 0
      for (const node of chosen) one.told.set(node, (one.told.get(node) ?? 0) + 1)
      one.at = now + (ROUND_MS[one.round] ?? ROUND_MS.at(-1) ?? 0)
      one.round += 1
      return chosen
    },
    answered(node) {
      if (running?.asked.has(node) === true && holds(book.of(node), running.version)) running.knew += 1
    },
    dueAt: () => running?.at ?? Number.POSITIVE_INFINITY,
  }
}
