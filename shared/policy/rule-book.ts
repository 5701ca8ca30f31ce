// All policies of a world made ready for compiling, and kept from one world to the next as far as they are the same objects.

import { compareText } from '../bytes.ts'
import type { PolicySpec } from '../intent/policy.ts'
import { type Mentions, mentionsOf, type Scene, sceneOf } from './identity.ts'
import { type PeerSets, type PreparedPolicy, preparePolicy } from './rule-match.ts'
import type { World } from './world.ts'

type Policy = World['policies'][number]

interface Page {
  readonly policy: PreparedPolicy
  readonly mentions: Mentions
}

export interface RuleBook {
  readonly source: readonly Policy[]
  readonly pages: ReadonlyMap<Policy, Page>
  /** In the order in which they are asked. */
  readonly ordered: readonly PreparedPolicy[]
  readonly scene: Scene
  readonly sets: PeerSets
  /** Rules that were ever made: ids count on. */
  readonly rulesMade: number
}

export function emptyBook(): RuleBook {
  return { source: [], pages: new Map(), ordered: [], scene: sceneOf([]), sets: new Map(), rulesMade: 0 }
}

const TIERS = ['Admin', 'Standard', 'Baseline'] as const satisfies readonly PolicySpec['tier'][]

function compareOrder(a: PreparedPolicy, b: PreparedPolicy): number {
  const tier = TIERS.indexOf(a.spec.tier) - TIERS.indexOf(b.spec.tier)
  const priority = a.spec.tier === 'Standard' ? 0 : a.spec.priority - b.spec.priority
  return tier || priority || compareText(a.name, b.name)
}

/** The book for other policies. Sets of peers are shared with the one before, which is used up. */
export function nextBook(before: RuleBook, source: readonly Policy[]): RuleBook {
  if (before.source === source) return before
  let { rulesMade } = before
  const pages = new Map<Policy, Page>()
  for (const policy of source) {
    const held = before.pages.get(policy)
    pages.set(policy, held ?? { policy: preparePolicy(policy, rulesMade, before.sets), mentions: mentionsOf(policy) })
    if (held === undefined) rulesMade += (policy.spec.ingress?.length ?? 0) + (policy.spec.egress?.length ?? 0)
  }
  return {
    source,
    pages,
    ordered: Array.from(pages.values(), ({ policy }) => policy).sort(compareOrder),
    scene: sceneOf(Array.from(pages.values(), ({ mentions }) => mentions)),
    sets: before.sets,
    rulesMade,
  }
}

/** Whether sets of peers that no policy names any more have piled up. */
export function isWornOut({ sets, source }: RuleBook): boolean {
  return sets.size > 1_024 && sets.size > 2 * new Set(source.flatMap(peersOf)).size
}

function peersOf({ spec }: Policy): readonly unknown[] {
  return [...(spec.ingress ?? []).flatMap(({ from }) => from), ...(spec.egress ?? []).flatMap(({ to }) => to)]
}
