// From what a provider of identities says of somebody to what they may do here: by rules, and nobody without one. Pure.

import type { Role } from './access-store.ts'

/** Whoever has the value in the claim has the role. */
export interface ClaimRule {
  /** Its name, or the way to it with dots: `groups`, `realm_access.roles`. */
  readonly claim: string
  /** The text itself, or one of a list. */
  readonly value: string
  readonly role: Role
}

export type Claims = Readonly<Record<string, unknown>>

const RANK: Readonly<Record<Role, number>> = { viewer: 1, operator: 2, admin: 3 }

function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Claims)[name]
}

/** A claim that has dots in its own name, as many a URL, comes before the way that it would be. */
function claimOf(claims: Claims, path: string): unknown {
  const plain = own(claims, path)
  return plain === undefined ? path.split('.').reduce<unknown>(own, claims) : plain
}

function holds(claim: unknown, wanted: string): boolean {
  if (Array.isArray(claim)) return claim.some((one) => holds(one, wanted) && !Array.isArray(one))
  // What is neither text nor a plain value is compared with nothing.
  return (
    (typeof claim === 'string' || typeof claim === 'boolean' || typeof claim === 'number') && String(claim) === wanted
  )
}

/** The highest of those that fit; undefined where none does. */
export function roleOf(claims: Claims, rules: readonly ClaimRule[]): Role | undefined {
  return rules
    .filter(({ claim, value }) => holds(claimOf(claims, claim), value))
    .map(({ role }) => role)
    .sort((a, b) => RANK[b] - RANK[a])[0]
}

const NAME_MAX = 100

/** What people read; nothing is decided by it. */
export function nameOf(claims: Claims): string {
  const texts = ['preferred_username', 'email', 'name', 'sub'].flatMap((name) => {
    const text = claims[name]
    return typeof text === 'string' && text.trim() !== '' ? [text.trim()] : []
  })
  return (texts[0] ?? 'somebody').replaceAll(/\p{C}/gu, '').slice(0, NAME_MAX)
}
