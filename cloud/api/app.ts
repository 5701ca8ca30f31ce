// The API as one hono app. Every route comes from one table, and access is checked before its handler can run, so a
// route without a role does not exist.

import { type Context, Hono } from 'hono'
import { HoldfastError } from '../../shared/errors.ts'
import { httpBodyMax } from '../../shared/limits.ts'
import { createAdmission } from './admission.ts'
import { clusterRoutes } from './cluster-routes.ts'
import { commandRoutes } from './command-routes.ts'
import { enrolRoutes } from './enrol-routes.ts'
import { eventRoutes } from './event-routes.ts'
import { fleetRoutes } from './fleet-routes.ts'
import { flowRoutes } from './flow-routes.ts'
import { lockRoutes } from './lock-routes.ts'
import { oidcRoutes } from './oidc-routes.ts'
import { openApiDocument } from './openapi.ts'
import { overrideRoutes } from './override-routes.ts'
import { policyRoutes } from './policy-routes.ts'
import { releaseRoutes } from './release-routes.ts'
import { errorBody, statusOf } from './reply.ts'
import { resourceRoutes } from './resource-routes.ts'
import { rosterRoutes } from './roster-routes.ts'
import { type ApiDeps, type ApiRoute, type Call } from './route.ts'
import { sessionRoutes } from './session-routes.ts'
import { systemRoutes } from './system-routes.ts'
import { tokenRoutes } from './token-routes.ts'

const documentRoute: ApiRoute = {
  method: 'GET',
  path: '/api/v1/openapi.json',
  role: 'viewer',
  summary: 'This document',
  reply: 'OpenAPI 3.1',
  handle: ({ context, deps }) => context.json(openApiDocument(apiRoutes, deps.version)),
}

export const apiRoutes: readonly ApiRoute[] = [
  ...systemRoutes,
  ...sessionRoutes,
  ...oidcRoutes,
  ...enrolRoutes,
  ...releaseRoutes,
  ...resourceRoutes,
  ...lockRoutes,
  ...tokenRoutes,
  ...clusterRoutes,
  ...fleetRoutes,
  ...rosterRoutes,
  ...overrideRoutes,
  ...commandRoutes,
  ...flowRoutes,
  ...policyRoutes,
  ...eventRoutes,
  documentRoute,
]

/** An enrolment is a kilobyte; who is not known yet gets no more than this. */
const PUBLIC_BODY_MAX = 16 << 10
/** Of what the API answers. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

function methodsByPath(routes: readonly ApiRoute[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const { method, path } of routes) {
    const own = found.get(path) ?? []
    own.push(...(method === 'GET' ? ['GET', 'HEAD'] : [method]))
    found.set(path, own)
  }
  return found
}

/** A misspelt `dryRun` would change what was only to be looked at, so what is not known is refused. */
function refuseUnknownQuery({ query = [] }: ApiRoute, context: Context): void {
  const known = query.map((parameter) => parameter.name)
  for (const name of Object.keys(context.req.query())) {
    if (known.includes(name)) continue
    const words = known.length === 0 ? 'This route has none.' : `Use ${known.join(' or ')}.`
    throw new HoldfastError('invalid', 'is not a known parameter', { field: name.slice(0, 64), remedy: words })
  }
}

/** What changes something is answered once it is where the next leader finds it. */
async function answer(route: ApiRoute, call: Call): Promise<Response> {
  const { replica } = call.deps
  if (route.method === 'GET' || replica === undefined) return route.handle(call)
  replica.admit()
  const reply = await route.handle(call)
  await replica.settled()
  return reply
}

/** Whoever comes with a browser is told in words. */
const NO_DASHBOARD = 'This hub was built without its dashboard: use holdfast-hub, or the API under /api/v1.\n'

async function otherwise(context: Context, { dashboard }: ApiDeps): Promise<Response> {
  const answered = await dashboard?.answer(context)
  if (answered !== undefined) return answered
  if (dashboard === undefined && context.req.path === '/') return context.text(NO_DASHBOARD, 404)
  const remedy = 'GET /api/v1/openapi.json lists the routes.'
  return context.json({ code: 'not-found', message: 'there is no such route', remedy }, 404)
}

export function createApp(deps: ApiDeps): Hono {
  const app = new Hono()
  const admission = createAdmission(deps)
  app.use(async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) {
      // The dashboard brings its own.
      if (!context.res.headers.has(name)) context.header(name, value)
    }
  })
  for (const route of apiRoutes) {
    const bodyMax = route.role === 'public' ? PUBLIC_BODY_MAX : httpBodyMax
    app.on(route.method, route.path, (context) => {
      const caller = admission.admit(route, context)
      if (route.role !== 'public') refuseUnknownQuery(route, context)
      return answer(route, { context, deps, bodyMax, ...caller })
    })
  }
  for (const [path, methods] of methodsByPath(apiRoutes)) {
    app.all(path, (context) => {
      context.header('allow', methods.join(', '))
      const message = `${context.req.method.slice(0, 20)} is not offered here`
      return context.json({ code: 'unsupported', message, remedy: `Use ${methods.join(' or ')}.` }, 405)
    })
  }
  app.notFound((context) => otherwise(context, deps))
  app.onError((error, context) => {
    const status = statusOf(error)
    if (status >= 500) deps.log.error('a request failed', { path: context.req.path, why: error.message })
    if (status === 401) context.header('www-authenticate', 'Bearer')
    if (status === 429) context.header('retry-after', '60')
    return context.json(errorBody(error), status)
  })
  return app
}
