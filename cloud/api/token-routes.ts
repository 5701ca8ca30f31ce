// Join tokens for devices, and API tokens for people and programs.

import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { name } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { duration, durationS, tokenSpec } from '../../shared/intent/token.ts'
import { roles } from '../access/access-store.ts'
import { readJson } from './body.ts'
import type { ApiRoute } from './route.ts'

/** The audit log calls the hub's own doings so. */
const reserved: ReadonlySet<string> = new Set(['hub', 'local-cli', 'restore'])

const accessSchema = v.strictObject({
  name: v.pipe(
    name,
    v.check((word) => !reserved.has(word), 'is a name that the hub uses itself: choose another'),
  ),
  role: v.picklist(roles),
  /** Does not expire where absent. */
  ttl: v.optional(duration),
})

function noToken(id: string): HoldfastError {
  return new HoldfastError('not-found', `there is no token "${id.slice(0, 20)}"`, {
    remedy: 'See `holdfast-hub token list` and `holdfast-hub access list`.',
  })
}

export const tokenRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/tokens',
    role: 'viewer',
    summary: 'List join tokens',
    reply: 'Join tokens without their secrets',
    handle: ({ context, deps }) => context.json({ items: deps.hub.listTokens() }),
  },
  {
    method: 'GET',
    path: '/api/v1/tokens/:id',
    role: 'viewer',
    summary: 'Get one join token',
    reply: 'The join token without its secret',
    handle: ({ context, deps }) => {
      const id = context.req.param('id') ?? ''
      const row = deps.hub.listTokens().find((token) => token.id === id)
      if (row === undefined) throw noToken(id)
      return context.json(row)
    },
  },
  {
    method: 'POST',
    path: '/api/v1/tokens',
    role: 'operator',
    summary: 'Create a join token',
    request: tokenSpec,
    example: { network: 'default', ttl: '24h', uses: 20, labels: { site: 'alpha' }, autoApprove: true },
    reply: 'The word for `holdfast join`, shown this once',
    handle: async (call) => {
      const { actor, context, deps } = call
      const spec = parseWith(tokenSpec, await readJson(call))
      return context.json(deps.hub.createToken(spec, actor), 201)
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/tokens/:id',
    role: 'operator',
    summary: 'Revoke a join token; devices that joined with it stay',
    reply: 'What was revoked',
    handle: ({ actor, context, deps }) => {
      const id = context.req.param('id') ?? ''
      if (!deps.hub.revokeToken(id, actor)) throw noToken(id)
      return context.json({ revoked: id })
    },
  },
  {
    method: 'GET',
    path: '/api/v1/access',
    role: 'admin',
    summary: 'List API tokens',
    reply: 'API tokens without their secrets',
    handle: ({ context, deps }) => context.json({ items: deps.tokens.list() }),
  },
  {
    method: 'POST',
    path: '/api/v1/access',
    role: 'admin',
    summary: 'Create an API token with a role',
    request: accessSchema,
    example: { name: 'grafana', role: 'viewer', ttl: '90d' },
    reply: 'The token, shown this once',
    handle: async (call) => {
      const { actor, context, deps } = call
      const wanted = parseWith(accessSchema, await readJson(call))
      const ttlS = wanted.ttl === undefined ? undefined : durationS(wanted.ttl)
      const created = deps.tokens.create(wanted.name, wanted.role, ttlS)
      try {
        deps.hub.note(actor, 'create', `access/${created.id}`, `${wanted.role} ${wanted.name}`)
      } catch (error) {
        // What nobody wrote down must open nothing.
        deps.tokens.revoke(created.id)
        throw error
      }
      return context.json(created, 201)
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/access/:id',
    role: 'admin',
    summary: 'Revoke an API token',
    reply: 'What was revoked',
    handle: ({ actor, context, deps }) => {
      const id = context.req.param('id') ?? ''
      const held = deps.tokens.list().find((token) => token.id === id)
      if (held === undefined || !deps.tokens.revoke(id)) throw noToken(id)
      deps.hub.note(actor, 'revoke', `access/${id}`, `${held.role} ${held.name}`)
      return context.json({ revoked: id })
    },
  },
]
