// How people sign in at a provider of identities, as the settings file says it.

import * as v from 'valibot'
import { claimRulesMax } from '../../shared/dashboard-limits.ts'
import { roles } from '../access/access-store.ts'

const https = v.pipe(v.string(), v.regex(/^https:\/\/[^?#@\s]+$/, 'is not like https://login.example.org'))
const word = v.pipe(v.string(), v.minLength(1), v.maxLength(200))

export const oidcFile = v.strictObject({
  /** As the provider calls itself; what it offers is read from there (OpenID Connect Discovery 1.0). */
  issuer: https,
  clientId: word,
  /** The secret alone, in a file of its own; absent where the client has none. */
  clientSecretFile: v.optional(word),
  /** What the button says; the name of the provider's host where absent. */
  name: v.optional(v.pipe(word, v.maxLength(40))),
  /** PEM of the authority of the provider, where Node does not know it. */
  caFile: v.optional(word),
  scopes: v.optional(
    v.pipe(v.array(v.pipe(v.string(), v.regex(/^[!#-[\]-~]{1,100}$/, 'is no scope'))), v.maxLength(16)),
  ),
  /** Whom to let in, and as what. Nobody without a rule that fits. */
  rules: v.pipe(
    v.array(v.strictObject({ claim: word, value: word, role: v.picklist(roles) })),
    v.minLength(1),
    v.maxLength(claimRulesMax),
  ),
})
export type OidcFile = v.InferOutput<typeof oidcFile>
