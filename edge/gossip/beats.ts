// When nothing happens: a beat with a peer that is awake compares what both hold, and mends what was lost. Peers that rest are
// left in peace, but for a rare beat while the hub is away. Pure.

import type { NodeId } from '../../shared/ids.ts'
import { type Acquaintances, type GossipPeer, pick } from './acquaintance.ts'

export interface BeatsOptions {
  readonly book: Acquaintances
  readonly metered: boolean
  readonly random: () => number
  readonly now: number
}

export interface Beats {
  /** The hub came or went. */
  setOnline(online: boolean, now: number): void
  /** Some peer spoke. */
  heard(now: number): void
  due(now: number, self: { readonly relay: boolean }): readonly NodeId[]
  dueAt(): number
}

/** state.md, Gossip. */
const BEAT_MS = 60_000
const BEAT_METERED_MS = 15 * 60_000
const JITTER = 0.2
/** Who spoke so lately has nothing new to say. */
const FRESH_MS = 30_000
/** Most outages of a hub end within it, and then nobody has to be woken. */
const ALONE_MS = 60_000
/** Until anybody answers: a node that was away asks at once who is there, then ever more rarely. */
const SEEK_MS: readonly number[] = [7_000, 10_000, 15_000, 60_000, 300_000, 1_800_000]
/**
 * While the hub is away one peer is asked so often even if all rest: what was lost in all other ways is mended within hours, for
 * some 10 KB each, which is 60 KB of a day's 2 MB.
 */
const RARE_MS = 4 * 3_600_000

export function createBeats({ book, metered, now: startedAt, random }: BeatsOptions): Beats {
  const spread = (ms: number): number => ms * (1 - JITTER + 2 * JITTER * random())
  const beatMs = metered ? BEAT_METERED_MS : BEAT_MS
  let online = false
  let beatAt = startedAt + spread(beatMs)
  let rareAt = startedAt + spread(SEEK_MS[0] ?? 0)
  let sought = 0

  /** Relays first: whoever else looks for somebody asks there, too. */
  const anybody = (): readonly GossipPeer[] => {
    const there = book.peers().filter(({ reachable }) => reachable)
    const relays = there.filter(({ relay }) => relay)
    return pick(relays.length > 0 && sought % 2 === 0 ? relays : there, 1, random)
  }

  return {
    setOnline(next, now) {
      if (next === online) return
      online = next
      sought = 0
      rareAt = online ? Number.POSITIVE_INFINITY : now + spread(ALONE_MS)
    },
    heard(now) {
      if (sought >= SEEK_MS.length) return
      sought = SEEK_MS.length
      if (!online) rareAt = now + spread(RARE_MS)
    },
    due(now, { relay }) {
      const told: NodeId[] = []
      if (now >= beatAt) {
        beatAt = now + spread(beatMs)
        const awake = book.peers().filter(({ awake: is, node }) => is && now - book.of(node).heardAt > FRESH_MS)
        // Everybody comes by a relay, so what it knows goes far.
        if (!(metered && online)) for (const { node } of pick(awake, relay ? 2 : 1, random)) told.push(node)
      }
      if (now >= rareAt) {
        for (const { node } of anybody()) told.push(node)
        sought += 1
        rareAt = now + spread(SEEK_MS[sought] ?? RARE_MS)
      }
      return [...new Set(told)]
    },
    dueAt: () => Math.min(beatAt, rareAt),
  }
}
