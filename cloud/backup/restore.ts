// A backup back into an empty directory. It starts a new epoch: devices may hold newer revisions than the backup knows,
// and would refuse lower ones.

import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { toBase64 } from '../../shared/bytes.ts'
import type { Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { openHubStore } from '../store/sqlite.ts'
import { unpack } from './archive.ts'
import { makeFreshDirectory } from './fresh-directory.ts'
import { layKeys, readKeys } from './keys.ts'
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

/** Keys that were exported later, of a hub whose root was rotated since: the backup's own would be refused by its devices. */
function putNewerKeys(draft: string, path: string): void {
  const [held, newer] = [readKeys(draft), readKeys(path)]
  const own = toBase64(held.root.publicKey)
  const follows = newer.roots.some(({ link }) => link.root === own)
  if (toBase64(newer.root.publicKey) !== own && !follows) {
    throw new HoldfastError('untrusted', `the root key in ${path} does not follow from the one of the backup`, {
      remedy: 'Give what `holdfast-hub keys export` wrote on this hub, after the last rotation of its root key.',
    })
  }
  // The backup's own signing key is certified by a root that devices have left: the hub makes another where none was exported.
  for (const name of ['signing.key', 'signing.crt']) rmSync(join(draft, name), { force: true })
  layKeys(draft, newer)
}

/** `keys`: what `keys export` wrote after the backup was made. */
export function restoreBackup(file: string, directory: string, now: number, log: Log, keys?: string): void {
  if (!existsSync(file)) throw new HoldfastError('not-found', `there is no ${file}`)
  makeFreshDirectory(directory, (draft) => {
    unpack(file, draft)
    checkDatabase(join(draft, 'hub.db'))
    checkDatabase(join(draft, 'access.db'))
    if (keys !== undefined) putNewerKeys(draft, keys)
    const store = openHubStore(join(draft, 'hub.db'), log)
    raiseEpoch(store)
    store.putAudit({ at: now, actor: 'restore', verb: 'restore', target: 'hub', detail: 'a new epoch' })
    store.close()
  })
}
