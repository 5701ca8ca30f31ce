// Flows that devices have on record and brought here, page by page.

import { HoldfastError } from '../../shared/errors.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { duration, durationS } from '../../shared/intent/token.ts'
import { flowsShownMax } from '../../shared/limits.ts'
import type { FleetFlowQuery, FlowPlace } from '../flows/fleet-flows.ts'
import type { ApiRoute, Call } from './route.ts'

const LIMIT = 1_000
const SINCE = '1h'

function refuse(field: string, what: string, remedy: string): never {
  throw new HoldfastError('invalid', what, { field, remedy })
}

function countOf(field: string, text: string, max: number): number {
  const value = Number(text)
  if (/^\d{1,16}$/.test(text) && value <= max) return value
  return refuse(field, `is not a number up to ${max}`, 'Use a whole number.')
}

function placeOf(text: string | undefined): FlowPlace | undefined {
  if (text === undefined) return undefined
  const [, at = '', id = ''] =
    /^(\d{1,16})-(\d{1,16})$/.exec(text) ?? refuse('before', 'is no place', 'Use `next` of the page before: AT-ID.')
  return { at: Number(at), id: Number(id) }
}

function sinceMsOf(text: string, nowMs: number): number {
  try {
    return Math.max(0, nowMs - 1_000 * durationS(parseWith(duration, text)))
  } catch {
    return refuse('since', 'is not a time', 'Write it like 90s, 20m, 4h or 7d.')
  }
}

function queryOf({ context, deps }: Call): FleetFlowQuery {
  const word = (name: string): string | undefined => context.req.query(name)?.slice(0, 255)
  const denied = word('denied') ?? 'false'
  if (denied !== 'true' && denied !== 'false') refuse('denied', 'is neither true nor false', 'Use true or false.')
  const limit = countOf('limit', word('limit') ?? String(LIMIT), flowsShownMax)
  if (limit === 0) refuse('limit', 'is 0', `Use 1 to ${flowsShownMax}.`)
  return {
    sinceMs: sinceMsOf(word('since') ?? SINCE, deps.clock.now()),
    afterId: countOf('after', word('after') ?? '0', Number.MAX_SAFE_INTEGER),
    denied: denied === 'true',
    node: word('node'),
    peer: word('peer'),
    limit,
    before: placeOf(word('before')),
  }
}

export const flowRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/flows',
    role: 'viewer',
    summary: 'Flows on record, as both ends of each saw and judged them, and what is missing',
    query: [
      { name: 'since', description: `How far back, by the clocks of devices: 20m, 4h, 7d; ${SINCE} where absent` },
      { name: 'node', description: 'Only the record of this node' },
      { name: 'peer', description: 'Only with this node, pod or service, or this address, at either end' },
      { name: 'denied', description: '`true`: only what was dropped' },
      { name: 'limit', description: `1 to ${flowsShownMax} at most, the newest; ${LIMIT} where absent` },
      { name: 'after', description: 'Only what came in behind that number: `newest` of an earlier answer' },
      { name: 'before', description: 'The next page, of older ones: `next` of the one before, as AT-ID' },
    ],
    reply: 'Flows with who says so, the oldest first; what is missing; how the record of each node stands',
    handle: (call) => call.context.json(call.deps.hub.flows(queryOf(call))),
  },
  {
    method: 'POST',
    path: '/api/v1/flows/:name/accept',
    role: 'operator',
    summary: 'Go on with the record of flows that a node has, after it was refused; what is here stays',
    reply: 'The name of the node',
    handle: ({ actor, context, deps }) => {
      const name = context.req.param('name') ?? ''
      deps.hub.acceptFlows(name, actor)
      return context.json({ name })
    },
  },
]
