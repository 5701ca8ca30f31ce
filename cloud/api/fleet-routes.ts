// The fleet as it is: devices, roll-outs, approval, and the audit log.

import { HoldfastError } from '../../shared/errors.ts'
import { showCondition } from '../../shared/health.ts'
import type { FleetNode } from '../hub.ts'
import type { ApiRoute } from './route.ts'

const AUDIT_ROWS_MAX = 1_000

/** Conditions with their meaning spelled out: a dashboard needs no table of its own. */
function presentNode(node: FleetNode): Record<string, unknown> {
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
      const node = deps.hub.fleet().find((one) => one.name === name)
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
    query: [{ name: 'limit', description: `1 to ${AUDIT_ROWS_MAX}; 100 where absent` }],
    reply: 'Rows of the audit log',
    handle: ({ context, deps }) => context.json({ items: deps.hub.audit(auditLimit(context.req.query('limit'))) }),
  },
]
