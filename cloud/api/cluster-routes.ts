// Clusters that the hub follows by their agents, for people; and the two routes that agents of clusters call.

import * as v from 'valibot'
import { toBase64 } from '../../shared/bytes.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { networkRef } from '../../shared/intent/network.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { renewRequestSchema } from '../../shared/wire/renew.ts'
import { clusterName, podBlocks } from '../clusters/registry.ts'
import { readJson } from './body.ts'
import type { ApiRoute } from './route.ts'

const addSchema = v.strictObject({ name: clusterName, network: networkRef, podBlocks: v.optional(podBlocks, []) })
const setSchema = v.strictObject({ podBlocks })

export const clusterRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/clusters',
    role: 'viewer',
    summary: 'List clusters that are followed by their agents',
    reply: 'How each stands, and how much follows from it',
    handle: ({ context, deps }) => context.json({ items: deps.clusters.list() }),
  },
  {
    method: 'POST',
    path: '/api/v1/clusters',
    role: 'admin',
    summary: 'Let a cluster be followed',
    request: addSchema,
    example: { name: 'example', network: 'default', podBlocks: ['10.43.0.0/16'] },
    reply: 'The cluster, and the key of its agent, shown this once',
    handle: async (call) => {
      const { actor, context, deps } = call
      return context.json(deps.clusters.add(parseWith(addSchema, await readJson(call)), actor), 201)
    },
  },
  {
    method: 'PUT',
    path: '/api/v1/clusters/:name',
    role: 'admin',
    summary: 'Change what a cluster may do',
    request: setSchema,
    example: { podBlocks: ['10.43.0.0/16'] },
    reply: 'The cluster',
    handle: async (call) => {
      const { actor, context, deps } = call
      const change = parseWith(setSchema, await readJson(call))
      return context.json(await deps.clusters.set(context.req.param('name') ?? '', change, actor))
    },
  },
  {
    method: 'POST',
    path: '/api/v1/clusters/:name/key',
    role: 'admin',
    summary: 'Give the agent of a cluster another key; the one that it has ends',
    reply: 'The cluster, and the key, shown this once',
    handle: async ({ actor, context, deps }) =>
      context.json(await deps.clusters.rekey(context.req.param('name') ?? '', actor), 201),
  },
  {
    method: 'DELETE',
    path: '/api/v1/clusters/:name',
    role: 'admin',
    summary: 'Follow a cluster no longer, and take away what it brought',
    reply: 'How many records went, and whether the cluster is rid of what the hub wrote there',
    handle: async ({ actor, context, deps }) =>
      context.json(await deps.clusters.remove(context.req.param('name') ?? '', actor)),
  },
  {
    method: 'GET',
    path: '/api/v1/enrol/cluster-challenge/:node',
    role: 'public',
    summary: 'What the agent of a cluster signs to be given broker credentials; the same answer about anybody',
    reply: 'The challenge',
    handle: ({ context, deps }) => {
      const node = parseNodeId(context.req.param('node') ?? '')
      return context.json({ challenge: toBase64(deps.clusters.challenge(node)) })
    },
  },
  {
    method: 'POST',
    path: '/api/v1/enrol/cluster',
    role: 'public',
    summary: 'Give the agent of a cluster broker credentials, for a proof of its key',
    request: renewRequestSchema,
    reply: 'The credentials, in place of those it had',
    handle: async (call) => {
      const { context, deps } = call
      return context.json(await deps.clusters.renew(parseWith(renewRequestSchema, await readJson(call))))
    },
  },
]
