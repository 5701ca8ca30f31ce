// The mirror as it lies in the store: for the next run of the agent, and for a look at the status without one.

import * as v from 'valibot'
import { integer } from '../../shared/intent/field.ts'
import type { Store } from '../store/store.ts'
import { type Mirror, mirrorSchema } from './order.ts'

const KEY = 'mirror'

const shelved = v.strictObject({
  /** Absent: one has ended, or its traces may be in the kernel still. */
  mirror: v.optional(mirrorSchema),
  /** Milliseconds of its time that are paid for; see edge/override/lease.ts. */
  paidMs: integer(0, Number.MAX_SAFE_INTEGER),
})

export interface ShelvedMirror {
  readonly mirror?: Mirror | undefined
  readonly paidMs: number
}

export function saveMirror(store: Pick<Store, 'set'>, { mirror, paidMs }: ShelvedMirror): void {
  store.set(KEY, JSON.stringify({ mirror, paidMs: Math.ceil(paidMs) }))
}

/** It has ended, and left nothing. */
export function forgetMirror(store: Pick<Store, 'set'>): void {
  store.set(KEY, '')
}

/** Undefined where there is nothing of one. Throws where it can't be read. */
export function loadMirror(store: Pick<Store, 'get'>): ShelvedMirror | undefined {
  const text = store.get(KEY)
  return text === undefined || text === '' ? undefined : v.parse(shelved, JSON.parse(text))
}
