// A backup back into an empty directory. It starts a new epoch: devices may hold newer revisions than the backup knows,
// and would refuse lower ones.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { openHubStore } from '../store/sqlite.ts'
import { unpack } from './archive.ts'
import { makeFreshDirectory } from './fresh-directory.ts'
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

export function restoreBackup(file: string, directory: string, now: number, log: Log): void {
  if (!existsSync(file)) throw new HoldfastError('not-found', `there is no ${file}`)
  makeFreshDirectory(directory, (draft) => {
    unpack(file, draft)
    checkDatabase(join(draft, 'hub.db'))
    checkDatabase(join(draft, 'access.db'))
    const store = openHubStore(join(draft, 'hub.db'), log)
    raiseEpoch(store)
    store.putAudit({ at: now, actor: 'restore', verb: 'restore', target: 'hub', detail: 'a new epoch' })
    store.close()
  })
}
