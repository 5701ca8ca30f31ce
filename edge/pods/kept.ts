// The pods that were known last, kept for a start without the API server: a power cut removes nobody.

import * as v from 'valibot'
import { type PodTable, podTable } from '../../shared/fact/pod-table.ts'
import { encodeCanonicalText } from '../../shared/record/canonical.ts'

const KEY = 'own-pods'

const keptSchema = v.object({ source: v.string(), at: v.number(), table: podTable })

export interface KeptPods {
  readonly table: PodTable
  /** Wall clock when they were kept. */
  readonly at: number
}

interface Shelf {
  get(key: string): string | undefined
  set(key: string, value: string): void
}

/** Undefined where none were kept, of another cluster, or what was kept can't be read. */
export function recallPods(shelf: Pick<Shelf, 'get'>, source: string): KeptPods | undefined {
  try {
    const kept = v.safeParse(keptSchema, JSON.parse(shelf.get(KEY) ?? 'null'))
    return kept.success && kept.output.source === source ? kept.output : undefined
  } catch {
    return undefined
  }
}

export function keepPods(shelf: Pick<Shelf, 'set'>, source: string, table: PodTable, at: number): void {
  shelf.set(KEY, encodeCanonicalText({ source, at: Math.max(0, Math.floor(at)), table }))
}
