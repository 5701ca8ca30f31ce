// Intent over REST: list, get, put and delete for each kind, and several at once.

import type { GenericSchema } from 'valibot'
import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { apiVersion, appliedKinds, type Kind, plural, specs } from '../../shared/intent/resource.ts'
import { formatYaml } from '../../shared/intent/yaml.ts'
import { isSet, readResource, readResources } from './body.ts'
import { presentResource } from './reply.ts'
import type { ApiRoute, Call } from './route.ts'

/** Join tokens are not here: their secret is made by the hub and shown once, so they are created, not put. */
export type RestKind = (typeof appliedKinds)[number]

const dryRun = { name: 'dryRun', description: 'true: check and show what would result, change nothing' }

function missing(kind: Kind, name: string): HoldfastError {
  return new HoldfastError('not-found', `there is no ${kind} "${name.slice(0, 70)}"`, {
    remedy: `See \`holdfast-hub get ${plural[kind]}\`.`,
  })
}

function nameOf({ context }: Call): string {
  return context.req.param('name') ?? ''
}

async function put(kind: RestKind, call: Call): Promise<Response> {
  const { actor, context, deps } = call
  const resource = await readResource(call)
  if (resource.kind !== kind) {
    throw new HoldfastError('invalid', `the body is a ${resource.kind}, the path says ${kind}`, {
      field: 'kind',
      remedy: `Send it to /api/v1/${plural[resource.kind]}/${resource.metadata.name}, or to /api/v1/apply.`,
    })
  }
  if (resource.metadata.name !== nameOf(call)) {
    throw new HoldfastError('invalid', 'the name in the body is not the one in the path', {
      field: 'metadata.name',
      remedy: 'A name never changes: delete the old resource, and create one with the new name.',
    })
  }
  const before = deps.hub.get(kind, resource.metadata.name)
  const [shown] = deps.hub.putAll([resource], actor, isSet(context, 'dryRun'))
  if (shown === undefined) throw new HoldfastError('failed', 'the hub did not answer with the resource')
  return context.json(presentResource(shown), before === undefined ? 201 : 200)
}

function remove(kind: RestKind, call: Call): Response {
  const { actor, context, deps } = call
  const name = nameOf(call)
  if (!deps.hub.delete(kind, name, actor, context.req.query('resourceVersion'))) throw missing(kind, name)
  return context.json({ deleted: `${kind}/${name}` })
}

function schemaOf(kind: RestKind): GenericSchema {
  return v.strictObject({
    apiVersion: v.literal(apiVersion),
    kind: v.literal(kind),
    metadata: v.looseObject({ name: v.string() }),
    spec: specs[kind],
  })
}

/** Each is sound beside the Network `default` of a fresh hub. */
const examples: Readonly<Record<RestKind, object>> = {
  Network: { cidr: '10.77.0.0/16', cidr6: 'fd77::/64', defaultPolicy: 'Deny' },
  Canary: { percent: 10, finishAfterS: 600 },
  AgentUpdate: {
    version: '1.2.3',
    paused: true,
    selector: { matchLabels: { site: 'alpha' } },
    waves: [{ count: 1 }, { percent: 100 }],
  },
  Node: { labels: { site: 'alpha', role: 'gateway' }, advertise: ['192.168.77.0/24'] },
  Policy: {
    subject: { nodeSelector: { matchLabels: { role: 'worker' } } },
    ingress: [
      { from: [{ nodeSelector: { matchLabels: { role: 'gateway' } } }], ports: [{ protocol: 'TCP', port: 80 }] },
    ],
  },
  Route: {
    destination: '192.168.77.0/24',
    via: { matchLabels: { site: 'alpha', role: 'gateway' } },
    nat: 'masquerade',
  },
  Exit: {
    nodes: { matchLabels: { site: 'alpha' } },
    via: { matchLabels: { role: 'exit' } },
    resolvers: ['9.9.9.9', '149.112.112.112'],
  },
  Service: { ports: [{ port: 80 }], backends: { matchLabels: { role: 'worker' } } },
}

function exampleOf(kind: RestKind): object {
  return { apiVersion, kind, metadata: { name: 'example' }, spec: examples[kind] }
}

function routesOf(kind: RestKind): readonly ApiRoute[] {
  const path = `/api/v1/${plural[kind]}`
  return [
    {
      method: 'GET',
      path,
      role: 'viewer',
      summary: `List every ${kind}`,
      query: [{ name: 'watch', description: 'Follow changes as server-sent events instead; see /api/v1/events' }],
      reply: `All of kind ${kind}, by name`,
      handle: ({ context, deps }) =>
        context.req.query('watch') === undefined
          ? context.json({ apiVersion, kind: `${kind}List`, items: deps.hub.list(kind).map(presentResource) })
          : context.redirect('/api/v1/events', 307),
    },
    {
      method: 'GET',
      path: `${path}/:name`,
      role: 'viewer',
      summary: `Get one ${kind}`,
      reply: `The ${kind} with its status`,
      handle: (call) => {
        const shown = call.deps.hub.get(kind, nameOf(call))
        if (shown === undefined) throw missing(kind, nameOf(call))
        return call.context.json(presentResource(shown))
      },
    },
    {
      method: 'PUT',
      path: `${path}/:name`,
      role: 'operator',
      summary: `Create or replace one ${kind}; with metadata.resourceVersion only if nobody wrote in between`,
      query: [dryRun],
      request: schemaOf(kind),
      example: exampleOf(kind),
      reply: `The ${kind} as it is now`,
      handle: (call) => put(kind, call),
    },
    {
      method: 'DELETE',
      path: `${path}/:name`,
      role: 'operator',
      summary: `Delete one ${kind}`,
      query: [{ name: 'resourceVersion', description: 'Delete only if nobody wrote in between' }],
      reply: 'What was deleted',
      handle: (call) => remove(kind, call),
    },
  ]
}

export const resourceRoutes: readonly ApiRoute[] = [
  ...appliedKinds.flatMap(routesOf),
  {
    method: 'POST',
    path: '/api/v1/apply',
    role: 'operator',
    summary: 'Create or replace several resources, all or none, in one revision; a YAML or JSON stream',
    query: [dryRun],
    request: 'resources',
    example: appliedKinds.map((kind) => formatYaml(exampleOf(kind))).join('---\n'),
    reply: 'The resources as they are now',
    handle: async (call) => {
      const { actor, context, deps } = call
      const shown = deps.hub.putAll(await readResources(call), actor, isSet(context, 'dryRun'))
      return context.json({ apiVersion, kind: 'List', items: shown.map(presentResource) })
    },
  },
]
