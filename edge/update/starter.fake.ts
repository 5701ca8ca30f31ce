// The slots of a device without a disk, and the starter as the shell script does it (build/starter.ts): for tests of what happens
// between agents. starter.test.ts holds the two to each other.

import { noUpdate } from './case.ts'
import { otherSlot, type Slot } from './slot.ts'
import type { Kept, Step } from './steps.ts'

export interface FakeHome {
  current: Slot
  kept: Kept
  /** Slots that hold a whole build. */
  readonly whole: Set<Slot>
  writable: boolean
}

export function fakeHome(): FakeHome {
  return { current: 'a', kept: { update: noUpdate, mark: undefined }, whole: new Set(['a']), writable: true }
}

export function carryOutOn(home: FakeHome, step: Step): void {
  switch (step.step) {
    case 'keep':
      home.kept = { ...home.kept, update: step.update }
      return
    case 'mark':
      home.kept = { ...home.kept, mark: step.mark }
      return
    case 'unmark':
      home.kept = { ...home.kept, mark: undefined }
      return
    case 'point':
      home.current = step.slot
  }
}

/** The slot that is started. */
export function startFrom(home: FakeHome): Slot {
  let slot = home.current
  const back = (): void => {
    if (!home.whole.has(otherSlot(slot))) return
    slot = otherSlot(slot)
    if (home.writable) home.current = slot
  }
  if (!home.whole.has(slot)) back()
  const { mark } = home.kept
  if (mark?.slot !== slot) return slot
  if (mark.starts < mark.startsMax && home.writable) {
    carryOutOn(home, { step: 'mark', mark: { ...mark, starts: mark.starts + 1, late: false } })
  } else back()
  return slot
}

/** The guard's time is up. */
export function endLate(home: FakeHome): void {
  const { mark } = home.kept
  if (mark !== undefined) carryOutOn(home, { step: 'mark', mark: { ...mark, starts: mark.startsMax, late: true } })
}
