// Every node in a line, or a few of them: what a page that shows thousands of nodes is made of.

import { rosterNamesMax, topologyLabelsMax } from '../../shared/dashboard-limits.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import type { Intended } from '../fleet/glance.ts'
import { type RosterNode, rosterOf } from '../fleet/roster.ts'
import { halvesOf, type TopologyView, topologyOf } from '../fleet/topology.ts'
import type { ApiRoute, Call } from './route.ts'
import { createSharedAnswer, type SharedAnswer } from './shared-answer.ts'
import { answerIfNew } from './unchanged.ts'

function namesAsked(text: string | undefined): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined
  const names = new Set(text.split(',', rosterNamesMax + 1).map((name) => name.trim()))
  if (names.size <= rosterNamesMax) return names
  throw new HoldfastError('too-large', `names more than ${rosterNamesMax} nodes`, {
    field: 'names',
    remedy: 'Leave it out: all of them are read at once.',
  })
}

function rosterNode({ addresses, resource }: Intended): readonly RosterNode[] {
  if (resource.kind !== 'Node') return []
  const { metadata, spec } = resource
  return [{ name: parseName(metadata.name), network: parseName(spec.network), labels: spec.labels, addresses }]
}

const shared = new WeakMap<Call['deps']['hub'], SharedAnswer>()

/** All nodes, as JSON: pages ask for them at once when their hub is back. */
function wholeRoster({ clock, hub }: Call['deps']): string {
  const held = shared.get(hub) ?? createSharedAnswer(hub, clock)
  shared.set(hub, held)
  return held.of(() => JSON.stringify(rosterOf(hub.intended('Node').flatMap(rosterNode), hub.fleet())))
}

function roster({ context, deps }: Call): Response {
  const { clock, hub } = deps
  const names = namesAsked(context.req.query('names'))
  if (names === undefined) {
    const text = `{"at":${clock.now()},${wholeRoster(deps).slice(1)}`
    return context.body(text, 200, { 'content-type': 'application/json' })
  }
  const nodes = hub
    .intended('Node')
    .flatMap(rosterNode)
    .filter(({ name }) => names.has(name))
  const fleet = [...names].flatMap((name) => hub.fleetNode(name) ?? [])
  return context.json({ at: clock.now(), ...rosterOf(nodes, fleet) })
}

const by = { name: 'by', description: 'Key of the label that puts nodes together; that of their site where absent' }
const within = { name: 'within', description: 'Only nodes with this value of it, each for itself' }

const each = { name: 'each', description: '`true`: each node for itself, of all values' }
const label = {
  name: 'label',
  description: `Only nodes with this label, \`site=kiel\`; again for others: one of each key will do, ${topologyLabelsMax} at most`,
}

function allNodes({ deps: { hub } }: Call): readonly RosterNode[] {
  return hub.intended('Node').flatMap(rosterNode)
}

/** `site=kiel`, any number of them; of the same key one will do. */
function labelsAsked({ context }: Call): TopologyView['labels'] {
  const words = context.req.queries('label')
  if (words === undefined) return undefined
  if (words.length > topologyLabelsMax) {
    throw new HoldfastError('too-large', `names more than ${topologyLabelsMax} labels`, {
      field: 'label',
      remedy: 'Leave some out.',
    })
  }
  const labels = new Map<string, Set<string>>()
  for (const word of words) {
    const [, key, value = ''] = /^([^=]+)=(.*)$/.exec(word) ?? []
    if (key === undefined) {
      throw new HoldfastError('invalid', 'is no label', { field: 'label', remedy: 'Write it like site=kiel.' })
    }
    labels.set(key, (labels.get(key) ?? new Set()).add(value))
  }
  return labels
}

function viewAsked(call: Call): TopologyView {
  const { by: key, each: alone, within: value } = call.context.req.query()
  if (alone !== undefined && alone !== 'true' && alone !== 'false') {
    throw new HoldfastError('invalid', 'is neither true nor false', { field: 'each', remedy: 'Use true or false.' })
  }
  return { by: key, within: value, each: alone === 'true', labels: labelsAsked(call) }
}

function halves(call: Call): Response {
  const { a = '', b = '' } = call.context.req.query()
  const items = halvesOf(allNodes(call), call.deps.hub.fleet(), { ...viewAsked(call), a, b })
  return call.context.json({ items })
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
  {
    method: 'GET',
    path: '/api/v1/fleet/:name/trace',
    role: 'viewer',
    summary: 'How one device was of late: peers reached, round trip, bytes, revision',
    reply: 'Points, the oldest first; a hub that was restarted begins anew',
    handle: ({ context, deps }) => context.json({ items: deps.hub.trace(context.req.param('name') ?? '') }),
  },
  {
    method: 'GET',
    path: '/api/v1/topology',
    role: 'viewer',
    summary: 'Who reaches whom by which kind of path, by sites or within one',
    query: [by, within, each, label],
    reply: 'Spots with their nodes, and links between them with how many pairs go which way; 304 where it is as before',
    handle: (call) => answerIfNew(call.context, topologyOf(allNodes(call), call.deps.hub.fleet(), viewAsked(call))),
  },
  {
    method: 'GET',
    path: '/api/v1/topology/pairs',
    role: 'viewer',
    summary: 'What both ends say of each pair between two spots of the topology',
    query: [
      by,
      within,
      each,
      label,
      { name: 'a', description: 'Key of one spot' },
      { name: 'b', description: 'Key of the other' },
    ],
    reply: 'Halves of pairs, those that do not reach each other first',
    handle: halves,
  },
]
