// Every node in a line, or a few of them: what a page that shows thousands of nodes is made of.

import { rosterNamesMax } from '../../shared/dashboard-limits.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import { type RosterNode, rosterOf } from '../fleet/roster.ts'
import type { Shown } from '../hub.ts'
import type { ApiRoute, Call } from './route.ts'

function namesAsked(text: string | undefined): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined
  const names = new Set(text.split(',', rosterNamesMax + 1).map((name) => name.trim()))
  if (names.size <= rosterNamesMax) return names
  throw new HoldfastError('too-large', `names more than ${rosterNamesMax} nodes`, {
    field: 'names',
    remedy: 'Leave it out: all of them are read at once.',
  })
}

function rosterNode({ resource, status }: Shown): readonly RosterNode[] {
  if (resource.kind !== 'Node') return []
  const addresses = (status['addresses'] ?? []) as readonly string[]
  const { metadata, spec } = resource
  return [{ name: parseName(metadata.name), network: parseName(spec.network), labels: spec.labels, addresses }]
}

function roster({ context, deps: { clock, hub } }: Call): Response {
  const names = namesAsked(context.req.query('names'))
  const isAsked = (name: string): boolean => names === undefined || names.has(name)
  const shown = names === undefined ? hub.list('Node') : [...names].flatMap((name) => hub.get('Node', name) ?? [])
  const fleet = hub.fleet().filter(({ name }) => isAsked(name))
  return context.json({ at: clock.now(), ...rosterOf(shown.flatMap(rosterNode), fleet) })
}

export const rosterRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/roster',
    role: 'viewer',
    summary: 'Every node in a line: labels, state, revision, how it reaches its peers, health',
    query: [{ name: 'names', description: `Only these, with commas between; ${rosterNamesMax} at most` }],
    reply: 'Nodes by name, what the health codes that occur mean, and the hub’s clock in milliseconds',
    handle: roster,
  },
]
