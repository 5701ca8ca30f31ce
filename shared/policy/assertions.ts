// Tests of policy as people write them: who must reach what, and who must not. Evaluated on the compiled tables, so what
// passes here is what would be enforced.

import * as v from 'valibot'
import { HoldfastError } from '../errors.ts'
import type { Namespace } from '../fact/pod-table.ts'
import { address, labels, name, port } from '../intent/field.ts'
import { assertionPairsMax, podPortsMax } from '../limits.ts'
import { type Compilation, compileTable } from './compile.ts'
import { decideFlow, type Flow, type FlowDecision, type Judge } from './flow.ts'
import { lookUp, type Table } from './table.ts'
import { type End, endsOf, pairsOf, parseTarget, type Service } from './target.ts'
import { podEndpoint, type World } from './world.ts'

const words = v.pipe(
  v.union([v.string(), v.pipe(v.array(v.string()), v.maxLength(256))]),
  v.transform((given) => (typeof given === 'string' ? [given] : given)),
)

const assertion = v.pipe(
  v.strictObject({
    from: v.pipe(words, v.minLength(1)),
    mustReach: v.optional(words, []),
    mustNotReach: v.optional(words, []),
  }),
  v.check((a) => a.mustReach.length + a.mustNotReach.length > 0, 'asserts nothing: add mustReach or mustNotReach'),
)
export type Assertion = v.InferOutput<typeof assertion>

/** Pods stand in the file, because intent does not know them. */
const pod = v.strictObject({
  namespace: v.optional(name, 'default'),
  name,
  /** The node that the mesh reaches it through. */
  node: v.optional(name),
  labels: v.optional(labels, {}),
  addresses: v.pipe(v.array(address), v.minLength(1), v.maxLength(2)),
  ports: v.optional(
    v.pipe(
      v.array(v.strictObject({ name, protocol: v.optional(v.picklist(['TCP', 'UDP', 'SCTP']), 'TCP'), port })),
      v.maxLength(podPortsMax),
    ),
    [],
  ),
})

export const assertionFile = v.strictObject({
  namespaces: v.optional(v.array(v.strictObject({ name, labels: v.optional(labels, {}) })), []),
  pods: v.optional(v.array(pod), []),
  assertions: v.pipe(v.array(assertion), v.minLength(1)),
})
export type AssertionFile = v.InferOutput<typeof assertionFile>

/** Where pods live that name no node: a node of their own each, so that what passes between them is judged. */
function nodeOf(own: AssertionFile['pods'][number]): string {
  return own.node ?? `${own.namespace}/${own.name}`
}

/** The world with the pods of the file in it. */
export function withPods(world: World, { namespaces, pods }: Pick<AssertionFile, 'namespaces' | 'pods'>): World {
  const known: readonly Namespace[] = namespaces
  return { ...world, endpoints: [...world.endpoints, ...pods.map((own) => podEndpoint(own, nodeOf(own), known))] }
}

/** One thing that was asserted of one pair, and what came out. */
export interface Finding {
  readonly from: End
  readonly to: End
  readonly wanted: 'reach' | 'not-reach'
  /** What was decided about; of a whole end the first that contradicts. */
  readonly service: Service
  readonly decision: FlowDecision
}

export interface Outcome {
  readonly checked: number
  /** What is not as asserted. */
  readonly failed: readonly Finding[]
}

/** What is enforced, node by node: each table once, and what was worked out for one serves the next. */
function judgeByTables(world: World): Judge {
  const tables = new Map<string, Table>()
  let last: Compilation | undefined
  const tableOf = (node: string): Table => {
    const held = tables.get(node)
    if (held !== undefined) return held
    last = compileTable(world, node, last)
    tables.set(node, last.table)
    return last.table
  }
  return (subject, direction, other, { port: asked, protocol }) => {
    const [local] = subject.addresses
    const found = local && lookUp(tableOf(subject.node), { local, direction, other, protocol, port: asked })
    if (found === undefined) throw new HoldfastError('failed', `${subject.name} is not judged on ${subject.node}`)
    return found
  }
}

/** Ports between two of which no rule can tell a difference. */
export function portEdges({ endpoints, policies }: World): readonly number[] {
  const edges = new Set([1])
  const add = (from: number, to: number): void => {
    for (const edge of [from, to + 1]) if (edge <= 65_535) edges.add(edge)
  }
  for (const { spec } of policies) {
    for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const one of ports) if (typeof one.port === 'number') add(one.port, one.endPort ?? one.port)
    }
  }
  for (const { ports } of endpoints) for (const named of ports) add(named.port, named.port)
  return [...edges].sort((a, b) => a - b)
}

/** Everything that policy can tell apart: to be asked where nothing at all may pass. */
function everyService(world: World): readonly Service[] {
  const edges = portEdges(world)
  const withPorts = (['TCP', 'UDP', 'SCTP'] as const).flatMap((protocol) =>
    edges.map((edge) => ({ protocol, port: edge })),
  )
  return [...withPorts, { protocol: 'ICMP', port: 0 }, { protocol: 'other', port: 0 }]
}

interface Claim {
  readonly wanted: Finding['wanted']
  readonly pairs: readonly (readonly [End, End])[]
  readonly services: readonly Service[]
}

function claimsOf(
  { from, mustNotReach, mustReach }: Assertion,
  world: World,
  every: readonly Service[],
): readonly Claim[] {
  const sources = from.flatMap((who) => endsOf(world, who))
  const claim = (wanted: Claim['wanted'], text: string): Claim => {
    const { service, who } = parseTarget(text)
    if (service === undefined && wanted === 'reach') {
      throw new HoldfastError('invalid', `"${text}" names no port to reach`, {
        remedy: `Write ${text}:443, ${text}:53/udp or ${text}/icmp.`,
      })
    }
    return { wanted, pairs: pairsOf(sources, endsOf(world, who)), services: service === undefined ? every : [service] }
  }
  return [...mustReach.map((text) => claim('reach', text)), ...mustNotReach.map((text) => claim('not-reach', text))]
}

function check({ pairs, services, wanted }: Claim, world: World, judge: Judge): readonly Finding[] {
  return pairs.flatMap(([from, to]) => {
    for (const service of services) {
      const flow: Flow = { from: from.address, to: to.address, ...service }
      const decision = decideFlow(world, flow, judge)
      if ((decision.verdict === 'accept') === (wanted === 'reach') || decision.exempt === 'agent') continue
      return [{ from, to, wanted, service, decision }]
    }
    return []
  })
}

/** Throws where an assertion is of nobody, or of more pairs than can be looked at. */
export function checkAssertions(assertions: readonly Assertion[], world: World): Outcome {
  const every = everyService(world)
  const claims = assertions.flatMap((one) => claimsOf(one, world, every))
  const checked = claims.reduce((sum, { pairs }) => sum + pairs.length, 0)
  if (checked > assertionPairsMax) {
    throw new HoldfastError(
      'too-large',
      `${checked} pairs of addresses are asserted, at most ${assertionPairsMax} are`,
      {
        remedy: 'Name fewer, or split the file.',
      },
    )
  }
  const judge = judgeByTables(world)
  return { checked, failed: claims.flatMap((claim) => check(claim, world, judge)) }
}
