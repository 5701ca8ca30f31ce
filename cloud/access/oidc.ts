// Sign-in at a provider of identities by OpenID Connect (Core 1.0 §3.1): authorization code with PKCE, state and nonce, by a
// certified library, which checks issuer, audience, signature and times. What it says of somebody becomes a role by our rules.

import type * as Library from 'openid-client'
import { toBase64Url, toHex, utf8 } from '../../shared/bytes.ts'
import { oidcSessionMsMax, providerSkewS, signInMsMax, signInsBegunMax } from '../../shared/dashboard-limits.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { type ClaimRule, type Claims, nameOf, roleOf } from './claim-roles.ts'
import { oidcHolder } from './grants.ts'
import type { SessionHolder } from './sessions.ts'

export interface OidcSettings {
  /** As the provider calls itself, `https://login.example.org`. */
  readonly issuer: string
  readonly clientId: string
  /** Absent for a client that keeps none: PKCE alone. */
  readonly clientSecret: string | undefined
  /** What the button says. */
  readonly name: string
  readonly scopes: readonly string[]
  readonly rules: readonly ClaimRule[]
}

export interface OidcOptions {
  readonly settings: OidcSettings
  /** Where the provider sends people back to. */
  readonly redirectUri: () => string
  readonly fetch: Library.CustomFetch
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface Oidc {
  readonly name: string
  /** By which rules people get in: sessions of other rules are over. */
  readonly grant: string
  /** Where to send somebody; `word` is for a cookie of theirs. Throws `unreachable`. */
  begin(): Promise<{ readonly url: string; readonly word: string }>
  /** `query`: what came back. Throws `unauthenticated`, `forbidden`, `expired` and `unreachable`. */
  finish(word: string, query: string): Promise<SessionHolder>
}

interface Begun {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** Monotonic. */
  readonly at: number
}

/** What a provider says of itself is asked for again so often: it may have moved. */
const DISCOVERED_MS = 3_600_000

/** Somewhere beneath what the library says. */
function isAway(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    if (isHoldfastError(at, 'unreachable')) return true
  }
  return false
}

/** The library's own words, and what lies beneath: "fetch failed" alone helps nobody. */
function whyOf(error: unknown): string {
  const { cause, error_description: told } = error as { cause?: unknown; error_description?: string }
  const beneath = cause instanceof Error ? `: ${cause.message}` : ''
  return `${describeError(error)}${beneath}${told === undefined ? '' : `: ${told}`}`
    .replaceAll(/\p{C}/gu, '')
    .slice(0, 300)
}

export function createOidc({ clock, entropy, fetch, log, redirectUri, settings }: OidcOptions): Oidc {
  const { clientId, clientSecret, issuer, name, rules, scopes } = settings
  const grant = toHex(sha256(utf8(JSON.stringify([issuer, clientId, rules]))))
  const begun = new Map<string, Begun>()
  let discovered: { readonly config: Library.Configuration; readonly at: number } | undefined

  const library = (): Promise<typeof Library> => import('openid-client')
  const secret = (): string => toBase64Url(entropy.bytes(32))
  const keyOf = (word: string): string => toHex(sha256(utf8(`holdfast-sign-in\0${word}`)))

  const away = (error: unknown): HoldfastError => {
    const why = whyOf(error)
    log.warn('the provider of identities did not answer as it should', { issuer, why })
    return new HoldfastError('unreachable', `${name} can't be asked who you are now: ${why}`, {
      cause: error,
      remedy: 'Sign in with a token meanwhile: `holdfast-hub access create NAME` on the hub’s machine makes one.',
    })
  }

  const discover = async (client: typeof Library): Promise<Library.Configuration> => {
    if (discovered !== undefined && clock.monotonic() - discovered.at < DISCOVERED_MS) return discovered.config
    const auth = clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret)
    try {
      const config = await client.discovery(
        new URL(issuer),
        clientId,
        { [client.clockTolerance]: providerSkewS },
        auth,
        { [client.customFetch]: fetch },
      )
      discovered = { config, at: clock.monotonic() }
      return config
    } catch (error) {
      // One that was found before is as good as its keys.
      if (discovered !== undefined) return discovered.config
      throw away(error)
    }
  }

  /** Groups are often told there alone. */
  const moreOf = async (
    client: typeof Library,
    config: Library.Configuration,
    token: string,
    claims: Library.IDToken,
  ): Promise<Claims> => {
    if (config.serverMetadata().userinfo_endpoint === undefined) return claims
    try {
      return { ...(await client.fetchUserInfo(config, token, claims.sub)), ...claims }
    } catch (error) {
      // Fewer claims let nobody in who would not get in with more.
      log.warn('the provider of identities told no more of somebody', { issuer, why: whyOf(error) })
      return claims
    }
  }

  const take = (word: string): Begun => {
    const key = keyOf(word)
    const one = begun.get(key)
    begun.delete(key)
    if (one !== undefined && clock.monotonic() - one.at < signInMsMax) return one
    throw new HoldfastError('expired', 'this sign-in was not begun here, or too long ago', {
      remedy: 'Begin it again, in the same browser.',
    })
  }

  return {
    name,
    grant,
    async begin() {
      const client = await library()
      const config = await discover(client)
      const [word, state, nonce, verifier] = [secret(), secret(), secret(), secret()] as const
      const challenge = await client.calculatePKCECodeChallenge(verifier)
      for (const eldest of begun.keys()) {
        if (begun.size < signInsBegunMax) break
        begun.delete(eldest)
      }
      begun.set(keyOf(word), { state, nonce, verifier, at: clock.monotonic() })
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri(),
        scope: scopes.join(' '),
        code_challenge: challenge,
        code_challenge_method: 'S256',
        state,
        nonce,
      })
      return { url: url.href, word }
    },
    async finish(word, query) {
      const { nonce, state, verifier } = take(word)
      const client = await library()
      const config = await discover(client)
      const back = new URL(redirectUri())
      back.search = query
      try {
        const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
        const tokens = await client.authorizationCodeGrant(config, back, checks)
        const sure = tokens.claims()
        if (sure === undefined) throw new HoldfastError('unauthenticated', 'it sent no word on who you are')
        const claims = await moreOf(client, config, tokens.access_token, sure)
        const shown = nameOf(claims)
        const role = roleOf(claims, rules)
        if (role === undefined) {
          throw new HoldfastError('forbidden', `${shown} is known to ${name}, and has no role here`, {
            remedy: 'An administrator gives one by a rule under oidc.rules of the hub’s settings.',
          })
        }
        const endsAt = clock.now() + oidcSessionMsMax
        return { holder: oidcHolder(sure.sub), grant, name: shown, actor: `oidc:${sure.sub}`, role, endsAt }
      } catch (error) {
        if (isHoldfastError(error)) throw error
        if (isAway(error)) throw away(error)
        const why = whyOf(error)
        log.warn('a sign-in at the provider of identities failed', { issuer, why })
        throw new HoldfastError('unauthenticated', `${name} did not sign you in: ${why}`, {
          cause: error,
          remedy: 'Begin it again; if that does not help, sign in with a token.',
        })
      }
    },
  }
}
