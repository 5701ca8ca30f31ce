// The command line on the hub's own machine: whoever may read the data directory is an administrator anyway, so a token
// lies there for it, next to where the hub is reached.

import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import type { ApiTokens, NewApiToken } from '../access/api-tokens.ts'
import type { HubStore } from '../store/hub-store.ts'
import type { DataPaths } from './data-directory.ts'

const NAME = 'local-cli'

/** Under this name the store remembers that an administrator's token was made for a person. */
const FIRST = 'first-token'

/** The token of this machine, made again where its file was deleted or it was revoked; undefined where it is good. */
function openCliToken(paths: DataPaths, tokens: ApiTokens): NewApiToken | undefined {
  const held = readIfThere(paths.cliToken)?.trim()
  if (held !== undefined && tokens.identify(held) !== undefined) return undefined
  // Of an earlier life of this directory, before a restore: nobody holds it any more, or somebody who should not.
  for (const { id, name } of tokens.list()) if (name === NAME) tokens.revoke(id)
  const made = tokens.create(NAME, 'admin')
  writeAtomic(paths.cliToken, `${made.token}\n`)
  return made
}

/**
 * Opens the door to people, as the last step of a start: a first start that fails half-way must not have used up the one
 * time that the administrator's token is shown. Returns that token.
 */
export function openLocalAccess(paths: DataPaths, tokens: ApiTokens, store: HubStore, now: number): string | undefined {
  const fresh = store.value(FIRST) === undefined && tokens.list().every(({ name }) => name === NAME)
  const local = openCliToken(paths, tokens)
  const first = fresh ? tokens.create('admin', 'admin') : undefined
  for (const made of [local, first]) {
    if (made === undefined) continue
    const detail = `${made.role} ${made.name}`
    store.putAudit({ at: now, actor: 'hub', verb: 'create', target: `access/${made.id}`, detail })
  }
  store.putValue(FIRST, 'made')
  return first?.token
}

export function writeCliUrl(paths: DataPaths, host: string, port: number): void {
  const local = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  writeAtomic(paths.cliUrl, `https://${local.includes(':') ? `[${local}]` : local}:${port}\n`)
}
