// Who is signed in, as the hub says it.

export type PersonRole = 'viewer' | 'operator' | 'admin'

/** Ways to sign in beside a token. */
export interface LoginWays {
  readonly oidc?: { readonly name: string }
}

export interface Session {
  readonly role: PersonRole
  readonly name: string
  readonly csrf: string
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number
  readonly login?: LoginWays
}

const RANK: Readonly<Record<PersonRole, number>> = { viewer: 1, operator: 2, admin: 3 }

export function mayDo(session: Session | undefined, role: PersonRole): boolean {
  return session !== undefined && RANK[session.role] >= RANK[role]
}
