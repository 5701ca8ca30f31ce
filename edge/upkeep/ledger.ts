// What a node spends on being reachable while nobody uses it, in bytes of a day, by what it is for. Kept over restarts: a
// device that restarts each hour would otherwise have a new budget each hour.

import * as v from 'valibot'
import type { Clock } from '../../shared/effects.ts'

const upkeepKinds = ['relays', 'outlook', 'wireguard', 'hub', 'gossip'] as const
export type UpkeepKind = (typeof upkeepKinds)[number]

export type Spent = Readonly<Record<UpkeepKind, number>>

export interface Ledger {
  add(kind: UpkeepKind, bytes: number): void
  spent(): Spent
  total(): number
  /** Of the day, UTC, 0 to 1. */
  elapsed(): number
  /** Rises with every step worth writing down. */
  memoryRevision(): number
  remember(): string
  recall(text: string | undefined): void
}

const DAY_MS = 86_400_000
/** Written at most fifty times a day of a budget of 2 MB, whoever asks how often. */
const STEP_BYTES = 40_000

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const page = v.strictObject({
  day: count,
  spent: v.strictObject({ relays: count, outlook: count, wireguard: count, hub: count, gossip: v.optional(count, 0) }),
})

const NOTHING: Spent = { relays: 0, outlook: 0, wireguard: 0, hub: 0, gossip: 0 }

export function createLedger(clock: Clock): Ledger {
  let day = Math.floor(clock.now() / DAY_MS)
  let spent: Record<UpkeepKind, number> = { ...NOTHING }
  let sum = 0
  let revision = 0
  let written = 0

  /** A clock that goes back does not open a day again. */
  const turn = (): void => {
    const today = Math.floor(clock.now() / DAY_MS)
    if (today <= day) return
    day = today
    spent = { ...NOTHING }
    sum = 0
    written = 0
  }

  return {
    add(kind, bytes) {
      turn()
      spent[kind] += bytes
      sum += bytes
      if (sum - written < STEP_BYTES) return
      written = sum
      revision += 1
    },
    spent() {
      turn()
      return { ...spent }
    },
    total() {
      turn()
      return sum
    },
    elapsed: () => Math.min(1, Math.max(0, clock.now() / DAY_MS - day)),
    memoryRevision: () => revision,
    remember: () => JSON.stringify({ day, spent }),
    recall(text) {
      let parsed: unknown
      try {
        parsed = JSON.parse(text ?? 'null')
      } catch {
        return
      }
      const held = v.safeParse(page, parsed)
      // Of another day, or of a clock that was ahead: the day begins now.
      if (!held.success || held.output.day !== day) return
      for (const kind of upkeepKinds) spent[kind] += held.output.spent[kind]
      sum = upkeepKinds.reduce((all, kind) => all + spent[kind], 0)
      written = sum
    },
  }
}
