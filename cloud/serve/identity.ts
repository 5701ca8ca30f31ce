// A hub is its database and its keys together: what is missing of one is never made anew beside what is left of the
// other. A hub that starts at revision 0 with old keys is refused by every device, and one with a new root key is nobody.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import type { HubStore } from '../store/hub-store.ts'
import type { DataPaths } from './data-directory.ts'

/** What only a hub that had its database leaves behind; made after it, in that order, at the first start. */
const madeAfterDatabase = ['access.db', 'root.key', 'signing.key', 'signing.crt']
/** What devices pin or log in with. A signing key that is gone is replaced: the root certifies the next one. */
const irreplaceable = ['access.db', 'root.key', 'tls/authority.key', 'tls/authority.crt']

const present = (root: string, names: readonly string[]): string[] =>
  names.filter((name) => existsSync(join(root, name)))

function bringBack(root: string): string {
  const broken = `${root}.broken`
  return `Bring the hub back from a backup: \`mv ${root} ${broken} && holdfast-hub restore FILE --data ${root}\`; or from what a device exports: \`… restore --from-node FILE --keys ${broken} --data ${root}\`.`
}

/** Before the database is opened, which would make one where there is none. */
export function refuseLostDatabase({ hubDb, root }: DataPaths): void {
  if (existsSync(hubDb)) return
  const left = present(root, madeAfterDatabase)
  if (left.length === 0) return
  throw new HoldfastError('corrupt', `hub.db is missing in ${root}, though ${left.join(', ')} of a hub are there`, {
    remedy: `Nothing was changed. ${bringBack(root)} For a new hub, which every device has to join again, move ${left.join(', ')} away.`,
  })
}

/** Before keys or credentials are opened, which would make new ones. A first start that was interrupted just goes on. */
export function refuseLostKeys({ root }: DataPaths, store: HubStore): void {
  if (store.networks().length === 0 && store.audit(1).length === 0) return
  const there = new Set(present(root, irreplaceable))
  const gone = irreplaceable.filter((name) => !there.has(name))
  if (gone.length === 0) return
  const onlyLogIns = gone.every((name) => name === 'access.db')
  const without = onlyLogIns
    ? ` Without one, \`touch ${join(root, 'access.db')}\`: the mesh goes on, devices fetch new credentials by themselves, and people need new API tokens.`
    : ' Without one, start a new hub in an empty directory; the mesh goes on until devices join that one.'
  throw new HoldfastError('corrupt', `${gone.join(', ')} of this hub is missing in ${root}`, {
    remedy: `Nothing was changed. ${bringBack(root)}${without}`,
  })
}
