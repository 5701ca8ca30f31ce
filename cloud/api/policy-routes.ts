// Policy as a whole: who may talk to whom, what other policies would have done to the flows on record, and what these suggest.

import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { directoryOf } from '../../shared/flows/ends.ts'
import { suggest } from '../../shared/flows/suggest.ts'
import { suggestionYaml } from '../../shared/flows/suggest-yaml.ts'
import { parseName } from '../../shared/ids.ts'
import { name } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { duration, durationS } from '../../shared/intent/token.ts'
import { parseDocuments } from '../../shared/intent/yaml.ts'
import { documentBytesMax } from '../../shared/limits.ts'
import { judge } from '../../shared/policy/oracle.ts'
import { explainFlow, explainLines } from '../../shared/policy/reason-text.ts'
import { parseService } from '../../shared/policy/target.ts'
import { type HubWorld, hubWorld, type Policies } from '../policy/hub-world.ts'
import type { Matrix } from '../policy/matrix.ts'
import { createMatrixMemo, type MatrixMemo } from '../policy/matrix-memo.ts'
import { type Folded, foldRecords, replayFleet } from '../policy/whatif.ts'
import { readJson } from './body.ts'
import type { ApiRoute, Call } from './route.ts'
import { answerIfNew } from './unchanged.ts'

const SINCE = '7d'
const NAME_MAX = 63

const network = { name: 'network', description: 'Which network; `default` where absent' }
const since = {
  name: 'since',
  description: `How far back, by the clocks of devices: 20m, 4h, 7d; ${SINCE} where absent`,
}

const whatifSchema = v.strictObject({
  network: v.optional(name, 'default'),
  /** Policies as YAML or JSON documents, in place of their namesakes. */
  policies: v.optional(v.pipe(v.string(), v.maxLength(documentBytesMax)), ''),
  /** Policies that would be gone, by name. */
  delete: v.optional(v.pipe(v.array(name), v.maxLength(1_000)), []),
  since: v.optional(duration, SINCE),
})

function worldAsked({ context, deps }: Call): HubWorld {
  return hubWorld(deps.hub, context.req.query('network') ?? 'default')
}

function sinceMsOf({ deps }: Call, text: string): number {
  try {
    return Math.max(0, deps.clock.now() - 1_000 * durationS(parseWith(duration, text)))
  } catch (cause) {
    throw new HoldfastError('invalid', 'is not a time', {
      field: 'since',
      cause,
      remedy: 'Write it like 20m, 4h or 7d.',
    })
  }
}

const memos = new WeakMap<Call['deps']['hub'], MatrixMemo>()

function matrix(call: Call): Matrix {
  const { hub } = call.deps
  const memo = memos.get(hub) ?? createMatrixMemo()
  memos.set(hub, memo)
  return memo.of(worldAsked(call).world, call.context.req.query('by'))
}

function policiesIn(text: string, ofNetwork: string): Policies {
  return parseDocuments(text).map((resource) => {
    const { kind, metadata } = resource
    if (kind === 'Policy' && resource.spec.network === ofNetwork) {
      return { name: parseName(metadata.name), spec: resource.spec }
    }
    const why =
      kind === 'Policy' ? `is of network ${resource.spec.network}` : 'is no Policy: nothing else is tried here'
    throw new HoldfastError('invalid', `${kind}/${metadata.name} ${why}`, { field: 'kind', remedy: 'Leave it out.' })
  })
}

function recordsSince({ deps }: Call, sinceMs: number, world: HubWorld, ofNetwork: string): Folded {
  return foldRecords(deps.hub.flowRecords(ofNetwork, sinceMs), world.world)
}

async function whatif(call: Call): Promise<Response> {
  const asked = parseWith(whatifSchema, await readJson(call))
  const world = hubWorld(call.deps.hub, asked.network)
  const more = asked.policies.trim() === '' ? [] : policiesIn(asked.policies, asked.network)
  const gone = new Set<string>([...asked.delete, ...more.map((one) => one.name)])
  const then = [...world.policies.filter((one) => !gone.has(one.name)), ...more]
  const sinceMs = sinceMsOf(call, asked.since)
  const folded = recordsSince(call, sinceMs, world, asked.network)
  return call.context.json({ sinceMs, ...replayFleet(folded, world.world, world.with(then)) })
}

function audit(call: Call): Response {
  const { context } = call
  const world = worldAsked(call)
  const audited = world.policies.filter(({ spec }) => spec.mode === 'Audit').map((one) => one.name)
  const enforced = world.policies.map((one) => ({ ...one, spec: { ...one.spec, mode: 'Enforce' as const } }))
  const sinceMs = sinceMsOf(call, context.req.query('since') ?? SINCE)
  const folded = recordsSince(call, sinceMs, world, context.req.query('network') ?? 'default')
  const found = replayFleet(folded, world.world, world.with(enforced))
  // Where policies have changed since is no matter of Audit.
  return context.json({
    policies: audited,
    sinceMs,
    ...found,
    changes: found.changes.filter(({ already }) => !already),
  })
}

function suggested(call: Call): Response {
  const { context } = call
  const wanted = context.req.query('node') ?? ''
  const of = context.req.query('network') ?? 'default'
  const world = worldAsked(call)
  const sinceMs = sinceMsOf(call, context.req.query('since') ?? SINCE)
  const records = call.deps.hub.flowRecords(of, sinceMs).filter((one) => one.node === wanted)
  const [folded] = foldRecords(records, world.world).nodes
  if (folded === undefined) {
    throw new HoldfastError('not-found', `no flows of a node "${wanted.slice(0, 70)}" are here`, {
      field: 'node',
      remedy: 'It brings them once it is connected.',
    })
  }
  const { dealings, self } = folded
  const suggestion = suggest({ dealings: dealings.all, self, today: directoryOf(world.world) })
  if (suggestion.ingress === undefined && suggestion.egress === undefined) {
    throw new HoldfastError('not-found', 'there is nothing to learn from: no flow of it was accepted and answered', {
      remedy: 'Let the traffic run that is wanted, or look further back.',
    })
  }
  const { fromMs, toMs } = dealings
  const title = parseName(`suggested-${wanted}`.slice(0, NAME_MAX).replace(/-+$/, ''))
  const yaml = suggestionYaml(suggestion, { name: title, network: of, node: wanted, fromMs, toMs, lines: [] })
  return context.json({ name: title, yaml, ...suggestion, batches: dealings.batches, fromMs, toMs })
}

function explain(call: Call): Response {
  const { context } = call
  const { from = '', port = '', to = '' } = context.req.query()
  const { world } = worldAsked(call)
  const items = explainFlow(world, { from, to, service: parseService(port) }, (subject, direction, other, flow) =>
    judge({ subject, direction, other, protocol: flow.protocol, port: flow.port }, world),
  )
  return context.json({ items, lines: explainLines(items) })
}

export const policyRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/policy/matrix',
    role: 'viewer',
    summary: 'Who may talk to whom, by the values of a label, and which rules say so',
    query: [network, { name: 'by', description: 'Key of the label; what nodes are for where absent' }],
    reply: 'Groups of nodes, and a cell for each pair: all, some or none, with services and rules',
    handle: (call) => answerIfNew(call.context, matrix(call)),
  },
  {
    method: 'GET',
    path: '/api/v1/policy/explain',
    role: 'viewer',
    summary: 'Whether one end may reach the other, by which rule of which policy, and why',
    query: [
      network,
      { name: 'from', description: 'A node, NAMESPACE/NAME of a pod, or an address' },
      { name: 'to', description: 'The same' },
      { name: 'port', description: '443, 53/udp, or icmp' },
    ],
    reply: 'A decision for each pair of addresses, and the same in sentences',
    handle: explain,
  },
  {
    method: 'POST',
    path: '/api/v1/policy/whatif',
    role: 'operator',
    summary: 'What other policies would have done to the flows on record; changes nothing',
    request: whatifSchema,
    example: { policies: '', delete: ['open-all'], since: '1d' },
    reply: 'Flows that would be lost or gained, with the rules that decided then, decide today and would decide',
    handle: whatif,
  },
  {
    method: 'GET',
    path: '/api/v1/policy/audit',
    role: 'viewer',
    summary: 'What policies in Audit mode would have done to the flows on record if they were enforced',
    query: [network, since],
    reply: 'Their names, and flows that would be lost or gained',
    handle: audit,
  },
  {
    method: 'GET',
    path: '/api/v1/policy/suggest',
    role: 'viewer',
    summary: 'The least policy that the accepted and answered flows of a node need',
    query: [network, since, { name: 'node', description: 'Whose' }],
    reply: 'The policy as YAML, with the evidence for each rule and what taught nothing',
    handle: suggested,
  },
]
