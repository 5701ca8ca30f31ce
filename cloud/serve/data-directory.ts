// The hub's data directory: which file is where, and the lock that keeps a second hub out of it.

import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { HoldfastError } from '../../shared/errors.ts'
import { makePrivateDirectory } from '../../shared/host/files.ts'

export interface DataPaths {
  readonly root: string
  readonly hubDb: string
  readonly accessDb: string
  /** Sessions of people; no backup takes them. */
  readonly sessionsDb: string
  /** Flows of devices; no backup takes it. */
  readonly flowsDb: string
  /** Releases of the agent; no backup takes them. */
  readonly releases: string
  readonly tls: string
  /** Token of the command line on this machine, 0600. */
  readonly cliToken: string
  /** Where the running hub is reached from this machine. */
  readonly cliUrl: string
  readonly lock: string
}

export function dataPaths(root: string): DataPaths {
  return {
    root,
    hubDb: join(root, 'hub.db'),
    accessDb: join(root, 'access.db'),
    sessionsDb: join(root, 'sessions.db'),
    flowsDb: join(root, 'flows.db'),
    releases: join(root, 'releases'),
    tls: join(root, 'tls'),
    cliToken: join(root, 'cli.token'),
    cliUrl: join(root, 'cli.url'),
    lock: join(root, 'hub.lock'),
  }
}

/** Holds the lock file; undefined where another process does. */
function tryLock(path: string): Database.Database | undefined {
  closeSync(openSync(path, 'a', 0o600))
  const db = new Database(path, { timeout: 0 })
  try {
    db.exec('BEGIN EXCLUSIVE')
    return db
  } catch (error) {
    db.close()
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return undefined
    throw new HoldfastError('failed', `cannot lock ${path}: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Two hubs on one database would sign two histories. The lock is SQLite's own on an empty file: the kernel drops it
 * with the process, so no stale lock survives a crash and no reused process id looks like a hub. Returns the release.
 */
export function lockDirectory(paths: DataPaths): () => void {
  makePrivateDirectory(paths.root)
  const held = tryLock(paths.lock)
  if (held === undefined) {
    throw new HoldfastError('conflict', `a hub runs on ${paths.root} already`, {
      remedy: 'Stop it first, or choose another directory with --data.',
    })
  }
  return () => held.close()
}
