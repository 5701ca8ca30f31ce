// Join tokens: leave to enrol, kept as hashes. A wrong guess, an expired and a revoked token look the same to who asks.

import { fromBase64Url } from '../../shared/bytes.ts'
import type { Clock, Entropy, Sha256 } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sameSecret } from '../../shared/host/crypto.ts'
import { base32, type Name } from '../../shared/ids.ts'
import { durationS, type TokenSpec } from '../../shared/intent/token.ts'
import { tokensMax } from '../../shared/limits.ts'
import { formatJoinToken } from '../../shared/wire/enrol.ts'
import type { CreatedToken, TokenRow } from '../hub.ts'
import type { HubStore, TokenRecord } from '../store/hub-store.ts'

export interface Tokens {
  create(spec: TokenSpec): CreatedToken
  list(): readonly TokenRow[]
  revoke(id: string): boolean
  /** The token if `secret` opens it and it may be used now; throws `forbidden` otherwise. */
  check(id: string, secret: string): TokenRecord
  /** As `check`, for a device that already spent its use: the secret must fit, and the token must not be revoked. */
  recognise(id: string, secret: string): void
  /** Takes one use, in the store only: call inside its transaction, and `settle` once that has succeeded. */
  use(token: TokenRecord): TokenRecord
  settle(token: TokenRecord): void
}

export interface TokensOptions {
  readonly store: HubStore
  readonly clock: Clock
  readonly entropy: Entropy
  readonly sha256: Sha256
  readonly pin: Uint8Array
  /** Hash of the membership lock of a network; undefined where it has none. */
  readonly lockOf: (network: Name) => Uint8Array | undefined
}

function refused(): HoldfastError {
  return new HoldfastError('forbidden', 'the join token is not valid: unknown, used up, expired or revoked', {
    remedy: 'Ask for a new one: `holdfast-hub token create`.',
  })
}

function rowOf({ autoApprove, createdAt, expiresAt, id, labels, network, revoked, usesLeft }: TokenRecord): TokenRow {
  return { id, network, createdAt, expiresAt, usesLeft, revoked, labels, autoApprove }
}

export function createTokens({ store, clock, entropy, lockOf, sha256, pin }: TokensOptions): Tokens {
  const tokens = new Map(store.tokens().map((token) => [token.id, token]))
  const put = (token: TokenRecord): void => {
    store.putToken(token)
    tokens.set(token.id, token)
  }
  /** Tokens that can never be used again are dropped a week after their end, so that `list` can still say why. */
  const sweep = (): void => {
    const old = clock.now() - 7 * 86_400_000
    for (const token of tokens.values()) {
      if (token.expiresAt >= old) continue
      store.deleteToken(token.id)
      tokens.delete(token.id)
    }
  }
  const opened = (id: string, secret: string): TokenRecord => {
    const token = tokens.get(id)
    let given: Uint8Array
    try {
      given = sha256(fromBase64Url(secret))
    } catch {
      throw refused()
    }
    // Compared even where there is no such token, so that time tells nothing.
    const fits = sameSecret(given, token?.secretHash ?? new Uint8Array(32))
    if (token === undefined || !fits || token.revoked) throw refused()
    return token
  }
  return {
    create(spec) {
      sweep()
      if (tokens.size >= tokensMax) {
        throw new HoldfastError('exhausted', `there are ${tokens.size} join tokens`, {
          remedy: 'Revoke some, or raise `uses` of one.',
        })
      }
      const id = base32(entropy.bytes(5), 8)
      const secret = entropy.bytes(32)
      const createdAt = clock.now()
      const expiresAt = createdAt + durationS(spec.ttl) * 1_000
      const { network, labels, autoApprove } = spec
      put({
        id,
        secretHash: sha256(secret),
        network,
        createdAt,
        expiresAt,
        usesLeft: spec.uses,
        revoked: false,
        labels,
        autoApprove,
      })
      return { id, token: formatJoinToken({ id, secret, pin, lock: lockOf(network) }), expiresAt }
    },
    list: () => [...tokens.values()].map(rowOf).sort((a, b) => a.createdAt - b.createdAt),
    revoke(id) {
      const token = tokens.get(id)
      if (token === undefined) return false
      put({ ...token, revoked: true })
      return true
    },
    check(id, secret) {
      const token = opened(id, secret)
      if (token.usesLeft < 1 || token.expiresAt <= clock.now()) throw refused()
      return token
    },
    recognise: (id, secret) => void opened(id, secret),
    use(token) {
      const used = { ...token, usesLeft: token.usesLeft - 1 }
      store.putToken(used)
      return used
    },
    settle: (token) => void tokens.set(token.id, token),
  }
}
