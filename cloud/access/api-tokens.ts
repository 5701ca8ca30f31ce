// Bearer tokens of the API: made here, shown once, kept as a hash, compared in constant time.

import { fromBase64Url, toBase64Url } from '../../shared/bytes.ts'
import type { Clock, Entropy } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sameSecret, sha256 } from '../../shared/host/crypto.ts'
import { base32 } from '../../shared/ids.ts'
import { apiTokensMax } from '../../shared/limits.ts'
import type { Actor } from '../hub.ts'
import type { AccessStore, ApiTokenRow, Role } from './access-store.ts'

export interface NewApiToken extends ApiTokenRow {
  /** The word to put behind `Bearer`; never seen again. */
  readonly token: string
}

export interface ApiTokens {
  create(name: string, role: Role, ttlS?: number): NewApiToken
  /** Who holds `word`; undefined if nobody does, or no longer. */
  identify(word: string): Actor | undefined
  list(): readonly ApiTokenRow[]
  revoke(id: string): boolean
}

const WORD = /^hfa\.([a-z2-7]{8})\.([A-Za-z0-9_-]{43})$/

export function createApiTokens(store: AccessStore, clock: Clock, entropy: Entropy): ApiTokens {
  return {
    create(name, role, ttlS) {
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
      const match = WORD.exec(word)
      const held = match === null ? undefined : store.apiToken(match[1] ?? '')
      if (match === null || held === undefined) return undefined
      if (held.row.expiresAt !== undefined && held.row.expiresAt <= clock.now()) return undefined
      if (!sameSecret(sha256(fromBase64Url(match[2] ?? '')), held.hash)) return undefined
      return { name: held.row.name, role: held.row.role }
    },
    list: () => store.apiTokens(),
    revoke: (id) => store.deleteApiToken(id),
  }
}
