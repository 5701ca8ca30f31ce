// What a session rests on: while the token or the rule that opened it is worth what it was then, the session is, too.

import type { ApiTokenRow } from './access-store.ts'
import type { ApiTokens } from './api-tokens.ts'
import type { SessionRow } from './session-store.ts'

const TOKEN = 'token/'
const OIDC = 'oidc/'

export function tokenHolder(id: string): string {
  return `${TOKEN}${id}`
}

/** `subject`: who that is at the provider. */
export function oidcHolder(subject: string): string {
  return `${OIDC}${subject}`
}

export function tokenGrant({ name, role }: Pick<ApiTokenRow, 'name' | 'role'>): string {
  return `${role} ${name}`
}

/** `oidc`: names the rules of the provider by which people are let in now; undefined where none is. */
export function grantBy(tokens: Pick<ApiTokens, 'valid'>, oidc?: string): (row: SessionRow) => string | undefined {
  return ({ holder }) => {
    if (holder.startsWith(OIDC)) return oidc
    const row = tokens.valid(holder.slice(TOKEN.length))
    return row === undefined ? undefined : tokenGrant(row)
  }
}
