// Who calls: by a bearer token, as programs do, or by the session of a browser, whose writes must come from a page of this hub.

import type { Context } from 'hono'
import { signInFailuresPerMinuteMax, signInsBegunPerMinuteMax } from '../../shared/dashboard-limits.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sameSecret } from '../../shared/host/crypto.ts'
import { authFailuresPerMinuteMax, enrolmentsPerMinuteMax } from '../../shared/limits.ts'
import { createRateLimit } from '../access/rate-limit.ts'
import type { Session } from '../access/sessions.ts'
import type { Actor } from '../audit.ts'
import { type ApiDeps, type ApiRoute, type Call, mayCall } from './route.ts'
import { askedBy, sessionWord } from './session-cookie.ts'

export type Caller = Pick<Call, 'actor' | 'session' | 'mayStay' | 'source' | 'signIn'>

export interface Admission {
  /** Throws `unauthenticated`, `forbidden` and `rate-limited`. */
  admit(route: ApiRoute, context: Context): Caller
}

const ALL = 'all'
const SAFE = new Set(['GET', 'HEAD'])

/** Address of the caller; in tests without a socket everybody is one. */
function remoteOf(context: Context): string {
  const env = context.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined
  return env?.incoming?.socket?.remoteAddress ?? 'local'
}

function actorOf({ actor: name, role }: Session, source: string): Actor {
  return { name, role, whence: `session ${source}` }
}

function sameText(a: string, b: string): boolean {
  return sameSecret(Buffer.from(a), Buffer.from(b))
}

/** A cookie comes along with whatever a browser sends: only a page of this hub knows the word that belongs to it. */
function refuseForged(context: Context, session: Session, url: string): void {
  const by = askedBy(context, url)
  if (by === 'other' || (by === 'unsaid' && !SAFE.has(context.req.method))) {
    throw new HoldfastError('forbidden', 'this was not asked by a page of this hub', {
      remedy: 'Open the dashboard itself; programs send `Authorization: Bearer TOKEN`.',
    })
  }
  if (SAFE.has(context.req.method)) return
  if (sameText(context.req.header('x-csrf-token') ?? '', session.csrf)) return
  throw new HoldfastError('forbidden', 'the header X-CSRF-Token is absent or not of this session', {
    remedy: 'Load the page again.',
  })
}

export function createAdmission(deps: ApiDeps): Admission {
  const { clock, sessions, tokens } = deps
  const failures = createRateLimit(clock, authFailuresPerMinuteMax)
  const allFailures = createRateLimit(clock, signInFailuresPerMinuteMax)
  const begun = createRateLimit(clock, signInsBegunPerMinuteMax)
  const enrolments = createRateLimit(clock, enrolmentsPerMinuteMax)

  const refuseGuessers = (source: string): void => {
    if (!failures.exhausted(source)) return
    throw new HoldfastError('rate-limited', 'too many refused log-ins from this address', {
      remedy: 'Wait a minute, then try with the right token.',
    })
  }

  const check = (source: string): void => {
    refuseGuessers(source)
    if (!allFailures.exhausted(ALL)) return
    throw new HoldfastError('rate-limited', 'too many refused sign-ins from everywhere', {
      remedy: 'Wait a minute. holdfast-hub on the hub’s machine works all the same.',
    })
  }

  const signIn = (source: string): Call['signIn'] => ({
    check: () => check(source),
    begin() {
      check(source)
      if (begun.take(source)) return
      throw new HoldfastError('rate-limited', 'too many sign-ins were begun from this address', {
        remedy: 'Wait a minute.',
      })
    },
    refused() {
      failures.take(source)
      allFailures.take(ALL)
    },
  })

  const byToken = (header: string, source: string): Pick<Caller, 'actor' | 'mayStay'> => {
    refuseGuessers(source)
    const word = /^Bearer ([!-~]{1,200})$/i.exec(header)?.[1] ?? ''
    const actor = tokens.identify(word)
    if (actor !== undefined) {
      return { actor: { ...actor, whence: `token ${source}` }, mayStay: () => tokens.identify(word) !== undefined }
    }
    failures.take(source)
    throw new HoldfastError('unauthenticated', 'the token is not valid', {
      remedy: 'Send `Authorization: Bearer TOKEN`; an administrator makes tokens with `holdfast-hub access create`.',
    })
  }

  /** Undefined without a cookie. */
  const bySession = (context: Context, source: string): Pick<Caller, 'actor' | 'mayStay' | 'session'> | undefined => {
    const word = sessionWord(context)
    if (word === undefined) return undefined
    const session = sessions.find(word, true)
    if (session === undefined) {
      throw new HoldfastError('unauthenticated', 'the session has ended', { remedy: 'Sign in again.' })
    }
    refuseForged(context, session, deps.url())
    return {
      actor: actorOf(session, source),
      session,
      mayStay: () => sessions.find(word, false) !== undefined,
    }
  }

  const authenticate = (context: Context, source: string): Pick<Caller, 'actor' | 'mayStay' | 'session'> => {
    const header = context.req.header('authorization') ?? ''
    // What is sent on purpose counts before what a browser sends by itself.
    if (header !== '') return byToken(header, source)
    const caller = bySession(context, source)
    if (caller !== undefined) return caller
    refuseGuessers(source)
    // A request without any token is a mistake, not a guess; only guesses are counted.
    throw new HoldfastError('unauthenticated', 'no token was sent', {
      remedy: 'Send `Authorization: Bearer TOKEN`; an administrator makes tokens with `holdfast-hub access create`.',
    })
  }

  return {
    admit(route, context) {
      const source = remoteOf(context)
      const door = { source, signIn: signIn(source) }
      if (route.role === 'public') {
        if (route.method === 'POST' && route.door !== 'sign-in' && !enrolments.take(source)) {
          throw new HoldfastError('rate-limited', 'too many enrolments from this address', { remedy: 'Wait a minute.' })
        }
        return { ...door, actor: { name: 'anonymous', role: 'device' }, mayStay: () => false }
      }
      const caller = authenticate(context, source)
      if (mayCall(caller.actor.role, route.role)) return { ...door, ...caller }
      const what = caller.session === undefined ? 'token' : 'session'
      throw new HoldfastError('forbidden', `this needs the role ${route.role}; the ${what} has ${caller.actor.role}`, {
        remedy: 'Ask an administrator for a token with that role.',
      })
    },
  }
}
