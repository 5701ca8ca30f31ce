// The fleet as it is: devices, roll-outs, approval, and the audit log.

import type { Context } from 'hono'
import { HoldfastError } from '../../shared/errors.ts'
import { showCondition } from '../../shared/health.ts'
import type { AuditQuery } from '../audit.ts'
import type { FleetNode } from '../hub.ts'
import type { ShownNode } from './answers.ts'
import type { ApiRoute } from './route.ts'

const AUDIT_ROWS_MAX = 1_000

/** Conditions with their meaning spelled out: a dashboard needs no table of its own. */
function presentNode(node: FleetNode): ShownNode {
  return { ...node, health: node.health.map(showCondition) }
}

function auditLimit(text: string | undefined): number {
  const limit = Number(text ?? 100)
  if (Number.isInteger(limit) && limit >= 1 && limit <= AUDIT_ROWS_MAX) return limit
  throw new HoldfastError('invalid', `is not a number from 1 to ${AUDIT_ROWS_MAX}`, {
    field: 'limit',
    remedy: `Use a whole number from 1 to ${AUDIT_ROWS_MAX}.`,
  })
}

function wholeNumber(context: Context, field: string): number | undefined {
  const text = context.req.query(field)
  if (text === undefined) return undefined
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(number)) return number
  throw new HoldfastError('invalid', 'is not a whole number', { field, remedy: 'Use digits alone.' })
}

function auditQuery(context: Context): AuditQuery {
  const { actor, target, verb } = context.req.query()
  const [before, since, until] = ['before', 'since', 'until'].map((field) => wholeNumber(context, field))
  return { actor, before, since, target, until, verb }
}

export const fleetRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/fleet',
    role: 'viewer',
    summary: 'Every enrolled device: state, last report, endpoints, health',
    reply: 'Devices by name',
    handle: ({ context, deps }) => context.json({ items: deps.hub.fleet().map(presentNode) }),
  },
  {
    method: 'GET',
    path: '/api/v1/fleet/:name',
    role: 'viewer',
    summary: 'One enrolled device',
    reply: 'The device',
    handle: ({ context, deps }) => {
      const name = context.req.param('name') ?? ''
      const node = deps.hub.fleetNode(name)
      if (node === undefined) {
        throw new HoldfastError('not-found', `no device "${name.slice(0, 70)}" has enrolled`, {
          remedy: 'See `holdfast-hub status`.',
        })
      }
      return context.json(presentNode(node))
    },
  },
  {
    method: 'GET',
    path: '/api/v1/rollout',
    role: 'viewer',
    summary: 'How far the newest revision of each network has come',
    reply: 'One entry per network',
    handle: ({ context, deps }) => context.json({ items: deps.hub.rollOut() }),
  },
  {
    method: 'POST',
    path: '/api/v1/nodes/:name/approve',
    role: 'operator',
    summary: 'Approve a device that waits',
    reply: 'The device',
    handle: async ({ actor, context, deps }) => {
      const node = await deps.hub.approve(context.req.param('name') ?? '', actor)
      return context.json(presentNode(node))
    },
  },
  {
    method: 'GET',
    path: '/api/v1/audit',
    role: 'admin',
    summary: 'Who changed what, newest first',
    query: [
      { name: 'limit', description: `1 to ${AUDIT_ROWS_MAX}; 100 where absent` },
      { name: 'before', description: 'Only what came before the entry of this id: the next page' },
      { name: 'actor', description: 'Only what this name did' },
      { name: 'verb', description: 'Only this: `create`, `delete`, `sign-in`' },
      { name: 'target', description: 'Only what was done to this; how it begins will do: `node/`, `policy/web`' },
      { name: 'since', description: 'Not before this time, milliseconds since the Unix epoch' },
      { name: 'until', description: 'Not after it' },
    ],
    reply: 'Rows of the audit log, and as `next` the id for `before` where there may be more',
    handle: ({ context, deps }) => {
      const limit = auditLimit(context.req.query('limit'))
      const items = deps.hub.audit(limit, auditQuery(context))
      return context.json({ items, ...(items.length < limit ? {} : { next: items.at(-1)?.id }) })
    },
  },
]
