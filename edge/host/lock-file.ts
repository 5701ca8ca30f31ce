// The files with the pinned membership lock and the pinned root key: whoever has root here may change it, and nobody else.

import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import type { LockFile } from '../trust/lock-pin.ts'

export function openLockFile(path: string): LockFile {
  return { read: () => readIfThere(path), write: (text) => writeAtomic(path, text) }
}
