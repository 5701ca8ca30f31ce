// The command line on the hub's own machine: whoever may read the data directory is an administrator anyway, so a token
// lies there for it, next to where the hub is reached.

import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import type { ApiTokens } from '../access/api-tokens.ts'
import type { DataPaths } from './data-directory.ts'

const NAME = 'local-cli'

/** Makes the token at first start, and again where it was deleted or revoked. */
export function openCliToken(paths: DataPaths, tokens: ApiTokens): void {
  const held = readIfThere(paths.cliToken)?.trim()
  if (held !== undefined && tokens.identify(held) !== undefined) return
  // Of an earlier life of this directory, before a restore: nobody holds it any more, or somebody who should not.
  for (const { id, name } of tokens.list()) if (name === NAME) tokens.revoke(id)
  writeAtomic(paths.cliToken, `${tokens.create(NAME, 'admin').token}\n`)
}

export function writeCliUrl(paths: DataPaths, host: string, port: number): void {
  const local = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  writeAtomic(paths.cliUrl, `https://${local.includes(':') ? `[${local}]` : local}:${port}\n`)
}
