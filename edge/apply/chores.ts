// What is written now and then rather than at once, because flash wears: done at the end of a turn that finds it due.

import type { Clock } from '../../shared/effects.ts'
import type { ModeKeeper } from '../report/mode.ts'
import type { PeerBook } from '../report/peers.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { Store } from '../store/store.ts'
import type { FactBook } from '../trust/fact-book.ts'
import type { Holding } from '../trust/holding.ts'
import type { KnownTime } from './known-time.ts'

/** What is worth keeping over a restart, under its name in the store. */
export interface Memory {
  readonly key: string
  readonly book: Pick<PeerBook, 'memoryRevision' | 'remember'>
}

export interface ChoresOptions {
  readonly clock: Clock
  readonly keep: Keepsakes
  readonly holding: Pick<Holding, 'save'>
  readonly facts: Pick<FactBook, 'flush' | 'flushPods' | 'podsRevision'>
  readonly mode: Pick<ModeKeeper, 'save' | 'saveChange'>
  readonly time: Pick<KnownTime, 'look' | 'keep'>
  readonly store: Pick<Store, 'set'>
  readonly memories: readonly Memory[]
}

export interface Chores {
  run(): void
  /** Everything, because the process ends. */
  finish(): void
}

/** What the first seconds bring is worth the most: a device that has just joined may lose its power. Then ever slower. */
const FIRST_MS = 2_000
/** Facts, and a set that a full disk refused. */
const SOON_MS = 60_000
/** Facts about pods, which come seldom and decide who may do what. */
const PODS_MS = 2_000
/** Time floor, last contact, paths: a power cut costs ten minutes of them, which costs nothing (state.md, Time). */
const SELDOM_MS = 10 * 60_000

export function createChores(options: ChoresOptions): Chores {
  const { clock, facts, holding, keep, memories, mode, store, time } = options
  let soonMs = FIRST_MS
  let seldomMs = FIRST_MS
  let soonAt = clock.monotonic() + soonMs
  let seldomAt = clock.monotonic() + seldomMs
  let podsAt = clock.monotonic()
  let podsKept = 0
  const remembered = new Map<string, number>()

  const soon = (): void => {
    soonMs = Math.min(soonMs * 2, SOON_MS)
    soonAt = clock.monotonic() + soonMs
    const kept = keep.write('keep facts and intent', () => {
      holding.save()
      facts.flush()
      mode.saveChange()
    })
    if (kept) keep.probe()
  }

  const seldom = (): void => {
    seldomMs = Math.min(seldomMs * 2, SELDOM_MS)
    seldomAt = clock.monotonic() + seldomMs
    time.keep()
    keep.write('keep contact and paths', () => {
      mode.save()
      for (const { book, key } of memories) {
        if (book.memoryRevision() !== (remembered.get(key) ?? 0)) store.set(key, book.remember())
        remembered.set(key, book.memoryRevision())
      }
    })
  }

  const pods = (): void => {
    podsAt = clock.monotonic() + PODS_MS
    if (keep.write('keep facts about pods', () => facts.flushPods())) podsKept = facts.podsRevision()
  }

  return {
    run() {
      time.look()
      if (facts.podsRevision() !== podsKept && clock.monotonic() >= podsAt) pods()
      if (clock.monotonic() >= soonAt) soon()
      if (clock.monotonic() >= seldomAt) seldom()
    },
    finish() {
      soon()
      seldom()
    },
  }
}
