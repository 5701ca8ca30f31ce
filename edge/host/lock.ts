// One agent per state directory. The lock is SQLite's own, on an empty file: taken in one step, seen from every network
// namespace, let go by the kernel when the process dies however it dies, and out of reach for other users.

import Database from 'better-sqlite3'
import type { Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'

/** Held for as long as it is referenced and not released: a handle that nobody keeps is closed by the garbage collector. */
export interface StateLock {
  release(): void
}

function take(path: string): StateLock {
  const database = new Database(path, { timeout: 0 })
  try {
    // No journal file: the lock has to be had on a full disk too.
    database.pragma('journal_mode = MEMORY')
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    throw error
  }
  return { release: () => void database.close() }
}

/** Throws `conflict` if another process holds the lock. A disk that takes no lock at all is no reason to stay off the mesh. */
export function lockState(path: string, log: Log): StateLock {
  try {
    return take(path)
  } catch (error) {
    if (String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')) {
      throw new HoldfastError('conflict', 'another agent runs with this state directory', {
        remedy: 'See `systemctl status holdfast`; give this one another --state if both are wanted.',
        cause: error,
      })
    }
    log.warn('the state directory takes no lock; going on without', { why: (error as Error).message })
    return { release: () => undefined }
  }
}
