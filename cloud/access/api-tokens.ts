// Bearer tokens of the API: made here, shown once, kept as a hash, compared in constant time.

import { fromBase64Url, toBase64Url } from '../../shared/bytes.ts'
import type { Clock, Entropy } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sameSecret, sha256 } from '../../shared/host/crypto.ts'
import { base32 } from '../../shared/ids.ts'
import { apiTokensMax } from '../../shared/limits.ts'
import type { Actor } from '../audit.ts'
import type { AccessStore, ApiTokenRow, Role } from './access-store.ts'

export interface NewApiToken extends ApiTokenRow {
  /** The word to put behind `Bearer`; never seen again. */
  readonly token: string
}

export interface ApiTokens {
  create(name: string, role: Role, ttlS?: number): NewApiToken
  /** Who holds `word`; undefined if nobody does, or no longer. */
  identify(word: string): Actor | undefined
  /** The same, as it is listed. */
  find(word: string): ApiTokenRow | undefined
  /** One that is valid now, by its id. */
  valid(id: string): ApiTokenRow | undefined
  list(): readonly ApiTokenRow[]
  revoke(id: string): boolean
}

const WORD = /^hfa\.([a-z2-7]{8})\.([A-Za-z0-9_-]{43})$/

/** How long `list` still tells of a token that has expired. */
const KEPT_MS = 7 * 86_400_000

/** A word that can't be one is as wrong as any other. */
function isSecret(text: string, hash: Uint8Array): boolean {
  try {
    return sameSecret(sha256(fromBase64Url(text)), hash)
  } catch {
    return false
  }
}

export function createApiTokens(store: AccessStore, clock: Clock, entropy: Entropy): ApiTokens {
  const isExpired = ({ expiresAt }: ApiTokenRow, agoMs = 0): boolean =>
    expiresAt !== undefined && expiresAt + agoMs <= clock.now()
  const sweep = (): void => {
    for (const held of store.apiTokens()) if (isExpired(held, KEPT_MS)) store.deleteApiToken(held.id)
  }
  const find = (word: string): ApiTokenRow | undefined => {
    const match = WORD.exec(word)
    const held = match === null ? undefined : store.apiToken(match[1] ?? '')
    if (match === null || held === undefined) return undefined
    if (isExpired(held.row)) return undefined
    return isSecret(match[2] ?? '', held.hash) ? held.row : undefined
  }
  return {
    create(name, role, ttlS) {
      sweep()
      const twin = store.apiTokens().find((held) => held.name === name && !isExpired(held))
      if (twin !== undefined) {
        // The audit log knows actors by these names.
        throw new HoldfastError('conflict', `${twin.id} is an API token of that name`, {
          field: 'name',
          remedy: `Choose another name, or revoke that one first: holdfast-hub access revoke ${twin.id}`,
        })
      }
      if (store.apiTokens().length >= apiTokensMax) {
        throw new HoldfastError('exhausted', `there are already ${apiTokensMax} API tokens`, {
          remedy: 'Revoke some with `holdfast-hub access revoke ID`.',
        })
      }
      const secret = entropy.bytes(32)
      const id = base32(entropy.bytes(5), 8)
      const createdAt = clock.now()
      const row = { id, name, role, createdAt, expiresAt: ttlS === undefined ? undefined : createdAt + ttlS * 1_000 }
      store.putApiToken(row, sha256(secret))
      return { ...row, token: `hfa.${id}.${toBase64Url(secret)}` }
    },
    identify(word) {
      const row = find(word)
      return row === undefined ? undefined : { name: row.name, role: row.role }
    },
    find,
    valid(id) {
      const row = store.apiToken(id)?.row
      return row === undefined || isExpired(row) ? undefined : row
    },
    list: () => store.apiTokens(),
    revoke: (id) => store.deleteApiToken(id),
  }
}
