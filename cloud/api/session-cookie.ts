// The cookies of the dashboard, and what tells a request of its own page from one that another page has made.

import type { Context } from 'hono'

/** `__Host-`: the browser takes it over TLS alone, for this host alone, and lets no other host set it (RFC 6265bis §4.1.3.2). */
export const sessionCookieName = '__Host-holdfast'

/** The first of that name; a browser sends no second one for a `__Host-` cookie. */
function cookieOf(context: Context, name: string): string | undefined {
  for (const part of (context.req.header('cookie') ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2)
    if (key === name && value !== undefined && value !== '') return value
  }
  return undefined
}

export function sessionWord(context: Context): string | undefined {
  return cookieOf(context, sessionCookieName)
}

/** Sent along by the pages of this hub alone, and seen by no script. */
export function sessionCookie(word: string, lifeMs: number): string {
  return `${sessionCookieName}=${word}; Path=/; Max-Age=${Math.max(0, Math.floor(lifeMs / 1_000))}; Secure; HttpOnly; SameSite=Strict`
}

export const noSessionCookie = sessionCookie('', 0)

const SIGN_IN = '__Host-holdfast-sign-in'

export function signInWord(context: Context): string | undefined {
  return cookieOf(context, SIGN_IN)
}

/** Sent along, too, where a provider of identities leads the browser back: it opens nothing by itself. */
export function signInCookie(word: string, lifeMs: number): string {
  return `${SIGN_IN}=${word}; Path=/; Max-Age=${Math.floor(lifeMs / 1_000)}; Secure; HttpOnly; SameSite=Lax`
}

export const noSignInCookie = signInCookie('', 0)

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host
}

/**
 * `own`: the browser says that a page of this hub asks. `other`: it says that another one does. `unsaid`: it says neither.
 * `url` is how the hub is reached from outside, where a proxy asks under another name.
 */
export function askedBy(context: Context, url: string): 'own' | 'other' | 'unsaid' {
  const site = context.req.header('sec-fetch-site')
  const origin = context.req.header('origin')
  // Of what somebody types into the address bar the browser says `none`: that may be looked at.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'other'
  if (origin === undefined) return site === 'same-origin' ? 'own' : 'unsaid'
  const host = hostOf(origin)
  if (host === undefined || !origin.startsWith('https://')) return 'other'
  return host === context.req.header('host') || host === hostOf(url) ? 'own' : 'other'
}
