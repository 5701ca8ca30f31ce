// The membership lock of this very agent: pinned in its file, its changes written in the journal.

import type { Lock } from '../../shared/record/lock.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { Store } from '../store/store.ts'
import type { Holding } from './holding.ts'
import type { Anchors } from './keys.ts'
import { createLockPin, type LockFile } from './lock-pin.ts'
import { type LockedHolding, lockHolding } from './locked.ts'

export interface OwnLockOptions {
  readonly store: Pick<Store, 'get' | 'set'>
  readonly lockFile?: LockFile
}

export interface OwnLockParts {
  readonly anchors: Anchors
  readonly keep: Pick<Keepsakes, 'write' | 'journal'>
}

const KEY = 'membership-lock'

function inStore(store: OwnLockOptions['store']): LockFile {
  return { read: () => store.get(KEY), write: (text) => store.set(KEY, text) }
}

function wordsOf(lock: Lock, before: Lock | undefined): string {
  const what =
    lock.threshold > 0
      ? `lock ${lock.serial}, ${lock.threshold} of ${lock.keys.length} keys`
      : `lock ${lock.serial} ends it`
  return before === undefined ? `${what}, seen for the first time` : `${what}, follows lock ${before.serial}`
}

/** `holding` under the lock that is pinned here. */
export function createOwnLock(
  options: OwnLockOptions,
  { anchors, keep }: OwnLockParts,
  holding: Holding,
): LockedHolding {
  const { lockFile = inStore(options.store) } = options
  const pin = createLockPin({
    anchors,
    read: () => lockFile.read(),
    write: (text) => keep.write('keep the membership lock', () => lockFile.write(text)),
    onPinned: (lock, before) => keep.journal('membership-lock', wordsOf(lock, before)),
  })
  return lockHolding(holding, pin, anchors)
}
