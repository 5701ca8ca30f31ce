// The set in force with the keys by which its members are known now. A pure filter, as the membership lock is one: the set
// itself stays whole, for its head vouches for all of it.

import type { Holding } from '../trust/holding.ts'
import type { LockedHolding } from '../trust/locked.ts'
import type { DeviceBook } from './device-book.ts'
import { type KeyBook, withKeys, withSignedKeys } from './key-book.ts'

type InForce = NonNullable<ReturnType<Holding['inForce']>>

/** `isLocked`: people sign for keys. */
export function rekeyHolding(
  holding: LockedHolding,
  devices: Pick<DeviceBook, 'revision' | 'withDevices'>,
  book: Pick<KeyBook, 'revision' | 'word'>,
  isLocked: () => boolean,
): LockedHolding {
  let whole: InForce | undefined
  let madeAt = ''
  let made: InForce | undefined

  return {
    ...holding,
    inForce() {
      const set = holding.inForce()
      if (set === undefined) return set
      const now = `${book.revision()} ${devices.revision()}`
      if (made === undefined || set !== whole || madeAt !== now) {
        const { records } = set.parsed
        const nodes = isLocked()
          ? withSignedKeys(records.nodes, book.word, holding.judge())
          : devices.withDevices(withKeys(records.nodes, book.word))
        made = nodes === records.nodes ? set : { ...set, parsed: { ...set.parsed, records: { ...records, nodes } } }
        whole = set
        madeAt = now
      }
      return made
    },
  }
}
