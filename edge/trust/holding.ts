// The set that is held and the set that is in force: read from the store and verified again, replaced when a newer one is
// accepted, and kept in memory where the disk takes no writes. A bad disk costs the next boot, never this one.
//
// They are the same set, but for one case: a newer set that this agent is too old to understand is held, so that deltas
// build on it and an updated agent finds it, while the last one it understands stays in force.

import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { compareVersion, formatVersion, noVersion, openHead, type Version } from '../../shared/record/head.ts'
import type { HeldSet, Store } from '../store/store.ts'
import { type Accepted, type Held, openHeld, type Readable } from './accept.ts'
import { type Anchors, firstKeyring } from './keys.ts'
import { withoutRemoved } from './removed.ts'

export interface Holding {
  /** The newest verified set. */
  held(): Held | undefined
  /** The newest one that this agent understands, without the members that a newer one has removed. */
  inForce(): Readable | undefined
  /** Reads the store. What does not verify counts for nothing, and the reason is returned. */
  load(): string | undefined
  /** Takes a verified set and stores it. Returns why it could not be stored, if so. Throws `stale` where a newer one was
   * held before the store was damaged. */
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

function asStored({ envelope, records, version }: Held): HeldSet {
  return { head: envelope, version, records }
}

export function createHolding(anchors: Anchors, store: Store, log: Log): Holding {
  let held: Held | undefined
  /** The last set that was understood, whole: what the store keeps as the set. */
  let understood: Readable | undefined
  let inForce: Readable | undefined
  let unsaved = false
  /** Sets below this were superseded on this very device. */
  let floor = noVersion

  const hold = (next: Held): void => {
    held = next
    if (next.parsed !== undefined) understood = next
    inForce = understood === undefined || understood === next ? understood : withoutRemoved(understood, next.records)
  }

  /** The store may be several revisions behind, so it gets the whole; it writes only what differs. */
  const saveWhole = (set: Held): void => {
    if (set.parsed === undefined) return store.saveWaiting(asStored(set))
    const { head, version, records } = asStored(set)
    store.saveSet({ head, version, put: records, del: 'all' })
  }

  const save = (): void => {
    if (!unsaved || held === undefined) return
    if (understood !== undefined && understood !== held) saveWhole(understood)
    saveWhole(held)
    unsaved = false
  }

  const open = (load: () => HeldSet | undefined): Held | undefined => {
    let set: HeldSet | undefined
    try {
      set = load()
      return set === undefined ? undefined : openHeld(anchors, set)
    } catch (error) {
      const proven = set === undefined ? noVersion : provenVersion(anchors, set.head)
      if (compareVersion(proven, floor) > 0) floor = proven
      throw error
    }
  }

  const loadSet = (load: () => HeldSet | undefined): string | undefined => {
    try {
      const set = open(load)
      if (set !== undefined && (held === undefined || compareVersion(set.version, held.version) > 0)) hold(set)
      return undefined
    } catch (error) {
      log.error('the stored intent does not verify and is not used', { reason: describeError(error) })
      return `the stored intent does not verify: ${describeError(error)}`
    }
  }

  return {
    held: () => held,
    inForce: () => inForce,
    load() {
      const bad = loadSet(() => store.loadSet())
      const stored = understood
      const worse = loadSet(() => store.loadWaiting())
      // What waited is understood now: it is the set from here on.
      unsaved = understood !== stored
      return bad ?? worse
    },
    take({ change, next }) {
      if (compareVersion(next.version, floor) < 0) {
        const known = `revision ${formatVersion(floor)} was held here before its records were damaged`
        throw new HoldfastError('stale', `revision ${formatVersion(next.version)} was offered, but ${known}`)
      }
      const before = held
      hold(next)
      try {
        if (unsaved || before === undefined) {
          unsaved = true
          save()
        } else if (before.parsed === undefined || next.parsed === undefined) saveWhole(next)
        else store.saveSet(change)
        return undefined
      } catch (error) {
        unsaved = true
        if (!isHoldfastError(error)) throw error
        log.error('the new intent is held but could not be stored', { reason: describeError(error) })
        return error
      }
    },
    save,
  }
}
