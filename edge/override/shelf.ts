// Overrides as they lie in the store: signed, with what of their time is paid for. What does not verify is not in force.

import * as v from 'valibot'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import { describeError } from '../../shared/errors.ts'
import { integer } from '../../shared/intent/field.ts'
import { overridesKeptMax } from '../../shared/limits.ts'
import type { OverrideSpeaker } from '../../shared/override/override.ts'
import { pairOverride, type ToldOverride } from '../../shared/override/report.ts'
import type { Store } from '../store/store.ts'

/** The name under which the store keeps them. */
const KEY = 'policy-overrides'

const keptSchema = v.pipe(
  v.array(
    v.object({
      override: v.string(),
      end: v.optional(v.string()),
      /** Milliseconds of its time that are paid for; see lease.ts. */
      paidMs: integer(0, Number.MAX_SAFE_INTEGER),
    }),
  ),
  v.maxLength(overridesKeptMax),
)

export interface Shelved {
  readonly told: ToldOverride
  readonly paidMs: number
}

export function encodeShelf(kept: readonly Shelved[]): string {
  return JSON.stringify(
    kept.map(({ paidMs, told }) => ({
      override: toBase64(told.envelope),
      ...(told.endEnvelope === undefined ? {} : { end: toBase64(told.endEnvelope) }),
      paidMs: Math.ceil(paidMs),
    })),
  )
}

export function saveShelf(store: Pick<Store, 'set'>, text: string): void {
  store.set(KEY, text)
}

/** Those that verify; `onBad` is told of each of the others. */
export function loadShelf(
  store: Pick<Store, 'get'>,
  speaker: OverrideSpeaker,
  onBad: (why: string) => void,
): readonly Shelved[] {
  const text = store.get(KEY)
  if (text === undefined) return []
  const shelved: Shelved[] = []
  try {
    for (const { end, override, paidMs } of v.parse(keptSchema, JSON.parse(text))) {
      try {
        const told = pairOverride(fromBase64(override), end === undefined ? undefined : fromBase64(end), speaker)
        shelved.push({ told, paidMs })
      } catch (error) {
        onBad(describeError(error))
      }
    }
  } catch (error) {
    onBad(describeError(error))
  }
  return shelved
}
