// Whom to ask for what this node lacks, and when: the newest first, one at a time for intent, with growing pauses after
// failures. Pure.

import type { NodeId } from '../../shared/ids.ts'
import { gossipExchangesOutMax } from '../../shared/limits.ts'
import { compareVersion } from '../../shared/record/head.ts'
import type { GossipState } from '../../shared/wire/gossip-state.ts'
import type { Acquaintances } from './acquaintance.ts'

export interface Pull {
  readonly node: NodeId
  /** Lists of facts are compared as well. */
  readonly facts: boolean
}

export interface Pulls {
  /** The peer holds something that this node lacks. `delayMs`: the hub may bring it meanwhile. */
  want(pull: Pull, delayMs: number, now: number): void
  due(now: number, own: GossipState): readonly Pull[]
  ended(node: NodeId, fine: boolean, now: number): void
  dueAt(): number
}

/** So long before its time an exchange may be planned; one of facts that took place since is enough. */
const PLANNED_MS_MAX = 5_000
/** Another exchange is under way: it most likely brings the same. */
const BUSY_MS = 1_000
const RETRY_MS = 2_000
const RETRY_MS_MAX = 10 * 60_000

export interface PullsOptions {
  readonly book: Acquaintances
  readonly random: () => number
}

export function createPulls({ book, random }: PullsOptions): Pulls {
  const wanted = new Map<NodeId, { readonly facts: boolean; readonly at: number }>()
  const running = new Set<NodeId>()

  const isBehind = (node: NodeId, own: GossipState): boolean => {
    const { state } = book.of(node)
    return state !== undefined && compareVersion(state.version, own.version) > 0
  }

  const newestFirst = (now: number): readonly NodeId[] =>
    [...wanted]
      .filter(([node, { at }]) => at <= now && !running.has(node) && book.peer(node) !== undefined)
      .map(([node]) => node)
      .sort((a, b) => {
        const [one, two] = [book.of(a).state?.version, book.of(b).state?.version]
        return one === undefined || two === undefined ? 0 : compareVersion(two, one)
      })

  return {
    want({ facts, node }, delayMs, now) {
      const before = wanted.get(node)
      const at = Math.max(now + delayMs, book.of(node).retryAt)
      wanted.set(node, { facts: facts || before?.facts === true, at: Math.min(at, before?.at ?? at) })
    },
    due(now, own) {
      for (const node of wanted.keys()) if (book.peer(node) === undefined) wanted.delete(node)
      const out: Pull[] = []
      let pullsIntent = [...running].some((node) => isBehind(node, own))
      for (const node of newestFirst(now)) {
        const { at, facts: wished } = wanted.get(node) ?? { at: now, facts: false }
        // The peer may have come by itself meanwhile.
        const facts = wished && book.of(node).factsAt < at - PLANNED_MS_MAX
        const intent = isBehind(node, own)
        if (!intent && !facts) wanted.delete(node)
        // Nobody fetches the same snapshot twice.
        else if (running.size >= gossipExchangesOutMax || (intent && pullsIntent))
          wanted.set(node, { facts, at: now + BUSY_MS })
        else {
          wanted.delete(node)
          running.add(node)
          pullsIntent ||= intent
          out.push({ node, facts })
        }
      }
      return out
    },
    ended(node, fine, now) {
      running.delete(node)
      const waiting = wanted.get(node)
      if (fine && waiting !== undefined && !waiting.facts) wanted.delete(node)
      const known = book.of(node)
      known.failures = fine ? 0 : known.failures + 1
      if (fine) return
      const ceilingMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** Math.min(known.failures - 1, 10))
      known.retryAt = now + ceilingMs * (0.5 + random() / 2)
      wanted.set(node, { facts: false, at: known.retryAt })
    },
    dueAt() {
      let next = Number.POSITIVE_INFINITY
      for (const [node, { at }] of wanted) if (!running.has(node)) next = Math.min(next, at)
      return next
    },
  }
}
