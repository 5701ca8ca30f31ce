// The set that is in force: read from the store and verified again, replaced when a newer one is accepted, and kept in
// memory where the disk takes no writes. A bad disk costs the next boot, never this one.

import type { Log } from '../../shared/effects.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import type { Store } from '../store/store.ts'
import { type Accepted, type Held, openHeld } from './accept.ts'
import type { Anchors } from './keys.ts'

export interface Holding {
  held(): Held | undefined
  /** Reads the store. What does not verify counts for nothing, and the reason is returned. */
  load(): string | undefined
  /** Takes a verified set into force and stores it. Returns why it could not be stored, if so. */
  take(accepted: Accepted): unknown
  /** Stores what could not be stored before. Throws what the store throws. */
  save(): void
}

export function createHolding(anchors: Anchors, store: Store, log: Log): Holding {
  let held: Held | undefined
  let unsaved = false

  const save = (): void => {
    if (!unsaved || held === undefined) return
    // The store may be several revisions behind, so it gets the whole; it writes only what differs.
    store.saveSet({ head: held.envelope, version: held.version, put: held.records, del: 'all' })
    unsaved = false
  }

  return {
    held: () => held,
    load() {
      try {
        const set = store.loadSet()
        held = set === undefined ? undefined : openHeld(anchors, set)
        return undefined
      } catch (error) {
        held = undefined
        log.error('the stored intent does not verify and is not used', { reason: describeError(error) })
        return `the stored intent does not verify: ${describeError(error)}`
      }
    },
    take({ change, next }) {
      const first = held === undefined
      held = next
      try {
        if (unsaved || first) {
          unsaved = true
          save()
        } else store.saveSet(change)
        return undefined
      } catch (error) {
        unsaved = true
        if (!isHoldfastError(error)) throw error
        log.error('the new intent is in force but could not be stored', { reason: describeError(error) })
        return error
      }
    },
    save,
  }
}
