// One answer for all who ask for the same within a moment, such as every page that is open when a hub comes back: made once, and
// never older than what the hub has told of since.

import type { Clock } from '../../shared/effects.ts'
import type { Hub } from '../hub.ts'

/** Figures change without an event, and are looked at every twenty seconds. */
const KEPT_MS = 1_000

export interface SharedAnswer {
  of(make: () => string): string
}

export function createSharedAnswer(hub: Pick<Hub, 'watch'>, clock: Pick<Clock, 'monotonic'>): SharedAnswer {
  let held: { readonly text: string; readonly madeAt: number } | undefined
  // Who is told of a change and asks then, sees it.
  hub.watch(() => {
    held = undefined
  })
  return {
    of(make) {
      const now = clock.monotonic()
      if (held === undefined || now - held.madeAt >= KEPT_MS) held = { text: make(), madeAt: now }
      return held.text
    },
  }
}
