// The set that is held and the set that is in force: read from the store and verified again, replaced when a newer one is
// accepted, and kept in memory where the disk takes no writes. A bad disk costs the next boot, never this one.
//
// They are the same set, but for two cases. A newer set that this agent is too old to understand is held, so that deltas
// build on it and an updated agent finds it, while the last one it understands stays in force. And a set that has not
// proven itself, or has broken something, is held while the last good one is kept beside it and may be followed.

import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { compareVersion, formatVersion, noVersion } from '../../shared/record/head.ts'
import type { HeldSet, Store } from '../store/store.ts'
import { type Accepted, type Held, openHeld, type Readable } from './accept.ts'
import { composeRunning, type Running } from './compose.ts'
import type { Anchors } from './keys.ts'
import { provenVersion, withCopies } from './witness.ts'

export interface Holding {
  /** The newest verified set. */
  held(): Held | undefined
  /** The newest one that this agent understands. */
  understood(): Readable | undefined
  /** The last one that has proven itself here. */
  lastGood(): Readable | undefined
  /** The set that is followed, whole. */
  followed(): Readable | undefined
  /** The set that is followed, without what a newer one took away. */
  inForce(): Running | undefined
  /** Follows `set` from here on. */
  follow(set: Readable): void
  /** `set` has proven itself. Returns why that could not be stored, if so. */
  confirm(set: Readable): unknown
  /** Reads the store. What does not verify counts for nothing, and the reason is returned. */
  load(): string | undefined
  /** Takes a verified set and stores it. Returns why it could not be stored, if so. Throws `stale` where a newer one was
   * held before the store was damaged. */
  take(accepted: Accepted): unknown
  /** Stores what could not be stored before. Throws what the store throws. */
  save(): void
}

/** Under this name the store keeps copies of the signing keys' certificates, and of the links to their root. */
const COPIES = 'signing-keys'

function asStored({ envelope, records, version }: Held): HeldSet {
  return { head: envelope, version, records }
}

/** `staged`: a newer set is followed only when `follow` says so; without it, as soon as it is understood. */
export function createHolding(anchors: Anchors, store: Store, log: Log, staged = false): Holding {
  let held: Held | undefined
  /** The last set that was understood, whole: what the store keeps as the set. */
  let understood: Readable | undefined
  let good: Readable | undefined
  /** The version that the store keeps as the last good one. */
  let goodStored = noVersion
  let followed: Readable | undefined
  let inForce: Running | undefined
  let unsaved = false
  /** Sets below this were superseded on this very device. */
  let floor = noVersion

  const compose = (): void => {
    inForce = followed === undefined || held === undefined ? followed : composeRunning(followed, held)
  }

  const hold = (next: Held): void => {
    held = next
    if (next.parsed !== undefined) understood = next
    if (!staged) good = understood
    if (!staged || followed === undefined) followed = understood
    compose()
  }

  /** Before a newer set takes the place in the store where it lay. */
  const saveGood = (): void => {
    if (!staged || good === undefined || compareVersion(good.version, goodStored) === 0) return
    store.saveGood(asStored(good))
    goodStored = good.version
  }

  /** The store may be several revisions behind, so it gets the whole; it writes only what differs. */
  const saveWhole = (set: Held): void => {
    if (set.parsed === undefined) return store.saveWaiting(asStored(set))
    const { head, version, records } = asStored(set)
    store.saveSet({ head, version, put: records, del: 'all' })
  }

  /** Before the set that they vouch for; written only where a key is new. */
  const saveCopies = ({ records }: Held): void => {
    const before = store.get(COPIES)
    const copies = withCopies(before, records)
    if (copies !== before) store.set(COPIES, copies)
  }

  const save = (): void => {
    saveGood()
    if (!unsaved || held === undefined) return
    saveCopies(held)
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
      const proven =
        set === undefined
          ? noVersion
          : provenVersion(anchors, set, { good: () => store.loadGood(), copies: () => store.get(COPIES) })
      if (compareVersion(proven, floor) > 0) floor = proven
      throw error
    }
  }

  /** The last good set counts for nothing where it is the set itself, or newer than it. */
  const loadGood = (): void => {
    if (!staged || understood === undefined) return
    good = understood
    try {
      const set = store.loadGood()
      const older = set === undefined || compareVersion(set.version, understood.version) >= 0 ? undefined : set
      goodStored = set?.version ?? noVersion
      const opened = older === undefined ? undefined : openHeld(anchors, older)
      if (opened?.parsed !== undefined) good = opened
    } catch (error) {
      log.error('the last good intent does not verify and is not used', { reason: describeError(error) })
    }
    follow(good)
  }

  const follow = (set: Readable): void => {
    followed = set
    compose()
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

  /** Of a set that was stored by enrolment, or before there were any. */
  const keepCopies = (): void => {
    try {
      if (held !== undefined) saveCopies(held)
    } catch (error) {
      log.debug('copies of the signing keys are not kept', { reason: describeError(error) })
    }
  }

  /** A disk that filled up may have taken the last good set, and not the set that followed. */
  const goodIfNewer = (): HeldSet | undefined => {
    const set = staged ? store.loadGood() : undefined
    if (set === undefined || compareVersion(set.version, floor) < 0) return undefined
    return compareVersion(set.version, held?.version ?? noVersion) > 0 ? set : undefined
  }

  return {
    held: () => held,
    understood: () => understood,
    lastGood: () => good,
    followed: () => followed,
    inForce: () => inForce,
    follow,
    confirm(set) {
      good = set
      try {
        saveGood()
        return undefined
      } catch (error) {
        if (!isHoldfastError(error)) throw error
        log.error('what has proven itself could not be stored as such', { reason: describeError(error) })
        return error
      }
    },
    load() {
      const bad = loadSet(() => store.loadSet())
      const stored = understood
      const worse = loadSet(() => store.loadWaiting())
      loadSet(goodIfNewer)
      // What waited is understood now: it is the set from here on.
      unsaved = understood !== stored
      loadGood()
      keepCopies()
      return bad ?? worse
    },
    take({ change, next }) {
      if (compareVersion(next.version, floor) < 0) {
        const known = `revision ${formatVersion(floor)} was held here before its records were damaged`
        throw new HoldfastError('stale', `revision ${formatVersion(next.version)} was offered, but ${known}`)
      }
      const before = held
      // The first set of all is as good as any.
      if (understood === undefined && next.parsed !== undefined) good = next
      hold(next)
      try {
        saveGood()
        saveCopies(next)
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
