// The set that is in force: read from the store and verified again, replaced when a newer one is accepted, and kept in
// memory where the disk takes no writes. A bad disk costs the next boot, never this one.

import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { compareVersion, formatVersion, noVersion, openHead, type Version } from '../../shared/record/head.ts'
import type { HeldSet, Store } from '../store/store.ts'
import { type Accepted, type Held, openHeld } from './accept.ts'
import { type Anchors, firstKeyring } from './keys.ts'

export interface Holding {
  held(): Held | undefined
  /** Reads the store. What does not verify counts for nothing, and the reason is returned. */
  load(): string | undefined
  /** Takes a verified set into force and stores it. Returns why it could not be stored, if so. Throws `stale` where a
   * newer one was held before the store was damaged. */
  take(accepted: Accepted): unknown
  /** Stores what could not be stored before. Throws what the store throws. */
  save(): void
}

/** What a stored head still proves when its records are damaged: no older set may come into force instead. */
function provenVersion(anchors: Anchors, envelope: Uint8Array): Version {
  try {
    const { epoch, revision } = openHead(envelope, firstKeyring(anchors).keys, anchors.verify)
    return { epoch, revision }
  } catch {
    return noVersion
  }
}

export function createHolding(anchors: Anchors, store: Store, log: Log): Holding {
  let held: Held | undefined
  let unsaved = false
  /** Sets below this were superseded on this very device. */
  let floor = noVersion

  const save = (): void => {
    if (!unsaved || held === undefined) return
    // The store may be several revisions behind, so it gets the whole; it writes only what differs.
    store.saveSet({ head: held.envelope, version: held.version, put: held.records, del: 'all' })
    unsaved = false
  }

  return {
    held: () => held,
    load() {
      let set: HeldSet | undefined
      try {
        set = store.loadSet()
        held = set === undefined ? undefined : openHeld(anchors, set)
        return undefined
      } catch (error) {
        held = undefined
        if (set !== undefined) floor = provenVersion(anchors, set.head)
        log.error('the stored intent does not verify and is not used', { reason: describeError(error) })
        return `the stored intent does not verify: ${describeError(error)}`
      }
    },
    take({ change, next }) {
      if (compareVersion(next.version, floor) < 0) {
        const known = `revision ${formatVersion(floor)} was held here before its records were damaged`
        throw new HoldfastError('stale', `revision ${formatVersion(next.version)} was offered, but ${known}`)
      }
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
