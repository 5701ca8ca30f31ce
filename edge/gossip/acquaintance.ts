// What a node knows of the others for the sake of gossip: where they stand, as the paths show it, and what they said they hold.

import type { NodeId } from '../../shared/ids.ts'
import { compareVersion, type Version } from '../../shared/record/head.ts'
import type { GossipState } from '../../shared/wire/gossip-state.ts'

/** A member, as the path engine sees it now. */
export interface GossipPeer {
  readonly node: NodeId
  /** There is a way to it. */
  readonly reachable: boolean
  /** The way is open: a word costs what it weighs, and wakes nobody. */
  readonly awake: boolean
  /** Was just heard on this LAN. */
  readonly near: boolean
  /** It relays for others, so everybody comes by it. */
  readonly relay: boolean
}

export interface Known {
  /** What it said it holds. */
  state: GossipState | undefined
  /** Monotonic milliseconds of its last word, and of ours to it. */
  heardAt: number
  toldAt: number
  /** Exchanges in a row that failed, and until when the next waits. */
  failures: number
  retryAt: number
  /** Last exchange of facts. */
  factsAt: number
}

/** A peer that spoke within this is as good as awake. */
const LIVELY_MS = 10 * 60_000

export interface Acquaintances {
  of(node: NodeId): Known
  /** Forgets whom the list does not name. */
  setPeers(peers: readonly GossipPeer[]): void
  peers(): readonly GossipPeer[]
  peer(node: NodeId): GossipPeer | undefined
  /** Who said anything, or was told anything. */
  known(): ReadonlyMap<NodeId, Known>
}

export function createAcquaintances(): Acquaintances {
  const known = new Map<NodeId, Known>()
  let peers: readonly GossipPeer[] = []
  let byNode = new Map<NodeId, GossipPeer>()
  return {
    of(node) {
      const held = known.get(node)
      if (held !== undefined) return held
      const never = Number.NEGATIVE_INFINITY
      const one = { state: undefined, heardAt: never, toldAt: never, failures: 0, retryAt: never, factsAt: never }
      known.set(node, one)
      return one
    },
    setPeers(next) {
      peers = next
      byNode = new Map(next.map((one) => [one.node, one]))
      for (const node of known.keys()) if (!byNode.has(node)) known.delete(node)
    },
    peers: () => peers,
    peer: (node) => byNode.get(node),
    known: () => known,
  }
}

export function isLively(peer: GossipPeer, { heardAt }: Known, now: number): boolean {
  return peer.awake || (peer.reachable && now - heardAt < LIVELY_MS)
}

/** It said that it does not hear the hub. */
export function isAlone({ state }: Known): boolean {
  return state !== undefined && !state.online
}

export function holds({ state }: Known, version: Version): boolean {
  return state !== undefined && compareVersion(state.version, version) >= 0
}

/** `count` of `from`, each as likely as any other; `random` in [0, 1). */
export function pick<T>(from: readonly T[], count: number, random: () => number): readonly T[] {
  const left = [...from]
  const picked: T[] = []
  while (picked.length < count && left.length > 0) {
    const [one] = left.splice(Math.floor(random() * left.length), 1)
    if (one !== undefined) picked.push(one)
  }
  return picked
}
