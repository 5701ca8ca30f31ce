// A holding under a membership lock, without an agent around it.

import { memoryLog } from '../../shared/effects.fake.ts'
import type { Store } from '../store/store.ts'
import { createHolding } from './holding.ts'
import type { Anchors } from './keys.ts'
import type { LockedHolding } from './locked.ts'
import { createOwnLock } from './own-lock.ts'

/** `staged`: a newer set is followed only when somebody says so. */
export function openLocked(anchors: Anchors, store: Store, journal: string[] = [], staged = false): LockedHolding {
  const write = (_doing: string, run: () => void): boolean => {
    try {
      run()
      return true
    } catch {
      return false
    }
  }
  const keep = { write, journal: (event: string, detail: string) => void journal.push(`${event}: ${detail}`) }
  return createOwnLock({ store }, { anchors, keep }, createHolding(anchors, store, memoryLog(), staged))
}
