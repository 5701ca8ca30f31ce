// A backup back into an empty directory. It starts a new epoch: devices may hold newer revisions than the backup knows,
// and would refuse lower ones.

import { existsSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import type { Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { openHubStore } from '../store/sqlite.ts'
import { unpack } from './archive.ts'
import { raiseEpoch } from './raise-epoch.ts'

function checkDatabase(path: string): void {
  const db = new Database(path, { readonly: true })
  try {
    const verdict = db.pragma('integrity_check', { simple: true })
    if (verdict !== 'ok') throw new HoldfastError('corrupt', `${path} is damaged: ${String(verdict)}`)
  } finally {
    db.close()
  }
}

/** Readers of the directory see nothing or the whole: it is made beside and renamed into place. */
export function restoreBackup(file: string, directory: string, now: number, log: Log): void {
  const target = resolve(directory)
  if (!existsSync(file)) throw new HoldfastError('not-found', `there is no ${file}`)
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new HoldfastError('conflict', `${target} is not empty`, {
      remedy: 'Restore into an empty directory, so that nothing that is there gets lost.',
    })
  }
  const draft = `${target}.restoring`
  rmSync(draft, { recursive: true, force: true })
  unpack(file, draft)
  try {
    checkDatabase(join(draft, 'hub.db'))
    checkDatabase(join(draft, 'access.db'))
    const store = openHubStore(join(draft, 'hub.db'), log)
    raiseEpoch(store)
    store.putAudit({ at: now, actor: 'restore', verb: 'restore', target: 'hub', detail: 'a new epoch' })
    store.close()
    if (existsSync(target)) rmdirSync(target)
    renameSync(draft, target)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw error
  }
}
