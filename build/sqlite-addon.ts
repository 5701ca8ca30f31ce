// The SQLite addon of a single file: what the bundler puts in the place of the file that the library would load.

import { HoldfastError } from '../shared/errors.ts'
import { partPath } from '../shared/host/parts.ts'

/** Name of the part. */
export const addonPart = 'sqlite.node'

/** What the addon exports. */
export function loadCarriedAddon(): unknown {
  const path = partPath(addonPart)
  if (path === undefined) throw new HoldfastError('unsupported', 'this build carries no SQLite addon')
  const addon = { exports: {} }
  process.dlopen(addon, path)
  return addon.exports
}
