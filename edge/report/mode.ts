// Online or autonomous, since when, and when the hub was last heard; kept across restarts with few writes.

import * as v from 'valibot'
import type { Clock } from '../../shared/effects.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import type { LinkState } from '../link/hub-link.ts'
import type { Store } from '../store/store.ts'

export interface Mode {
  readonly mode: 'online' | 'autonomous'
  /** Milliseconds since the Unix epoch, as are all times here. */
  readonly since: number
  readonly lastContact: number | undefined
}

const KEY = 'hub-contact'

const kept = v.strictObject({
  mode: v.picklist(['online', 'autonomous']),
  since: v.number(),
  lastContact: v.optional(v.number()),
})

/** What the last run knew; undefined where nothing readable was kept. */
function recall(store: Store): v.InferOutput<typeof kept> | undefined {
  try {
    const text = store.get(KEY)
    return text === undefined ? undefined : parseWith(kept, JSON.parse(text))
  } catch {
    // A bookkeeping value that can't be read is not worth a word: the next change writes it anew.
    return undefined
  }
}

export interface ModeKeeper {
  now(): Mode
  /** True if the mode changed. */
  update(link: LinkState): boolean
  save(): void
}

export function createMode(store: Store, clock: Clock): ModeKeeper {
  const before = recall(store)
  // A node that was online when it went down is autonomous since the hub was last heard.
  const since = before?.mode === 'autonomous' ? before.since : (before?.lastContact ?? clock.now())
  let current: Mode = { mode: 'autonomous', since, lastContact: before?.lastContact }
  return {
    now: () => current,
    update(link) {
      const mode = link.up && link.hubOnline ? 'online' : 'autonomous'
      const lastContact = link.lastContact ?? current.lastContact
      const changed = mode !== current.mode
      if (changed || lastContact !== current.lastContact) {
        current = { mode, since: changed ? clock.now() : current.since, lastContact }
      }
      return changed
    },
    save: () => store.set(KEY, JSON.stringify(current)),
  }
}
