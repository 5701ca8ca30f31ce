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
  /** While online this very moment: the hub is there until the broker, or its silence, says otherwise. */
  readonly lastContact: number | undefined
}

const KEY = 'hub-contact'
/** Between two changes that are written down. */
const SAVE_MS_MIN = 5 * 60_000

const kept = v.strictObject({
  mode: v.picklist(['online', 'autonomous']),
  since: v.number(),
  lastContact: v.optional(v.number()),
})

/** What the last run knew; undefined where nothing readable was kept. */
export function recallContact(store: Pick<Store, 'get'>): v.InferOutput<typeof kept> | undefined {
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
  /** Writes a change down, at once where it is the first for a while: a link that comes and goes must not wear the flash. */
  saveChange(): void
}

export function createMode(store: Store, clock: Clock): ModeKeeper {
  const before = recallContact(store)
  // A node that was online when it went down is autonomous since the hub was last heard.
  const since = before?.mode === 'autonomous' ? before.since : (before?.lastContact ?? clock.now())
  let current: Mode = { mode: 'autonomous', since, lastContact: before?.lastContact }
  let unsaved = false
  let savedAt = Number.NEGATIVE_INFINITY
  const now = (): Mode => (current.mode === 'online' ? { ...current, lastContact: clock.now() } : current)
  const save = (): void => {
    store.set(KEY, JSON.stringify(now()))
    unsaved = false
    savedAt = clock.monotonic()
  }

  return {
    now,
    update({ hubOnline, lastContact, up }) {
      const mode = up && hubOnline ? 'online' : 'autonomous'
      const changed = mode !== current.mode
      // A link that dies in silence is noticed within a keepalive or two: so much later than the last word this may be.
      const contact = current.mode === 'online' ? clock.now() : (lastContact ?? current.lastContact)
      current = { mode, since: changed ? clock.now() : current.since, lastContact: contact }
      unsaved ||= changed
      return changed
    },
    save,
    saveChange() {
      if (unsaved && clock.monotonic() - savedAt >= SAVE_MS_MIN) save()
    },
  }
}
