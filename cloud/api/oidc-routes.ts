// Sign-in at a provider of identities, for a browser: there, and back again. What goes wrong is told on a page, for nobody but a
// person comes this way.

import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { signInMsMax } from '../../shared/dashboard-limits.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Oidc } from '../access/oidc.ts'
import { errorBody, statusOf } from './reply.ts'
import type { ApiRoute, Call } from './route.ts'
import { noSignInCookie, signInCookie, signInWord } from './session-cookie.ts'
import { openSession } from './session-routes.ts'

const PATH = '/api/v1/session/oidc'

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => ESCAPES[sign] ?? '')
}

/** Without style and script: nothing on it is needed but its words, and a way back. */
function page(context: Context, error: unknown): Response {
  const { message, remedy = '' } = errorBody(error)
  const status: ContentfulStatusCode = statusOf(error)
  const body = `<p>${escaped(message)}</p><p>${escaped(remedy)}</p><p><a href="/">Back to the sign-in</a></p>`
  const head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Not signed in</title>'
  return context.html(`<!doctype html><html lang="en">${head}<h1>Not signed in</h1>${body}</html>\n`, status)
}

function providerOf({ deps: { oidc } }: Call): Oidc {
  if (oidc !== undefined) return oidc
  throw new HoldfastError('not-found', 'this hub goes by no provider of identities', {
    remedy: 'Sign in with a token.',
  })
}

/** A page in any case. */
async function told({ context, deps }: Call, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof HoldfastError)) deps.log.error('a sign-in failed', { why: String(error) })
    return page(context, error)
  }
}

async function finish(call: Call): Promise<Response> {
  const { context, deps, signIn } = call
  signIn.check()
  const word = signInWord(context)
  context.header('set-cookie', noSignInCookie)
  try {
    const holder = await providerOf(call).finish(word ?? '', new URL(context.req.url).search)
    const { replica } = deps
    replica?.admit()
    openSession(call, holder, `${holder.name} as ${holder.role}`)
    await replica?.settled()
  } catch (error) {
    signIn.refused()
    deps.signIns.refused += 1
    throw error
  }
  deps.signIns.oidc += 1
  return context.redirect('/', 303)
}

export const oidcRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: PATH,
    role: 'public',
    summary: 'Sign in at the provider of identities: leads a browser there',
    reply: 'A redirect, or a page that says why not',
    replyType: 'text/html',
    handle: (call) =>
      told(call, async () => {
        call.signIn.begin()
        const { url, word } = await providerOf(call).begin()
        call.context.header('set-cookie', signInCookie(word, signInMsMax))
        return call.context.redirect(url, 303)
      }),
  },
  {
    method: 'GET',
    path: `${PATH}/callback`,
    role: 'public',
    summary: 'Where the provider of identities leads a browser back to',
    reply: 'A redirect to the dashboard, signed in, or a page that says why not',
    replyType: 'text/html',
    handle: (call) => told(call, () => finish(call)),
  },
]
