// Sign-in of people at the dashboard: a token becomes a session, which a browser keeps where no script can read it.

import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import type { ApiTokenRow } from '../access/access-store.ts'
import { tokenGrant, tokenHolder } from '../access/grants.ts'
import type { Session, SessionHolder } from '../access/sessions.ts'
import { readJson } from './body.ts'
import type { ApiDeps, ApiRoute, Call } from './route.ts'
import { askedBy, noSessionCookie, sessionCookie, sessionWord } from './session-cookie.ts'

const PATH = '/api/v1/session'

const signInSchema = v.strictObject({
  /** An API token, as `holdfast-hub access create` shows it. */
  token: v.pipe(v.string(), v.maxLength(200)),
})

function holderOf(row: ApiTokenRow): SessionHolder {
  const { expiresAt: endsAt, id, name, role } = row
  return { holder: tokenHolder(id), grant: tokenGrant(row), name, actor: name, role, endsAt }
}

/** How people may sign in here. */
function loginOf({ oidc }: ApiDeps): object {
  return { token: true, ...(oidc === undefined ? {} : { oidc: { name: oidc.name } }) }
}

function present({ csrf, expiresAt, name, role }: Session, deps: ApiDeps): object {
  return { role, name, csrf, expiresAt, login: loginOf(deps) }
}

/** Opens a session, writes it down, and sets its cookie. */
export function openSession({ context, deps, source }: Call, holder: SessionHolder, detail: string): Session {
  const { clock, hub, sessions } = deps
  const { session, word } = sessions.open(holder)
  try {
    const actor = { name: holder.actor, role: holder.role, whence: `session ${source}` }
    hub.note(actor, 'sign-in', `session/${session.id}`, detail)
  } catch (error) {
    // What nobody wrote down must open nothing.
    sessions.close(word)
    throw error
  }
  context.header('set-cookie', sessionCookie(word, session.expiresAt - clock.now()), { append: true })
  return session
}

async function signIn(call: Call): Promise<Response> {
  const { context, deps, signIn: door } = call
  door.check()
  // Whoever makes a browser sign in under a name of theirs sees what its owner does next.
  if (askedBy(context, deps.url()) === 'other') {
    throw new HoldfastError('forbidden', 'this was not asked by a page of this hub', {
      remedy: 'Open the dashboard itself.',
    })
  }
  const { token } = parseWith(signInSchema, await readJson(call))
  const row = deps.tokens.find(token.trim())
  if (row === undefined) {
    door.refused()
    deps.signIns.refused += 1
    throw new HoldfastError('unauthenticated', 'the token is not valid', {
      field: 'token',
      remedy: 'Check that it is whole, and that it has not expired; an administrator makes another.',
    })
  }
  deps.signIns.token += 1
  const before = sessionWord(context)
  if (before !== undefined) deps.sessions.close(before)
  return context.json(present(openSession(call, holderOf(row), row.role), deps), 201)
}

export const sessionRoutes: readonly ApiRoute[] = [
  {
    method: 'POST',
    path: PATH,
    role: 'public',
    door: 'sign-in',
    summary: 'Sign in with an API token: sets the cookie of a session',
    request: signInSchema,
    reply: 'Role, name, end of the session, and the word that its writes send as X-CSRF-Token',
    handle: signIn,
  },
  {
    method: 'GET',
    path: PATH,
    role: 'public',
    summary: 'Who is signed in by the session of this browser',
    reply: 'As after signing in; 401 where nobody is, with the ways there are to sign in',
    handle: ({ context, deps }) => {
      const word = sessionWord(context)
      const session = word === undefined ? undefined : deps.sessions.find(word, true)
      if (session !== undefined) return context.json(present(session, deps))
      if (word !== undefined) context.header('set-cookie', noSessionCookie)
      const message = 'nobody is signed in here'
      const remedy = 'Sign in with an API token, or as `login` says.'
      return context.json({ code: 'unauthenticated', message, remedy, login: loginOf(deps) }, 401)
    },
  },
  {
    method: 'DELETE',
    path: PATH,
    role: 'viewer',
    summary: 'Sign out: ends the session of this browser',
    reply: 'What was ended',
    handle: ({ actor, context, deps, session }) => {
      const word = sessionWord(context)
      if (session === undefined || word === undefined) {
        throw new HoldfastError('not-found', 'a token has no session', {
          remedy: 'Revoke it with `holdfast-hub access revoke ID`.',
        })
      }
      deps.sessions.close(word)
      deps.hub.note(actor, 'sign-out', `session/${session.id}`)
      context.header('set-cookie', noSessionCookie)
      return context.json({ ended: session.id })
    },
  },
]
